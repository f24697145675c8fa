// Migrating a region out of place: a new region that holds what migrating the source in place would
// make of it. The source may be a read-only snapshot; nothing of it is changed.
//
//   a SQLite extent                          becomes a raw one
//   a raw extent                             is copied byte for byte, with its damage, holes as
//   holes a pending replacement                    is what is migrated or copied in the extent's
//   place .copy, .completed, stray logs, strays    stay behind, and so does seed.db
//
// The new region appears whole or not at all, in the order of region/region_in_making.h, with a
// mark. Where any extent cannot be migrated it does not appear: the others are then only looked at,
// so that all findings are told. A crash leaves the whole region, or what `force` clears.

#pragma once

#include "libregion/ops/migrate.h"

namespace libregion {

struct MigrateIntoOptions {
  MigrateOptions migrate;                   // walk.extents must be all
  std::string target;                       // where the new region is made
  std::optional<Uuid> uuid = std::nullopt;  // of the new region; else the source's
  bool force = false;                       // clear what an interrupted run left there
  std::uint64_t lock_wait_seconds = 0;
};

struct MigrateIntoSummary {
  RegionDefinition definition;       // of the new region
  bool is_made = false;              // it is there
  std::uint64_t extent_count = 0;    // looked at
  std::uint64_t migrated_count = 0;  // SQLite extents that are raw in the new region
  std::uint64_t copied_count = 0;    // raw ones
  std::uint64_t replaced_count = 0;  // of both, taken from a replacement
  std::uint64_t left_count = 0;      // that could not be migrated
  std::uint64_t row_count = 0;       // contexts taken over
  std::uint64_t written_bytes = 0;   // data copied, slots, bits and metadata
  bool has_io_errors = false;        // something could not be read
  bool has_changed = false;          // somebody used an extent while it was read
  bool stopped = false;
};

// The source must be open for reading. Files take owner and mode of the source's, and the owner may
// write them. Throws Error: in_use, failed.
MigrateIntoSummary migrate_region_into(FileSystem& file_system, const Region& source,
                                       const MigrateIntoOptions& options, Reporter& reporter);

}  // namespace libregion
