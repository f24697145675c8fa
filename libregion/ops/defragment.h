// Defragmenting a region: of each clean raw extent all active slots come to lie in one array, A or
// B, whichever more of its blocks use already. Data, contexts, flush ids, generation and flush
// number stay what they were, and so does the clean mark; the defragmentation count goes up by one.
//
// The order of things, for a batch of extents at a time:
//   1. the files synced                   what a killed process left in the cache is on disk now
//   2. slots copied, synced               inactive ones: in a clean extent nobody reads them
//      or, in some extents, slots emptied first: see slot_consolidation.h; then those are
//      copied, and synced, by themselves
//   3. bits and metadata written, synced
// A crash before step 3 leaves every bit as it was, and every slot that a bit names. A crash in it
// leaves any mix of old and new bits, and any of them names a slot that is right, because both
// slots of a block that was moved are the same by then. Running it again finishes the job. After a
// sync that fails nothing more is written or synced. What is seen not to be scattered is neither
// written nor synced: should a crash take back what a killed process left in the cache, the extent
// is scattered again, and as whole as it was.
//
// A SQLite extent has nothing to defragment. Dirty extents are left alone: their bits say nothing,
// and to clear the dirty mark would keep the replicas of a volume from being made equal. So are
// those that are damaged, and those that a pending repair is about to replace.

#pragma once

#include "libregion/ops/walk.h"

namespace libregion {

struct DefragmentOptions {
  WalkOptions walk;
  bool dry_run = false;  // say what would be done, change nothing
  bool check = false;    // as dry_run, with a record of how scattered each extent's slots are
  Progress* progress = nullptr;

  [[nodiscard]] bool only_looks() const { return dry_run || check; }
};

struct DefragmentSummary {
  std::uint64_t extent_count = 0;        // looked at
  std::uint64_t defragmented_count = 0;  // or would be
  std::uint64_t left_count = 0;          // left alone
  std::uint64_t moved_block_count = 0;   // whose active slot is, or would be, the other one now
  std::uint64_t written_bytes = 0;       // or would be
  std::uint64_t extra_system_calls = 0;  // of a sequential read of all clean raw extents, before
  bool has_io_errors = false;
  bool stopped = false;
};

// The region must be open for read_write, or for read where the options only look. Throws Error:
// in_use where somebody has one of its files open, failed where a write or sync fails.
DefragmentSummary defragment_region(const Region& region, const DefragmentOptions& options,
                                    Reporter& reporter);

}  // namespace libregion
