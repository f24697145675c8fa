#include "libregion/ops/walk.h"

#include <mutex>

#include "libregion/ops/scheduled_walk.h"
#include "libregion/ops/turns.h"

namespace libregion {
namespace {

// What one visit reports.
class TurnReporter : public Reporter {
 public:
  TurnReporter(Reporter& reporter, Turn& turn) : reporter_(reporter), turn_(turn) {}

  void extent(const ExtentRecord& record) override {
    turn_.say([&reporter = reporter_, record] { reporter.extent(record); });
  }
  void finding(const Finding& finding) override {
    turn_.say([&reporter = reporter_, finding] { reporter.finding(finding); });
  }
  void record(const OtherRecord& record) override {
    turn_.say([&reporter = reporter_, record] { reporter.record(record); });
  }
  // Its views do not last, and there are many: it waits for its turn.
  void block(const BlockReport& report) override {
    turn_.say_now([&] { reporter_.block(report); });
  }

 private:
  Reporter& reporter_;
  Turn& turn_;
};

// Hands out the extents, leaf by leaf.
class Schedule {
 public:
  Schedule(const Region& region, const WalkOptions& options, Reporter& reporter, Turns& turns)
      : region_(region), options_(options), reporter_(reporter), turns_(turns) {}

  struct Task {
    std::shared_ptr<const Leaf> leaf;
    ExtentId extent;
    std::uint64_t turn;
  };

  std::optional<Task> next() {
    const std::lock_guard lock(mutex_);
    const std::uint64_t extent_count = region_.definition.extent_count;
    while (next_extent_ < extent_count) {
      const ExtentId extent{static_cast<std::uint32_t>(next_extent_)};
      if (!options_.includes(region_.definition, extent)) {
        ++next_extent_;
        continue;
      }
      if (is_stopped()) return std::nullopt;
      ++next_extent_;
      enter_leaf(leaf_of(extent));
      return Task{leaf_, extent, turn_++};
    }
    return std::nullopt;
  }

  // Nothing further is handed out.
  void cancel() {
    const std::lock_guard lock(mutex_);
    next_extent_ = region_.definition.extent_count;
    was_stopped_ = true;
  }
  [[nodiscard]] bool was_stopped() const { return was_stopped_; }

 private:
  bool is_stopped() {
    const bool stopped = options_.stop != nullptr && *options_.stop;
    was_stopped_ = was_stopped_ || stopped;
    return stopped;
  }

  void enter_leaf(LeafId id) {
    if (leaf_ != nullptr && leaf_->id() == id) return;
    leaf_ = std::make_shared<const Leaf>(Leaf::open(region_, id));
    std::vector<Turns::Say> findings;
    for (const Finding& finding : leaf_->findings()) {
      findings.push_back([&reporter = reporter_, finding] { reporter.finding(finding); });
    }
    turns_.finish_turn(turn_++, std::move(findings));
  }

  const Region& region_;
  const WalkOptions& options_;
  Reporter& reporter_;
  Turns& turns_;
  std::mutex mutex_;
  std::shared_ptr<const Leaf> leaf_;
  std::uint64_t next_extent_ = 0;
  std::uint64_t turn_ = 0;
  bool was_stopped_ = false;
};

// What a visit found before it threw stands.
void visit_in_turn(const Schedule::Task& task, Reporter& reporter, Turns& turns,
                   const std::function<void(const Leaf&, ExtentId, Reporter&)>& visit) {
  Turn turn(turns, task.turn);
  TurnReporter turn_reporter(reporter, turn);
  std::exception_ptr failure;
  try {
    visit(*task.leaf, task.extent, turn_reporter);
  } catch (...) {
    failure = std::current_exception();
  }
  turn.finish();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

bool WalkOptions::includes(const RegionDefinition& definition, ExtentId extent) const {
  return extents.contains(extent) && blocks.touches(definition.geometry, extent) &&
         (!shard || shard->has(definition.uuid, extent));
}

bool WalkOptions::is_everything() const { return extents.is_all() && blocks.is_all() && !shard; }

WalkTotals walk_totals(const RegionDefinition& definition, const WalkOptions& options) {
  const Geometry& geometry = definition.geometry;
  WalkTotals totals;
  if (options.blocks.is_all()) {
    totals.extent_count = options.extents.count_of(definition.extent_count);
    totals.data_bytes = totals.extent_count * geometry.extent_data_bytes();
  } else {
    for (std::uint32_t number = 0; number < definition.extent_count; ++number) {
      const ExtentId extent{number};
      if (!options.extents.contains(extent) || !options.blocks.touches(geometry, extent)) continue;
      ++totals.extent_count;
      for (const BlockRange& range : options.blocks.in_extent(geometry, extent)) {
        totals.data_bytes += range.count << geometry.shift();
      }
    }
  }
  const std::uint64_t share_count = options.shard ? options.shard->count : 1;
  return {totals.extent_count / share_count, totals.data_bytes / share_count};
}

bool walk_extents(const Region& region, const WalkOptions& options, Reporter& reporter,
                  const std::function<void(const Leaf&, ExtentId, Reporter&)>& visit) {
  Turns turns;
  Schedule schedule(region, options, reporter, turns);
  return walk_schedule(schedule, turns, options, [&](const Schedule::Task& task) {
    visit_in_turn(task, reporter, turns, visit);
  });
}

}  // namespace libregion
