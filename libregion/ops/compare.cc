#include "libregion/ops/compare.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "libregion/ops/block_check.h"
#include "libregion/ops/replica_extents.h"

namespace libregion {
namespace {

// Rows that are kept until an extent's turn has come.
constexpr std::uint64_t kept_rows_max = 64;
// So much of each replica is read before progress is told.
constexpr std::uint64_t step_bytes = std::uint64_t{8} << 20;

bool same_context(const BlockContext* left, const BlockContext* right) {
  if (left == nullptr || right == nullptr) return left == right;
  return left->hash == right->hash && left->encryption == right->encryption &&
         left->on_disk_hash == right->on_disk_hash;
}

// Whether two slots of blocks that are not the same tell the same story.
bool look_alike(const ReplicaBlock& left, const ReplicaBlock& right, std::size_t slot) {
  const SlotValue& left_slot = left.record.slots[slot];
  const SlotValue& right_slot = right.record.slots[slot];
  return left_slot.index() == right_slot.index() &&
         left.record.matches(left_slot) == right.record.matches(right_slot);
}

bool look_alike(const ReplicaBlock& left, const ReplicaBlock& right) {
  if (left.record.slots.size() != right.record.slots.size() ||
      left.record.selected != right.record.selected) {
    return false;
  }
  for (std::size_t slot = 0; slot < left.record.slots.size(); ++slot) {
    if (!look_alike(left, right, slot)) return false;
  }
  return true;
}

// Neighbouring blocks that look the same. Keeps the first of them, without its data.
class Run {
 public:
  Run(ExtentId extent, std::uint64_t block, std::span<const ReplicaBlock> replicas)
      : slots_(replicas.size()),
        replicas_(replicas.begin(), replicas.end()),
        letters_(replicas.size()) {
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      BlockRecord& record = replicas_[i].record;
      slots_[i].assign(record.slots.begin(), record.slots.end());
      record.slots = slots_[i];
      record.slot_bytes = {};
      record.data = {};
    }
    assign_letters(replicas_, letters_);
    comparison_ = {extent, {block, 1}, replicas_, letters_};
    find_differences();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() = default;

  [[nodiscard]] const BlockComparison& comparison() const { return comparison_; }

  // Adds the next block, where it looks the same.
  bool extend(std::span<const ReplicaBlock> replicas) {
    const bool slots_matter = comparison_.differs() || !comparison_.is_sound();
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      if (replicas[i].state != replicas_[i].state) return false;
      if (slots_matter && !look_alike(replicas[i], replicas_[i])) return false;
    }
    std::vector<char>& letters = next_letters_;
    letters.resize(replicas.size());
    assign_letters(replicas, letters);
    if (letters != letters_ || context_differs(replicas) != comparison_.context_differs) {
      return false;
    }
    ++comparison_.blocks.count;
    return true;
  }

 private:
  static bool context_differs(std::span<const ReplicaBlock> replicas) {
    return std::any_of(replicas.begin(), replicas.end(), [&](const ReplicaBlock& replica) {
      return !same_context(replica.proven_context(), replicas.front().proven_context());
    });
  }

  void find_differences() {
    comparison_.context_differs = context_differs(replicas_);
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      comparison_.data_differs |= letters_[i] != letters_.front();
      comparison_.state_differs |= replicas_[i].state != replicas_.front().state;
    }
  }

  std::vector<std::vector<SlotValue>> slots_;  // of each replica
  std::vector<ReplicaBlock> replicas_;
  std::vector<char> letters_;
  std::vector<char> next_letters_;
  BlockComparison comparison_;
};

void add(CompareSummary& total, const CompareSummary& part) {
  total.totals.add(part.totals);
  total.differing_extents += part.differing_extents;
  total.differing_blocks += part.differing_blocks;
  total.unsound_blocks += part.unsound_blocks;
  total.lost_blocks += part.lost_blocks;
  for (std::size_t i = 0; i < part.failures.size(); ++i) {
    if (part.failures[i] && !total.failures[i]) total.failures[i] = part.failures[i];
  }
}

