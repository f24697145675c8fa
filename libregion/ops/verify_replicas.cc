#include "libregion/ops/verify_replicas.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/compare.h"
#include "libregion/ops/reconciliation.h"
#include "libregion/ops/replica_extents.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Findings of a replica that are held back until it is known that nobody changed it meanwhile.
constexpr std::size_t held_findings_max = 4096;

std::string numbers_text(const std::vector<std::optional<ExtentMetadata>>& metadata) {
  std::string text;
  for (std::size_t i = 0; i < metadata.size(); ++i) {
    text += fmt::format("{}{}: ", text.empty() ? "" : ", ", i);
    if (!metadata[i]) {
      text += "none";
      continue;
    }
    text += fmt::format("gen {} flush {}{}", metadata[i]->gen_number, metadata[i]->flush_number,
                        metadata[i]->dirty ? " dirty" : "");
  }
  return text;
}

std::string block_text(std::size_t replica, const ReplicaBlock& block) {
  if (!block.has_data()) return fmt::format("{}: {}", replica, block_state_name(block.state));
  return fmt::format("{}: {}, data {}", replica, block_state_name(block.state),
                     hash_text(block.record.data_hash));
}

// Blocks that reconciliation would lose, or that contradict each other: neighbours with the same
// finding of the same replicas are one.
class BlockFindings {
 public:
  struct Place {
    std::size_t replica = 0;  // that the finding is of
    std::size_t other = 0;    // that it is compared with
    bool operator==(const Place&) const = default;
  };

  // Returns the finding before, where this block does not belong to it.
  std::optional<std::pair<std::size_t, Finding>> add(const Place& place, Finding finding) {
    if (last_ && place_ == place && last_->id == finding.id &&
        last_->blocks->end() == finding.blocks->first) {
      ++last_->blocks->count;
      last_->length_bytes += finding.length_bytes;
      return std::nullopt;
    }
    auto before = take();
    place_ = place;
    last_ = std::move(finding);
    return before;
  }
  std::optional<std::pair<std::size_t, Finding>> take() {
    if (!last_) return std::nullopt;
    return std::pair(place_.replica, *std::exchange(last_, std::nullopt));
  }

 private:
  Place place_;
  std::optional<Finding> last_;
};

// Verifies one extent of all replicas.
class ReplicasVerifier {
 public:
  ReplicasVerifier(std::span<const DumpReplica> replicas, std::span<const Region* const> regions,
                   const VerifyOptions& options, const ReplicaVisit& visit)
      : replicas_(replicas),
        regions_(regions),
        options_(options),
        visit_(visit),
        geometry_(regions.front()->definition.geometry),
        extents_(regions, visit.leaves, visit.extent,
                 [this](std::size_t replica, const Finding& finding) { say(replica, finding); }),
        metadata_(extents_.metadata()),
        source_(reconciliation_source(metadata_)),
        is_due_(needs_reconciliation(metadata_)),
        checks_(regions.size()),
        letters_(regions.size()) {}

  VerifyReplicasSummary run() {
    summary_.replicas.resize(regions_.size());
    summary_.failures = extents_.failures();
    summary_.extent_count = 1;
    for (std::size_t i = 0; i < regions_.size(); ++i) look_beside(i);
    report_source();
    check_blocks();
    extents_.check_leases();
    for (std::size_t i = 0; i < regions_.size(); ++i) report_extent(i);
    return std::move(summary_);
  }

