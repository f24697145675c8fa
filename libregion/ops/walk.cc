#include "libregion/ops/walk.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <variant>

#include "libregion/ops/parallel.h"

namespace libregion {
namespace {

using Report = std::variant<ExtentRecord, Finding, OtherRecord>;
using Reports = std::vector<Report>;

void pass_on(const Reports& reports, Reporter& reporter) {
  for (const Report& report : reports) {
    if (const auto* record = std::get_if<ExtentRecord>(&report)) {
      reporter.extent(*record);
    } else if (const auto* finding = std::get_if<Finding>(&report)) {
      reporter.finding(*finding);
    } else {
      reporter.record(std::get<OtherRecord>(report));
    }
  }
}

// Brings reports into the order of their turns: 0, 1, 2 ...
class OrderedOutput {
 public:
  explicit OrderedOutput(Reporter& reporter) : reporter_(reporter) {}

  // Waits until `turn` is not too far ahead of the one that is being written.
  void wait_until_near(std::uint64_t turn, std::uint64_t distance_max) {
    std::unique_lock lock(mutex_);
    turn_changed_.wait(lock, [&] { return is_broken_ || turn <= current_turn_ + distance_max; });
  }

  // Writes in the middle of a turn; waits for the turn to come first.
  void write_in_turn(std::uint64_t turn, const Reports& reports,
                     const BlockReport* block = nullptr) {
    std::unique_lock lock(mutex_);
    turn_changed_.wait(lock, [&] { return is_broken_ || turn == current_turn_; });
    pass_on_or_break(reports, block);
  }

  // Writes the turn's last reports, at once or when its turn comes.
  void finish_turn(std::uint64_t turn, Reports reports) {
    const std::lock_guard lock(mutex_);
    finished_.emplace(turn, std::move(reports));
    while (!finished_.empty() && finished_.begin()->first == current_turn_) {
      const auto node = finished_.extract(finished_.begin());
      ++current_turn_;
      turn_changed_.notify_all();
      pass_on_or_break(node.mapped());
    }
  }

 private:
  // Once the reporter has thrown nothing more is written, and nobody waits for a turn.
  void pass_on_or_break(const Reports& reports, const BlockReport* block = nullptr) {
    if (is_broken_) return;
    try {
      pass_on(reports, reporter_);
      if (block != nullptr) reporter_.block(*block);
    } catch (...) {
      is_broken_ = true;
      turn_changed_.notify_all();
      throw;
    }
  }

  Reporter& reporter_;
  std::mutex mutex_;
  std::condition_variable turn_changed_;
  bool is_broken_ = false;
  std::uint64_t current_turn_ = 0;
  std::map<std::uint64_t, Reports> finished_;
};

// What one visit reports.
class TurnReporter : public Reporter {
 public:
  TurnReporter(OrderedOutput& output, std::uint64_t turn) : output_(output), turn_(turn) {}

  void finish() { output_.finish_turn(turn_, std::move(reports_)); }

  void extent(const ExtentRecord& record) override { add(record); }
  void finding(const Finding& finding) override { add(finding); }
  void record(const OtherRecord& record) override { add(record); }
  // Its views do not last, and there are many: it waits for its turn.
  void block(const BlockReport& report) override {
    output_.write_in_turn(turn_, reports_, &report);
    reports_.clear();
  }

 private:
  static constexpr std::size_t buffered_max = 1024;

  void add(Report report) {
    reports_.push_back(std::move(report));
    if (reports_.size() < buffered_max) return;
    output_.write_in_turn(turn_, reports_);
    reports_.clear();
  }

  OrderedOutput& output_;
  std::uint64_t turn_;
  Reports reports_;
};

// Hands out the extents, leaf by leaf.
class Schedule {
 public:
  Schedule(const Region& region, const WalkOptions& options, OrderedOutput& output)
      : region_(region), options_(options), output_(output) {}

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
    output_.finish_turn(turn_++, Reports(leaf_->findings().begin(), leaf_->findings().end()));
  }

  const Region& region_;
  const WalkOptions& options_;
  OrderedOutput& output_;
  std::mutex mutex_;
  std::shared_ptr<const Leaf> leaf_;
  std::uint64_t next_extent_ = 0;
  std::uint64_t turn_ = 0;
  bool was_stopped_ = false;
};

// A turn must end, or the others wait for it for ever; what a visit found before it threw stands.
void visit_in_turn(const Schedule::Task& task, OrderedOutput& output,
                   const std::function<void(const Leaf&, ExtentId, Reporter&)>& visit) {
  TurnReporter turn(output, task.turn);
  std::exception_ptr failure;
  try {
    visit(*task.leaf, task.extent, turn);
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
  OrderedOutput output(reporter);
  Schedule schedule(region, options, output);
  const std::uint64_t turns_ahead_max = std::uint64_t{8} * options.jobs;
  run_on_threads(options.jobs, [&] {
    try {
      while (const auto task = schedule.next()) {
        output.wait_until_near(task->turn, turns_ahead_max);
        visit_in_turn(*task, output, visit);
      }
    } catch (...) {
      schedule.cancel();
      throw;
    }
  });
  return !schedule.was_stopped();
}

}  // namespace libregion
