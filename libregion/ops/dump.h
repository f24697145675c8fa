// The table of a region's extents: what each says of itself as a whole. Of several regions, which
// are replicas of one another, the same extents are looked at side by side.
//
// It reads only, goes on past everything, and takes constant memory: the extents are read a few
// hundred at a time, on several threads, each file opened once and closed before the next.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/ops/walk.h"

namespace libregion {

// One of the regions, and where what is said of it alone goes.
struct DumpReplica {
  const Region* region;
  Reporter* reporter;
};

struct DumpOptions {
  // Of the first region; the others are read at the same places. Of a shard: what has the smallest
  // UUID of all the regions is whose share an extent is, so that each is in one share, in whatever
  // order the regions are given.
  WalkOptions walk;
  bool only_differences = false;  // extents that are equal everywhere are left out
  Progress* progress = nullptr;
};

enum class ReplicaState : std::uint8_t {
  present,
  unreadable,  // a finding says why
  missing,     // no file of the extent is there, or the region does not count it
};

// What one replica says of an extent.
struct ReplicaExtent {
  ReplicaState state = ReplicaState::missing;
  std::string_view format = "unknown";  // as in ExtentRecord
  std::optional<ExtentMetadata> metadata;
};

// One extent in all replicas. Valid during the call only.
struct DumpRow {
  ExtentId extent;
  std::span<const ReplicaExtent> replicas;  // in the order of the regions
  // Which of generation, flush, dirty, format and state are not the same everywhere.
  bool gen_number_differs = false;
  bool flush_number_differs = false;
  bool dirty_differs = false;
  bool format_differs = false;
  bool state_differs = false;

  [[nodiscard]] bool differs() const {
    return gen_number_differs || flush_number_differs || dirty_differs || format_differs ||
           state_differs;
  }
};

// Sets what differs. What cannot be read differs from what can, in its state; its numbers are not
// known.
void find_differences(DumpRow& row);

// Of one replica.
struct DumpTotals {
  std::uint64_t extent_count = 0;
  std::uint64_t dirty_count = 0;
  std::uint64_t sqlite_count = 0;
  std::uint64_t missing_count = 0;
  std::uint64_t unreadable_count = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t gen_number_max = 0;
  std::uint64_t flush_number_max = 0;
  bool has_io_errors = false;
  bool has_changed = false;  // somebody used an extent while it was read
  // What ended the reading of this replica: somebody is using it. Its extents from there on are
  // unreadable; the other replicas are read to the end.
  std::optional<Error> failure;
};

struct DumpSummary {
  std::vector<DumpTotals> totals;  // in the order of the regions
  std::uint64_t row_count = 0;     // extents, each counted once
  std::uint64_t differing_count = 0;
  bool stopped = false;  // before all extents were looked at
};

// Reports the findings and the record of each extent to its replica's reporter, then the row.
DumpSummary dump_regions(std::span<const DumpReplica> replicas, const DumpOptions& options,
                         const std::function<void(const DumpRow&)>& take_row);

// A number of region.json that replicas have to agree in.
struct DefinitionRow {
  std::string_view name;              // "block_size", "extent_size", "extent_count", "encrypted"
  std::vector<std::uint64_t> values;  // in the order of the regions
  bool is_flag = false;               // 0 and 1 stand for no and yes
  bool differs = false;
};
std::vector<DefinitionRow> compare_definitions(std::span<const DumpReplica> replicas);

}  // namespace libregion
