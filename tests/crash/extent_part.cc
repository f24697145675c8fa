#include "tests/crash/extent_part.h"

#include <mutex>

#include "libregion/ops/parallel.h"
#include "tests/crash/geometries.h"

namespace libregion {
namespace {

struct Unit {
  ExtentPlan::Part part;
  ExtentStart start;
  const ExtentSuite* suite;
};

// The large ones first: they are not to be waited for at the end.
std::vector<Unit> units_of(const ExtentPlan& plan) {
  std::vector<Unit> units;
  for (auto at = plan.parts.rbegin(); at != plan.parts.rend(); ++at) {
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
  for (const Geometry& of : all_geometries()) plan.parts.push_back({of, 3});
  plan.parts.push_back({torn_metadata_geometry(), 2});
  plan.recoveries = 1;
  return plan;
}

ExtentPlan short_extent_plan() {
  return {{{geometry(512, 1), 2},
           {geometry(4096, 8), 2},
           {geometry(512, 10), 2},
           {torn_metadata_geometry(), 1}},
          1};
}

StatesReport crash_extents(const ExtentPlan& plan, const CrashBudget& budget) {
  const std::vector<Unit> units = units_of(plan);
  StatesReport report;
  std::mutex mutex;
  const Deadline deadline(budget);
  for_each_in_parallel(budget.jobs, units.size(), [&](std::size_t i) {
    const Unit& unit = units[i];
    const Geometry& of = unit.part.geometry;
    ExtentCrasher crasher(of);
    const StatesReport own = crash_each(
        crasher, step_sequences(of, unit.part.steps_max), deadline, [&](const auto& steps) {
          return crasher.crash({of, unit.start, steps}, unit.suite->protocol,
                               {unit.suite->models, plan.recoveries});
        });
    const std::lock_guard lock(mutex);
    report.add(own);
  });
  return report;
}

}  // namespace libregion
