#include "libregion/io/patience.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "libregion/base/error.h"

namespace libregion {
namespace {

constexpr std::chrono::milliseconds retry_interval(50);
constexpr std::uint64_t wait_seconds_max = 1'000'000'000;  // for ever, and no clock overflows

}  // namespace

bool try_patiently(const Patience& patience, const std::function<bool()>& attempt) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::seconds(std::min(patience.wait_seconds, wait_seconds_max));
  while (!attempt()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (patience.stop != nullptr && *patience.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
    std::this_thread::sleep_for(retry_interval);
  }
  return true;
}

}  // namespace libregion
