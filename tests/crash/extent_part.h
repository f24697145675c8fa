// The workloads of one raw extent, all of them or a share.

#pragma once

#include <string>
#include <vector>

#include "tests/crash/crash_budget.h"
#include "tests/crash/extent_crasher.h"

namespace libregion {

struct ExtentPlan {
  std::vector<Geometry> geometries;
  std::size_t steps_max = 3;
  std::uint64_t recoveries = 0;  // of each crash point
};
// Everything, and what ends in a few seconds.
ExtentPlan whole_extent_plan();
ExtentPlan short_extent_plan();

struct ExtentReport {
  std::uint64_t workloads = 0;
  std::uint64_t workloads_left = 0;  // for want of time
  std::uint64_t recoveries = 0;
  ExtentTally tally;
  std::vector<CrashFailure> failures;  // at most one of each geometry, start and ordering
};
ExtentReport crash_extents(const ExtentPlan& plan, const CrashBudget& budget);

}  // namespace libregion
