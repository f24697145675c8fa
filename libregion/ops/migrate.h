// Migrating a region in place: interrupted replacements are finished, SQLite extents become raw
// ones, what an interrupted migration left is removed. Raw extents are left alone.
//
// The order of things, for a batch of extents at a time:
//   0. the leaf directory synced                             a .db that is gone stays gone
//   1. replacements finished, .copy and .completed removed   each survives a crash by itself, see
//                                                            region/staging.h
//   2. slots, bits and metadata written behind the data      .db is there: still a SQLite extent
//   3. the data files synced
//   4. .db removed, the directory synced                     from here the extent is raw
//   5. .db-wal and .db-shm removed, the directory synced     they mean nothing without .db
// A crash anywhere leaves each extent as it was (with bytes behind its data, which the next run
// cuts off) or raw (perhaps with a stray log). Running it again finishes the job with the same
// bytes. After a sync that fails nothing more is removed.

#pragma once

#include "libregion/ops/walk.h"

namespace libregion {

struct MigrateOptions {
  WalkOptions walk;
  bool check = false;          // hash every block on the way
  bool accept_damage = false;  // migrate what the block checks have something against
  bool extend_short = false;   // fill up a short data file with zeros
  bool dry_run = false;        // say what would be done, change nothing
  Progress* progress = nullptr;
};

struct MigrateSummary {
  std::uint64_t extent_count = 0;    // looked at
  std::uint64_t migrated_count = 0;  // SQLite extents that are raw now, or would be
  std::uint64_t replaced_count = 0;  // replacements put in place
  std::uint64_t cleaned_count = 0;   // extents with nothing but leftovers
  std::uint64_t left_count = 0;      // left alone because of their damage
  std::uint64_t row_count = 0;       // contexts taken over
  std::uint64_t written_bytes = 0;   // by which files grew
  bool has_io_errors = false;
  bool stopped = false;

  [[nodiscard]] std::uint64_t changed_count() const {
    return migrated_count + replaced_count + cleaned_count;
  }
};

// The region must be open for read_write, or for read with dry_run. Throws Error: in_use where
// somebody has one of its files open, failed where space is short or a write or sync fails.
MigrateSummary migrate_region(const Region& region, const MigrateOptions& options,
                              Reporter& reporter);

}  // namespace libregion
