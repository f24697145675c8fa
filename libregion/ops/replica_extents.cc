#include "libregion/ops/replica_extents.h"

#include <algorithm>
#include <mutex>

#include "libregion/extent/open_extent.h"
#include "libregion/ops/scheduled_walk.h"

namespace libregion {
namespace {

// Hands out the extents, leaf by leaf.
class Schedule {
 public:
  Schedule(std::span<const Region* const> regions, const WalkOptions& options,
           const ReplicaFinding& report, Turns& turns)
      : regions_(regions),
        options_(options),
        report_(report),
        turns_(turns),
        walked_(walked_definition(regions)) {
    for (const Region* region : regions) {
      extent_end_ = std::max<std::uint64_t>(extent_end_, region->definition.extent_count);
    }
  }

  struct Task {
    ExtentId extent;
    std::uint64_t turn = 0;
    ReplicaLeaves leaves;
  };

  std::optional<Task> next() {
    const std::lock_guard lock(mutex_);
    for (; next_extent_ < extent_end_; ++next_extent_) {
      const ExtentId extent{static_cast<std::uint32_t>(next_extent_)};
      if (!options_.includes(walked_, extent)) continue;
      if (options_.stop != nullptr && *options_.stop) {
        was_stopped_ = true;
        return std::nullopt;
      }
      ++next_extent_;
      enter_leaf(leaf_of(extent));
      return Task{extent, turn_++, leaves_};
    }
    return std::nullopt;
  }

  // Nothing further is handed out.
  void cancel() {
    const std::lock_guard lock(mutex_);
    next_extent_ = extent_end_;
  }
  [[nodiscard]] bool was_stopped() const { return was_stopped_; }

 private:
  void enter_leaf(LeafId id) {
    if (!leaves_.empty() && leaf_ == id) return;
    leaf_ = id;
    leaves_.assign(regions_.size(), nullptr);
    std::vector<Turns::Say> findings;
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      const std::uint64_t first_extent = std::uint64_t{id.value} * extents_per_leaf;
      if (first_extent >= regions_[i]->definition.extent_count) continue;
      leaves_[i] = std::make_shared<const Leaf>(Leaf::open(*regions_[i], id));
      for (const Finding& finding : leaves_[i]->findings()) {
        findings.push_back([&report = report_, i, finding] { report(i, finding); });
      }
    }
    turns_.finish_turn(turn_++, std::move(findings));
  }

  std::span<const Region* const> regions_;
  const WalkOptions& options_;
  const ReplicaFinding& report_;
  Turns& turns_;
  RegionDefinition walked_;
  std::mutex mutex_;
  LeafId leaf_;
  ReplicaLeaves leaves_;
  std::uint64_t next_extent_ = 0;
  std::uint64_t extent_end_ = 0;
  std::uint64_t turn_ = 0;
  bool was_stopped_ = false;
};

// What a visit said before it threw stands.
void visit_in_turn(const Schedule::Task& task, Turns& turns,
                   const std::function<void(const ReplicaVisit&)>& visit) {
  Turn turn(turns, task.turn);
  std::exception_ptr failure;
  try {
    visit({task.extent, task.leaves, turn});
  } catch (...) {
    failure = std::current_exception();
  }
  turn.finish();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

ReplicaExtents::ReplicaExtents(std::span<const Region* const> regions, const ReplicaLeaves& leaves,
                               ExtentId extent, ReplicaFinding report)
    : extent_(extent),
      report_(std::move(report)),
      ones_(regions.size()),
      readers_(regions.size()),
      extents_(regions.size()),
      failures_(regions.size()) {
  for (std::size_t i = 0; i < regions.size(); ++i) open(i, *regions[i], leaves[i].get());
}

void ReplicaExtents::open(std::size_t replica, const Region& region, const Leaf* leaf) {
  if (extent_.value >= region.definition.extent_count) return;
  One& one = ones_[replica];
  one.reporter = std::make_unique<OneReporter>(*this, replica);
  one.visit = std::make_unique<ExtentVisit>(region, *leaf, extent_, *one.reporter, nullptr);
  ReplicaExtent& found = extents_[replica];
  const bool is_missing = !leaf->is_unreadable() && !one.visit->parts().has(ExtentPart::data) &&
                          !one.visit->parts().has(ExtentPart::db);
  if (!is_missing) found.state = ReplicaState::unreadable;
  try {
    readers_[replica] = one.visit->open();
  } catch (const Error& error) {
    failures_[replica] = error;
    return;
  }
  const ExtentReader* reader = readers_[replica];
  if (reader == nullptr) return;
  found.format = format_name(reader->format());
  found.metadata = reader->metadata();
  if (found.metadata) found.state = ReplicaState::present;
}

DumpRow ReplicaExtents::row() const {
  DumpRow row{extent_, extents_};
  find_differences(row);
  return row;
}

std::vector<std::optional<ExtentMetadata>> ReplicaExtents::metadata() const {
  std::vector<std::optional<ExtentMetadata>> all;
  for (const ReplicaExtent& extent : extents_) all.push_back(extent.metadata);
  return all;
}

void ReplicaExtents::check_leases() {
  for (const One& one : ones_) {
    if (one.visit != nullptr) one.visit->check_lease();
  }
}

bool ReplicaExtents::has_io_errors(std::size_t replica) const {
  const auto& visit = ones_[replica].visit;
  return visit != nullptr && visit->totals().has_io_errors;
}

bool ReplicaExtents::has_changed(std::size_t replica) const {
  const auto& visit = ones_[replica].visit;
  return visit != nullptr && visit->totals().has_changed;
}

bool walk_replicas(std::span<const Region* const> regions, const WalkOptions& options,
                   const ReplicaFinding& report,
                   const std::function<void(const ReplicaVisit&)>& visit) {
  LIBREGION_ASSERT(!regions.empty());
  Turns turns;
  Schedule schedule(regions, options, report, turns);
  return walk_schedule(schedule, turns, options,
                       [&](const auto& task) { visit_in_turn(task, turns, visit); });
}

}  // namespace libregion
