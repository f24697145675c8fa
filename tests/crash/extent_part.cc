#include "tests/crash/extent_part.h"

#include <mutex>

#include "libregion/ops/parallel.h"
#include "tests/crash/geometries.h"

namespace libregion {
namespace {

struct Unit {
  Geometry geometry;
  ExtentStart start;
  const ExtentSuite* suite;
};

// The large ones first: they are not to be waited for at the end.
std::vector<Unit> units_of(const ExtentPlan& plan) {
  std::vector<Unit> units;
  for (auto at = plan.geometries.rbegin(); at != plan.geometries.rend(); ++at) {
    for (const ExtentStart start : {ExtentStart::empty, ExtentStart::plain,
                                    ExtentStart::encrypted_a, ExtentStart::encrypted_b}) {
      for (const ExtentSuite& suite : extent_suites()) units.push_back({*at, start, &suite});
    }
  }
  return units;
}

}  // namespace

ExtentPlan whole_extent_plan() {
  ExtentPlan plan;
  plan.geometries = all_geometries();
  plan.recoveries = 1;
  return plan;
}

ExtentPlan short_extent_plan() {
  return {{geometry(512, 1), geometry(4096, 8), geometry(512, 10)}, 2, 1};
}

StatesReport crash_extents(const ExtentPlan& plan, const CrashBudget& budget) {
  const std::vector<Unit> units = units_of(plan);
  StatesReport report;
  std::mutex mutex;
  const Deadline deadline(budget);
  for_each_in_parallel(budget.jobs, units.size(), [&](std::size_t i) {
    const Unit& unit = units[i];
    ExtentCrasher crasher(unit.geometry);
    const StatesReport own = crash_each(
        crasher, step_sequences(unit.geometry, plan.steps_max), deadline, [&](const auto& steps) {
          return crasher.crash({unit.geometry, unit.start, steps}, unit.suite->protocol,
                               {unit.suite->models, plan.recoveries});
        });
    const std::lock_guard lock(mutex);
    report.add(own);
  });
  return report;
}

}  // namespace libregion