 private:
  void say(std::size_t replica, const Finding& finding) {
    Reporter& reporter = *replicas_[replica].reporter;
    visit_.turn.say([&reporter, finding] { reporter.finding(finding); });
    ++finding_counts_[replica];
  }
  void say(std::size_t replica, const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) say(replica, finding);
  }

  // Repairs that are pending, and strays.
  void look_beside(std::size_t replica) {
    const Leaf* leaf = visit_.leaves[replica].get();
    if (leaf == nullptr || leaf->is_unreadable()) return;
    const ExtentParts parts = leaf->parts_of(visit_.extent);
    say(replica, pending_findings(visit_.extent, parts));
    say(replica, stray_findings(visit_.extent, parts));
    if (!parts.has(ExtentPart::replace)) return;
    try {
      say(replica, check_replacement(*leaf->directory(), visit_.extent, parts, geometry_));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      summary_.replicas[replica].has_io_errors = true;
      Finding finding{unreadable_finding_id(error), visit_.extent, extent_path(visit_.extent)};
      finding.found = error.what();
      say(replica, finding);
    }
  }

  void report_source() {
    if (!is_due_) return;
    summary_.differing_count = 1;
    if (!source_) return;
    Finding finding{FindingId::reconciliation_source, visit_.extent, extent_path(visit_.extent)};
    finding.found = numbers_text(metadata_);
    say(*source_, finding);
  }

  void check_blocks() {
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      ExtentReader* reader = extents_.readers()[i];
      if (reader == nullptr) continue;
      checks_[i] = std::make_unique<BlockCheck>(regions_[i]->definition, visit_.extent, *reader,
                                                CheckDepth::everything);
    }
    ReplicaBlocks blocks(extents_.readers(), geometry_);
    for (const BlockRange& range : options_.walk.blocks.in_extent(geometry_, visit_.extent)) {
      check_range(blocks, range);
    }
    report_last(block_findings_.take());
  }

  void check_range(ReplicaBlocks& blocks, BlockRange range) {
    const auto visit = [&](std::uint64_t /*block*/, std::span<const ReplicaBlock> replicas) {
      check(replicas);
    };
    const auto skip = [&](std::size_t replica, std::uint64_t block, const Error& error) {
      summary_.replicas[replica].has_io_errors = true;
      checks_[replica]->add_unreadable(block, error);
    };
    for_each_step({range, geometry_.shift()}, [&](BlockRange step) {
      blocks.read(step, visit, skip);
      if (options_.progress == nullptr) return;
      options_.progress->advance(0, (step.count << geometry_.shift()) * regions_.size());
    });
  }

  void check(std::span<const ReplicaBlock> blocks) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (checks_[i] == nullptr || blocks[i].state == BlockState::absent) continue;
      ++summary_.replicas[i].block_count;
      if (!blocks[i].has_data()) continue;
      checks_[i]->check(blocks[i].record);
      if (checks_[i]->finding_count() >= held_findings_max) say(i, checks_[i]->take_findings());
    }
    if (is_due_) {
      look_for_loss(blocks);
    } else {
      look_for_contradiction(blocks);
    }
  }

  // What the copies of the source would not have, though another replica has it. What only a dirty
  // replica has may never have been flushed: it is no loss where the source never had it.
  void look_for_loss(std::span<const ReplicaBlock> blocks) {
    if (!source_) return;
    const ReplicaBlock& source = blocks[*source_];
    if (source.proof) return;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i == *source_ || !blocks[i].is_held()) continue;
      const bool is_flushed = metadata_[i] && !metadata_[i]->dirty;
      const bool is_more = blocks[i].record.data_hash != source.record.data_hash && is_flushed;
      if (source.is_held() && !is_more) continue;
      ++summary_.lost_block_count;
      add(FindingId::reconciliation_loss, {*source_, i}, blocks);
      return;
    }
  }

  // Blocks that are what was written, each in its replica, and yet are not the same.
  void look_for_contradiction(std::span<const ReplicaBlock> blocks) {
    assign_letters(blocks, letters_);
    const auto first = std::find(letters_.begin(), letters_.end(), 'A');
    if (first == letters_.end()) return;
    const auto majority = static_cast<std::size_t>(first - letters_.begin());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (letters_[i] == 'A' || !blocks[i].is_held() || !blocks[majority].is_held()) continue;
      ++summary_.contradicting_block_count;
      add(FindingId::replicas_contradict, {i, majority}, blocks);
      return;
    }
  }

  void add(FindingId id, const BlockFindings::Place& place, std::span<const ReplicaBlock> blocks) {
    const std::uint64_t block = blocks.front().record.block;
    Finding finding{id, visit_.extent, extent_path(visit_.extent)};
    finding.blocks = BlockRange{block, 1};
    finding.offset_bytes = geometry_.block_offset_bytes(block);
    finding.length_bytes = geometry_.block_size_bytes();
    finding.expected = block_text(place.other, blocks[place.other]);
    finding.found = block_text(place.replica, blocks[place.replica]);
    report_last(block_findings_.add(place, std::move(finding)));
  }

  void report_last(const std::optional<std::pair<std::size_t, Finding>>& last) {
    if (last) say(last->first, last->second);
  }

  void report_extent(std::size_t replica) {
    VerifySummary& summary = summary_.replicas[replica];
    if (visit_.extent.value >= regions_[replica]->definition.extent_count) return;
    summary.extent_count = 1;
    summary.has_changed = extents_.has_changed(replica);
    summary.has_io_errors |= extents_.has_io_errors(replica);
    if (const auto& check = checks_[replica]; check != nullptr) {
      // What was found in an extent that somebody opened meanwhile is worth nothing.
      const std::vector<Finding> findings = check->take_findings();
      if (!summary.has_changed) say(replica, findings);
      summary.written_count = check->written_blocks();
    }
    summary.data_bytes = summary.block_count << geometry_.shift();
    ExtentRecord record{visit_.extent, extent_path(visit_.extent),
                        extents_.row().replicas[replica].format};
    record.metadata = metadata_[replica];
    record.fields = {{"blocks", summary.block_count},
                     {"written", summary.written_count},
                     {"findings", finding_counts_[replica]}};
    Reporter& reporter = *replicas_[replica].reporter;
    visit_.turn.say([&reporter, record] { reporter.extent(record); });
  }

  std::span<const DumpReplica> replicas_;
  std::span<const Region* const> regions_;
  const VerifyOptions& options_;
  const ReplicaVisit& visit_;
  Geometry geometry_;
  std::vector<std::uint64_t> finding_counts_ = std::vector<std::uint64_t>(replicas_.size());
  ReplicaExtents extents_;
  std::vector<std::optional<ExtentMetadata>> metadata_;
  std::optional<std::size_t> source_;
  bool is_due_;
  std::vector<std::unique_ptr<BlockCheck>> checks_;
  std::vector<char> letters_;
  BlockFindings block_findings_;
  VerifyReplicasSummary summary_;
};

