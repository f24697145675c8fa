#include "tests/crash/region_part.h"

#include <mutex>

#include "libregion/ops/parallel.h"
#include "tests/crash/geometries.h"

namespace libregion {
namespace {

// Of larger extents fewer states are drawn: each takes longer.
constexpr std::uint64_t few_blocks_max = 16;
constexpr std::uint64_t large_share = 16;

struct Unit {
  Geometry geometry;
  RegionStart start;
};

}  // namespace

RegionPlan whole_region_plan() {
  RegionPlan plan;
  // Of large blocks one size is enough besides the smallest: what takes the time is to copy them.
  for (const Geometry& of : all_geometries()) {
    const bool is_large = of.block_size_bytes() > 512;
    const std::uint64_t blocks = of.extent_size_blocks();
    if (!is_large || blocks == 1 || blocks == 8) plan.geometries.push_back(of);
  }
  plan.starts.assign(region_starts.begin(), region_starts.end());
  plan.options = {{CrashModel::ordered, CrashModel::zfs, CrashModel::zfs_512, CrashModel::posix_4k,
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
    RegionCrasher::Options options = plan.options;
    if (unit.geometry.extent_size_blocks() > few_blocks_max) options.states_max /= large_share;
    for (const auto& steps : sequences) {
      if (deadline.is_over()) break;
      ++own.workloads;
      RegionCrasher crasher({unit.geometry, unit.start, steps}, {}, options);
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
