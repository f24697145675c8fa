// How long to wait for what somebody else has: a lock, or a lease.
//
// A moment always: while a process lists the descriptors of this one (ps and lsof do, and whatever
// watches a machine), the kernel lets it hold each file, and a file that is closed here meanwhile
// stays open, with its lease, until that listing ends.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace libregion {

struct Patience {
  std::uint64_t wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;  // ends the waiting with Error (stopped)
};

// Tries until it succeeds or the time is up, for a tenth of a second at least; returns whether it
// succeeded.
bool try_patiently(const Patience& patience, const std::function<bool()>& attempt);

}  // namespace libregion
