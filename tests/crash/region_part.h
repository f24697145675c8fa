// The workloads of whole regions, all of them or a share.

#pragma once

#include <vector>

#include "tests/crash/crash_budget.h"
#include "tests/crash/region_crasher.h"

namespace libregion {

struct RegionPlan {
  std::vector<Geometry> geometries;
  std::vector<RegionStart> starts;
  std::size_t steps_max = 3;
  RegionCrasher::Options options;
};
// Everything, and what ends in a few seconds.
RegionPlan whole_region_plan();
RegionPlan short_region_plan();

struct RegionReport {
  std::uint64_t workloads = 0;
  std::uint64_t workloads_left = 0;  // for want of time
  RegionTally tally;
  std::vector<CrashFailure> failures;  // at most one of each geometry and start
};
RegionReport crash_regions(const RegionPlan& plan, const CrashBudget& budget);

}  // namespace libregion
