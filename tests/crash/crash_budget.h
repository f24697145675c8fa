// What a part of the proof may take.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace libregion {

struct CrashBudget {
  unsigned jobs = 1;
  std::optional<std::uint64_t> seconds = std::nullopt;  // no limit
};

// Whether somebody wants to know by now what was covered. A signal may set it.
inline std::atomic<bool> crash_is_stopped = false;

// Runs from when it is made.
class Deadline {
 public:
  explicit Deadline(const CrashBudget& budget) : budget_(budget) {}
  [[nodiscard]] bool is_over() const {
    if (crash_is_stopped) return true;
    return budget_.seconds &&
           std::chrono::steady_clock::now() - begin_ >= std::chrono::seconds(*budget_.seconds);
  }

 private:
  CrashBudget budget_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace libregion
