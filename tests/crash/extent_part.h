// The workloads of one raw extent, all of them or a share.

#pragma once

#include <vector>

#include "tests/crash/states_report.h"

namespace libregion {

struct ExtentPlan {
  struct Part {
    Geometry geometry;
    std::size_t steps_max;
  };
  std::vector<Part> parts;
  std::uint64_t recoveries = 0;  // of each crash point
};
// Everything, and what ends in a few seconds.
ExtentPlan whole_extent_plan();
ExtentPlan short_extent_plan();

StatesReport crash_extents(const ExtentPlan& plan, const CrashBudget& budget);

}  // namespace libregion
