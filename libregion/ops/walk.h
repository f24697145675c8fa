// The walk over a region's extents: many at once, their reports in order, in constant memory.

#pragma once

#include <atomic>
#include <functional>

#include "libregion/ops/extent_selection.h"
#include "libregion/region/leaf.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct WalkOptions {
  ExtentSelection extents;
  unsigned jobs = 1;
  const std::atomic<bool>* stop = nullptr;  // set by whoever wants the walk to end early
};

// Visits each selected extent once, on several threads. What a visit reports reaches `reporter`
// in the order of the extents, the findings of a leaf directory before those of its extents. A
// visit that reports more than a little waits for its turn, so that nothing piles up.
// Returns false where it was stopped before all extents were visited.
bool walk_extents(const Region& region, const WalkOptions& options, Reporter& reporter,
                  const std::function<void(const Leaf&, ExtentId, Reporter&)>& visit);

}  // namespace libregion
