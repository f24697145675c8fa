#include "libregion/io/patience.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "libregion/base/error.h"

namespace libregion {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds wait_min(100);
constexpr milliseconds retry_interval_min(1);
constexpr milliseconds retry_interval_max(50);
constexpr std::uint64_t wait_seconds_max = 1'000'000'000;  // for ever, and no clock overflows

}  // namespace

bool try_patiently(const Patience& patience, const std::function<bool()>& attempt) {
  const milliseconds wait = std::chrono::seconds(std::min(patience.wait_seconds, wait_seconds_max));
  const auto deadline = std::chrono::steady_clock::now() + std::max(wait, wait_min);
  milliseconds interval = retry_interval_min;
  while (!attempt()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (patience.stop != nullptr && *patience.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
    std::this_thread::sleep_for(interval);
    interval = std::min(2 * interval, retry_interval_max);
  }
  return true;
}

}  // namespace libregion
