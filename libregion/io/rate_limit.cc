#include "libregion/io/rate_limit.h"

#include <algorithm>
#include <thread>

#include "libregion/base/assert.h"

namespace libregion {
namespace {

constexpr std::chrono::milliseconds saved_max(100);
// Slower than this nothing comes to an end, and no clock holds the times that come out.
constexpr double seconds_max = 1e6;

RateLimit::Time or_system(RateLimit::Time time) {
  if (!time.now) time.now = [] { return RateLimit::Clock::now(); };
  if (!time.sleep_until) {
    time.sleep_until = [](RateLimit::Clock::time_point until) {
      std::this_thread::sleep_until(until);
    };
  }
  return time;
}

}  // namespace

RateLimit::RateLimit(std::uint64_t bytes_per_second, Time time)
    : bytes_per_second_(static_cast<double>(bytes_per_second)),
      time_(or_system(std::move(time))),
      paid_until_(time_.now()) {
  LIBREGION_ASSERT(bytes_per_second > 0);
}

void RateLimit::spend(std::uint64_t byte_count) {
  const double seconds = std::min(seconds_max, static_cast<double>(byte_count) / bytes_per_second_);
  Clock::time_point turn;
  {
    const std::lock_guard lock(mutex_);
    turn = std::max(paid_until_, time_.now() - saved_max);
    paid_until_ =
        turn + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  if (turn > time_.now()) time_.sleep_until(turn);
}

}  // namespace libregion