// Compares one extent.
class ExtentComparison {
 public:
  ExtentComparison(std::span<const Region* const> regions, const CompareOptions& options,
                   const ReplicaVisit& visit, ComparisonReporter& reporter)
      : regions_(regions),
        options_(options),
        visit_(visit),
        reporter_(reporter),
        replicas_(regions, visit.leaves, visit.extent,
                  [this](std::size_t replica, const Finding& finding) { say(replica, finding); }) {}

  CompareSummary run() {
    summary_.totals.extent_count = 1;
    summary_.failures = replicas_.failures();
    report_extent();
    const Geometry& geometry = regions_.front()->definition.geometry;
    ReplicaBlocks blocks(replicas_.readers(), geometry);
    for (const BlockRange& range : options_.walk.blocks.in_extent(geometry, visit_.extent)) {
      compare(blocks, range);
      take_run();
    }
    report_unread();
    replicas_.check_leases();
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      summary_.totals.has_io_errors |= replicas_.has_io_errors(i);
      summary_.totals.has_changed |= replicas_.has_changed(i);
    }
    return std::move(summary_);
  }

 private:
  void say(std::size_t replica, const Finding& finding) {
    visit_.turn.say(
        [&reporter = reporter_, replica, finding] { reporter.finding(replica, finding); });
  }

  void report_extent() {
    const DumpRow row = replicas_.row();
    if (row.differs()) summary_.differing_extents = 1;
    const std::vector<ReplicaExtent> extents(row.replicas.begin(), row.replicas.end());
    visit_.turn.say([&reporter = reporter_, row, extents] {
      DumpRow kept = row;
      kept.replicas = extents;
      reporter.extent(kept);
    });
  }

  void compare(ReplicaBlocks& blocks, BlockRange range) {
    const std::uint32_t shift = regions_.front()->definition.geometry.shift();
    while (range.count > 0) {
      const BlockRange now{range.first, std::min(range.count, step_bytes >> shift)};
      blocks.read(
          now,
          [&](std::uint64_t block, std::span<const ReplicaBlock> replicas) {
            take(block, replicas);
          },
          [&](std::size_t replica, std::uint64_t block, const Error& error) {
            summary_.totals.has_io_errors = true;
            unread(replica).add_unreadable(block, error);
          });
      if (options_.progress != nullptr) {
        options_.progress->advance(0, (now.count << shift) * regions_.size());
      }
      range = {now.end(), range.count - now.count};
    }
  }

  void take(std::uint64_t block, std::span<const ReplicaBlock> replicas) {
    const Geometry& geometry = regions_.front()->definition.geometry;
    ++summary_.totals.block_count;
    for (const ReplicaBlock& replica : replicas) {
      if (replica.has_data()) summary_.totals.read_bytes += geometry.block_size_bytes();
    }
    if (run_ != nullptr && options_.folds && run_->extend(replicas)) return;
    take_run();
    run_ = std::make_shared<Run>(visit_.extent, block, replicas);
  }

  // The run in hand is over.
  void take_run() {
    if (run_ == nullptr) return;
    const BlockComparison& comparison = run_->comparison();
    const std::uint64_t count = comparison.blocks.count;
    if (comparison.differs()) summary_.differing_blocks += count;
    if (!comparison.is_sound()) summary_.unsound_blocks += count;
    if (comparison.is_lost()) summary_.lost_blocks += count;
    if (!options_.only_differences || comparison.differs() || !comparison.is_sound()) say_run();
    run_.reset();
  }

  void say_run() {
    const auto say = [&reporter = reporter_, run = run_] { reporter.blocks(run->comparison()); };
    if (++said_runs_ % kept_rows_max == 0) {
      visit_.turn.say_now(say);
    } else {
      visit_.turn.say(say);
    }
  }

  // Gathers the blocks of a replica that could not be read.
  BlockCheck& unread(std::size_t replica) {
    unread_.resize(regions_.size());
    if (unread_[replica] == nullptr) {
      unread_[replica] =
          std::make_unique<BlockCheck>(regions_[replica]->definition, visit_.extent,
                                       *replicas_.readers()[replica], CheckDepth::contexts);
    }
    return *unread_[replica];
  }

  void report_unread() {
    for (std::size_t i = 0; i < unread_.size(); ++i) {
      if (unread_[i] == nullptr) continue;
      for (const Finding& finding : unread_[i]->take_findings()) say(i, finding);
    }
  }

  std::span<const Region* const> regions_;
  const CompareOptions& options_;
  const ReplicaVisit& visit_;
  ComparisonReporter& reporter_;
  ReplicaExtents replicas_;
  std::shared_ptr<Run> run_;
  std::uint64_t said_runs_ = 0;
  std::vector<std::unique_ptr<BlockCheck>> unread_;
  CompareSummary summary_;
};

}  // namespace

