// How long to wait for what somebody else has: a lock, or a lease.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace libregion {

struct Patience {
  std::uint64_t wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;  // ends the waiting with Error (stopped)
};

// Tries until it succeeds or the time is up, at least once; returns whether it succeeded.
bool try_patiently(const Patience& patience, const std::function<bool()>& attempt);

}  // namespace libregion
