// At most so many bytes a second, over all threads together.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

namespace libregion {

class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // What waiting and time are is given by tests; nullptr: those of the system.
  struct Time {
    std::function<Clock::time_point()> now;
    std::function<void(Clock::time_point)> sleep_until;
  };
  explicit RateLimit(std::uint64_t bytes_per_second) : RateLimit(bytes_per_second, Time{}) {}
  RateLimit(std::uint64_t bytes_per_second, Time time);

  // Waits until what was spent before is paid for, then counts these. What was not spent in the
  // last tenth of a second is not saved up.
  void spend(std::uint64_t byte_count);

 private:
  double bytes_per_second_;
  Time time_;
  std::mutex mutex_;
  Clock::time_point paid_until_;
};

}  // namespace libregion