bool BlockComparison::is_sound() const {
  return std::all_of(replicas.begin(), replicas.end(), [](const ReplicaBlock& replica) {
    return libregion::is_sound(replica.state);
  });
}

bool BlockComparison::is_lost() const {
  return std::none_of(replicas.begin(), replicas.end(),
                      [](const ReplicaBlock& replica) { return replica.is_held(); });
}

void assign_letters(std::span<const ReplicaBlock> replicas, std::span<char> letters) {
  const auto is_as_the_first = [&](const ReplicaBlock& replica) {
    return replica.has_data() && replica.record.data_hash == replicas.front().record.data_hash;
  };
  if (std::all_of(replicas.begin(), replicas.end(), is_as_the_first)) {
    std::fill(letters.begin(), letters.end(), 'A');
    return;
  }
  struct Version {
    std::uint64_t data_hash = 0;
    std::size_t count = 0;
    std::size_t proven_count = 0;
  };
  std::vector<Version> versions;  // in the order in which replicas have them
  for (const ReplicaBlock& replica : replicas) {
    if (!replica.has_data()) continue;
    const auto is_same = [&](const Version& version) {
      return version.data_hash == replica.record.data_hash;
    };
    auto version = std::find_if(versions.begin(), versions.end(), is_same);
    if (version == versions.end()) {
      version = versions.insert(versions.end(), {replica.record.data_hash, 0, 0});
    }
    ++version->count;
    version->proven_count += std::size_t{replica.proof.has_value()};
  }
  std::stable_sort(versions.begin(), versions.end(), [](const Version& left, const Version& right) {
    return std::pair(left.count, left.proven_count) > std::pair(right.count, right.proven_count);
  });
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    letters[i] = replicas[i].state == BlockState::unreadable ? '?' : '-';
    for (std::size_t v = 0; v < versions.size() && replicas[i].has_data(); ++v) {
      constexpr std::size_t last_letter = 'Z' - 'A';
      if (versions[v].data_hash == replicas[i].record.data_hash) {
        letters[i] = static_cast<char>('A' + std::min(v, last_letter));
      }
    }
  }
}

CompareSummary compare_replicas(std::span<const Region* const> replicas,
                                const CompareOptions& options, ComparisonReporter& reporter) {
  CompareSummary total;
  total.failures.resize(replicas.size());
  std::mutex mutex;
  const bool finished = walk_replicas(
      replicas, options.walk,
      [&](std::size_t replica, const Finding& finding) { reporter.finding(replica, finding); },
      [&](const ReplicaVisit& visit) {
        const CompareSummary part = ExtentComparison(replicas, options, visit, reporter).run();
        if (options.progress != nullptr) options.progress->advance(1, 0);
        const std::lock_guard lock(mutex);
        add(total, part);
      });
  total.totals.stopped = !finished;
  return total;
}

}  // namespace libregion
