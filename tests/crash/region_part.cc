#include "tests/crash/region_part.h"

#include <mutex>

#include "libregion/ops/parallel.h"

namespace libregion {
namespace {

Geometry geometry(std::uint64_t block_size_bytes, std::uint64_t block_count) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, block_count));
}

struct Unit {
  Geometry geometry;
  RegionStart start;
};

}  // namespace

RegionPlan whole_region_plan() {
  RegionPlan plan;
  for (const std::uint64_t block_count : {133U, 100U}) {
    plan.geometries.push_back(geometry(512, block_count));
  }
  for (const std::uint64_t block_count : {16U, 10U, 8U, 7U, 1U}) {
    plan.geometries.push_back(geometry(4096, block_count));
    plan.geometries.push_back(geometry(512, block_count));
  }
  plan.starts.assign(region_starts.begin(), region_starts.end());
  plan.options = {{CrashModel::ordered, CrashModel::zfs, CrashModel::posix_4k,
                   CrashModel::posix_512, CrashModel::posix_512_garbage},
                  256,
                  1};
  return plan;
}

RegionPlan short_region_plan() {
  RegionPlan plan = whole_region_plan();
  plan.geometries = {geometry(512, 7)};
  plan.steps_max = 1;
  plan.options.states_max = 24;
  return plan;
}

RegionReport crash_regions(const RegionPlan& plan, const CrashBudget& budget) {
  std::vector<Unit> units;
  for (const Geometry& of : plan.geometries) {
    for (const RegionStart start : plan.starts) units.push_back({of, start});
  }
  RegionReport report;
  std::mutex mutex;
  const Deadline deadline(budget);
  for_each_in_parallel(budget.jobs, units.size(), [&](std::size_t i) {
    const Unit& unit = units[i];
    RegionReport own;
    const auto sequences = region_sequences(unit.start, unit.geometry, plan.steps_max);
    for (const auto& steps : sequences) {
      if (deadline.is_over()) break;
      ++own.workloads;
      RegionCrasher crasher({unit.geometry, unit.start, steps}, {}, plan.options);
      auto failure = crasher.crash();
      own.tally.add(crasher.tally());
      if (failure && own.failures.empty()) own.failures.push_back(std::move(*failure));
    }
    const std::lock_guard lock(mutex);
    report.workloads += own.workloads;
    report.workloads_left += sequences.size() - own.workloads;
    report.tally.add(own.tally);
    report.failures.insert(report.failures.end(), own.failures.begin(), own.failures.end());
  });
  return report;
}

}  // namespace libregion