void add(VerifyReplicasSummary& total, const VerifyReplicasSummary& part) {
  for (std::size_t i = 0; i < total.replicas.size(); ++i) {
    add_to(total.replicas[i], part.replicas[i]);
    if (part.failures[i] && !total.failures[i]) total.failures[i] = part.failures[i];
  }
  total.extent_count += part.extent_count;
  total.differing_count += part.differing_count;
  total.lost_block_count += part.lost_block_count;
  total.contradicting_block_count += part.contradicting_block_count;
}

}  // namespace

VerifyReplicasSummary verify_replicas(std::span<const DumpReplica> replicas,
                                      const VerifyOptions& options) {
  VerifyReplicasSummary total;
  total.replicas.resize(replicas.size());
  total.failures.resize(replicas.size());
  std::vector<const Region*> regions;
  for (const DumpReplica& replica : replicas) regions.push_back(replica.region);
  std::mutex mutex;
  const bool finished = walk_replicas(
      regions, options.walk,
      [&](std::size_t i, const Finding& finding) { replicas[i].reporter->finding(finding); },
      [&](const ReplicaVisit& visit) {
        const VerifyReplicasSummary part =
            ReplicasVerifier(replicas, regions, options, visit).run();
        if (options.progress != nullptr) options.progress->advance(1, 0);
        const std::lock_guard lock(mutex);
        add(total, part);
      });
  total.stopped = !finished;
  if (finished && options.walk.is_everything()) {
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      report_surplus(*replicas[i].region, *replicas[i].reporter, total.replicas[i].has_io_errors);
    }
  }
  return total;
}

}  // namespace libregion
