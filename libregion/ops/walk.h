// The walk over a region's extents: many at once, their reports in order, in constant memory.

#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "libregion/ops/block_selection.h"
#include "libregion/ops/extent_selection.h"
#include "libregion/ops/parallel.h"
#include "libregion/ops/shard.h"
#include "libregion/region/leaf.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct WalkOptions {
  ExtentSelection extents;
  unsigned jobs = 1;
  const std::atomic<bool>* stop = nullptr;    // set by whoever wants the walk to end early
  BlockSelection blocks = {};                 // extents that have none of them are left out
  std::optional<Shard> shard = std::nullopt;  // extents of other shares are left out
  unsigned readers = 0;  // so many extents are read at once, where that is more than jobs

  [[nodiscard]] bool includes(const RegionDefinition& definition, ExtentId extent) const;
  [[nodiscard]] bool is_everything() const;
  [[nodiscard]] Threads threads() const { return {jobs, readers}; }
  // What comes in order comes from one thread.
  void go_in_order() { jobs = readers = 1; }
};

// How much a walk has to look at, for its progress. With a shard it is an estimate.
struct WalkTotals {
  std::uint64_t extent_count = 0;
  std::uint64_t data_bytes = 0;
};
WalkTotals walk_totals(const RegionDefinition& definition, const WalkOptions& options);

// Visits each selected extent once, on several threads. Of these `jobs` work at a time, while
// others wait for their part of a file that is not in memory. What a visit reports reaches
// `reporter` in the order of the extents, the findings of a leaf directory before those of its
// extents. A visit that reports more than a little waits for its turn, so that nothing piles up.
// Returns false where it was stopped before all extents were visited.
bool walk_extents(const Region& region, const WalkOptions& options, Reporter& reporter,
                  const std::function<void(const Leaf&, ExtentId, Reporter&)>& visit);

}  // namespace libregion
