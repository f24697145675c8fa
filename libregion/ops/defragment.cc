#include "libregion/ops/defragment.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/extent_file.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/extent/slot_consolidation.h"
#include "libregion/io/durable.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/parallel.h"

namespace libregion {
namespace {

// Extents that share a sync. Their files are open at the same time.
constexpr std::size_t batch_extents = 256;

// What is done to one extent.
struct Job {
  ExtentId extent;
  ExtentParts parts;
  std::vector<Finding> findings;

  bool is_done = false;  // looked at; false after a stop
  bool is_left = false;
  std::optional<ExtentMetadata> metadata;
  std::optional<SlotFragmentation> fragmentation;
  SlotConsolidation::Plan plan;

  std::unique_ptr<ExtentReader> reader;  // open and claimed until the batch is done
  std::unique_ptr<SlotConsolidation> consolidation;

  [[nodiscard]] bool changes() const {
    return !is_left && fragmentation && fragmentation->minor_block_count() > 0;
  }
};

class Defragmentation {
 public:
  Defragmentation(const Region& region, const DefragmentOptions& options, Reporter& reporter)
      : region_(region),
        options_(options),
        reporter_(reporter),
        geometry_(region.definition.geometry),
        layout_(region.definition.geometry) {}

  DefragmentSummary run() {
    // Nothing is changed before it is known that nobody uses any extent.
    for_each_leaf([&](const Leaf& leaf) { probe_leaf(leaf); });
    for_each_leaf([&](const Leaf& leaf) { defragment_leaf(leaf); });
    return summary_;
  }

 private:
  // ---- the extents of the region, leaf by leaf --------------------------------------------------

  [[nodiscard]] bool is_stopped() const {
    return options_.walk.stop != nullptr && *options_.walk.stop;
  }

  template <class Visit>
  void for_each_leaf(Visit visit) {
    const std::uint64_t extent_count = region_.definition.extent_count;
    for (std::uint64_t first = 0; first < extent_count; first += extents_per_leaf) {
      if (is_stopped()) {
        summary_.stopped = true;
        return;
      }
      visit(Leaf::open(region_, leaf_of(ExtentId{static_cast<std::uint32_t>(first)})));
    }
  }

  // The extents that are selected, whether they are there or not.
  [[nodiscard]] std::vector<ExtentId> extents_of(const Leaf& leaf) const {
    std::vector<ExtentId> extents;
    const std::uint64_t first = std::uint64_t{leaf.id().value} * extents_per_leaf;
    const std::uint64_t end =
        std::min<std::uint64_t>(first + extents_per_leaf, region_.definition.extent_count);
    for (std::uint64_t number = first; number < end; ++number) {
      const ExtentId extent{static_cast<std::uint32_t>(number)};
      if (options_.walk.includes(region_.definition, extent)) extents.push_back(extent);
    }
    return extents;
  }

  void probe_leaf(const Leaf& leaf) {
    if (leaf.directory() == nullptr) return;
    const auto extents = extents_of(leaf);
    for_each_in_parallel(options_.walk.jobs, extents.size(), [&](std::size_t i) {
      for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
        if (!leaf.parts_of(extents[i]).has(part)) continue;
        auto trouble = probe_extent_file(region_, *leaf.directory(), extents[i], part);
        if (!trouble) continue;
        const std::lock_guard lock(mutex_);
        unprobed_.emplace(extents[i], std::move(*trouble));
      }
    });
  }

  void defragment_leaf(const Leaf& leaf) {
    for (const Finding& finding : leaf.findings()) {
      if (finding_info(finding.id).severity == Severity::error) reporter_.finding(finding);
    }
    const auto extents = extents_of(leaf);
    for (std::size_t first = 0; first < extents.size(); first += batch_extents) {
      if (is_stopped()) {
        summary_.stopped = true;
        return;
      }
      std::vector<Job> batch(std::min(batch_extents, extents.size() - first));
      for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].extent = extents[first + i];
        batch[i].parts = leaf.parts_of(batch[i].extent);
      }
      run_batch(leaf, batch);
    }
  }

  // ---- a batch ----------------------------------------------------------------------------------

  void run_batch(const Leaf& leaf, std::span<Job> batch) {
    for_each_in_parallel(options_.walk.jobs, batch.size(), [&](std::size_t i) {
      if (is_stopped()) return;
      prepare(leaf, batch[i]);
      batch[i].is_done = true;
    });
    if (!options_.only_looks()) consolidate(batch);

    std::vector<ExtentId> awaited;
    for (Job& job : batch) {
      if (job.reader != nullptr && has_broken_lease(*job.reader)) awaited.push_back(job.extent);
      job.consolidation.reset();
      job.reader.reset();  // closing the file gives up its lease
      if (job.is_done) report(job);
      summary_.stopped |= !job.is_done;
    }
    if (!awaited.empty()) yield_to_others(region_, *leaf.directory(), awaited);
  }

  // The order above, for all extents of the batch at once.
  void consolidate(std::span<Job> batch) {
    std::vector<Job*> changing;
    for (Job& job : batch) {
      if (job.changes()) changing.push_back(&job);
    }
    do_step(changing, [](Job&) {});
    do_step(changing, [&](Job& job) {
      plan(job);
      if (job.is_left) return;
      // While it is in memory what was read to plan it.
      job.plan.clears ? job.consolidation->clear() : job.consolidation->copy();
    });
    std::erase_if(changing, [](const Job* job) { return job->is_left; });
    std::vector<Job*> cleared;
    std::copy_if(changing.begin(), changing.end(), std::back_inserter(cleared),
                 [](const Job* job) { return job->plan.clears; });
    do_step(cleared, [](Job& job) { job.consolidation->copy(); });
    do_step(changing, [](Job& job) { job.consolidation->persist(*job.metadata); });
    for (Job* job : changing) job->metadata = SlotConsolidation::counted_in(*job->metadata);
  }

  // Of some extents, and then a sync of those that were not left.
  template <class Work>
  void do_step(const std::vector<Job*>& jobs, Work work) {
    for_each_in_parallel(options_.walk.jobs, jobs.size(), [&](std::size_t i) { work(*jobs[i]); });
    std::vector<File*> files;
    for (const Job* job : jobs) {
      if (!job->is_left) files.push_back(&raw_of(*job).data_file());
    }
    sync_files(*region_.root, files);
  }

  static RawExtent& raw_of(const Job& job) { return static_cast<RawExtent&>(*job.reader); }

  // ---- one extent -------------------------------------------------------------------------------

  // Finds out whether anything is to be done.
  void prepare(const Leaf& leaf, Job& job) {
    if (leaf.is_unreadable()) {
      // The finding of the directory has said it.
      has_io_errors_ = true;
      job.is_left = true;
      return;
    }
    if (const auto unprobed = unprobed_.find(job.extent); unprobed != unprobed_.end()) {
      // Nobody knows who uses it.
      has_io_errors_ = true;
      return leave(job, {unprobed->second});
    }
    if (job.parts.has(ExtentPart::replace)) return leave_with(job, FindingId::replace_pending);
    if (!job.parts.has(ExtentPart::data)) return leave_with(job, FindingId::missing_extent);
    if (format_of(job.parts) == ExtentFormat::sqlite) return;
    try_to_read(job, [&] { open(*leaf.directory(), job); });
    if (job.is_left) return;
    job.consolidation = std::make_unique<SlotConsolidation>(raw_of(job).data_file(), geometry_,
                                                            raw_of(job).active_slots());
    job.fragmentation = job.consolidation->fragmentation();
    if (options_.only_looks()) {
      plan(job);
      job.consolidation.reset();
    }
  }

  // What cannot be read is left alone.
  template <class Read>
  void try_to_read(Job& job, Read read) {
    try {
      read();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      has_io_errors_ = true;
      leave(job, {unreadable_finding(job.extent, error)});
    }
  }

  void open(const Directory& directory, Job& job) {
    const Access access = options_.only_looks() ? Access::read : Access::read_write;
    std::vector<Finding> findings;
    auto file = open_extent_file(
        directory, job.extent, ExtentPart::data, access,
        [&](File& opened) { region_.use->claim(opened); }, findings);
    if (file == nullptr) return leave(job, std::move(findings));

    OpenedExtent opened =
        RawExtent::open(std::move(file), geometry_, job.extent, extent_path(job.extent));
    job.reader = std::move(opened.reader);
    if (job.reader != nullptr) job.metadata = job.reader->metadata();
    const bool is_damaged =
        std::any_of(opened.findings.begin(), opened.findings.end(), [](const Finding& finding) {
          return finding_info(finding.id).severity == Severity::error;
        });
    if (is_damaged) return leave(job, std::move(opened.findings));
    if (job.metadata->dirty) leave_with(job, FindingId::dirty_extent);
  }

  // Finds out what is to be done, and reads all that will be read for it.
  void plan(Job& job) {
    if (!job.consolidation->is_needed()) return;
    try_to_read(job, [&] { job.plan = job.consolidation->plan(); });
    if (!job.plan.bad_sources.empty()) leave(job, bad_slot_findings(job));
    if (!job.is_left) return;
    job.plan = {};
    job.consolidation.reset();
  }

  // Neighbouring blocks with the same damage are one finding.
  [[nodiscard]] std::vector<Finding> bad_slot_findings(const Job& job) const {
    const ContextSlot array = job.fragmentation->minor_array();
    std::vector<Finding> findings;
    for (const auto& [block, slot] : job.plan.bad_sources) {
      const SlotPlace place{job.extent, block, layout_.slot_offset_bytes(array, block)};
      if (!findings.empty() && findings.back().blocks->end() == block) {
        ++findings.back().blocks->count;
        findings.back().length_bytes += context_slot_bytes;
      } else {
        findings.push_back(bad_slot_finding(FindingId::bad_active_slot, place, slot));
      }
    }
    return findings;
  }

  static void leave(Job& job, std::vector<Finding> findings) {
    std::move(findings.begin(), findings.end(), std::back_inserter(job.findings));
    job.is_left = true;
  }

  static void leave_with(Job& job, FindingId id) {
    const ExtentPart part =
        id == FindingId::replace_pending ? ExtentPart::replace : ExtentPart::data;
    leave(job, {Finding{id, job.extent, extent_path(job.extent, part)}});
  }

  // ---- reports ----------------------------------------------------------------------------------

  static std::string_view action_of(const Job& job) {
    if (job.is_left) return "left";
    return job.changes() ? "defragmented" : "none";
  }

  void report(const Job& job) {
    for (const Finding& finding : job.findings) reporter_.finding(finding);
    if (options_.check && job.fragmentation) report_fragmentation(job);
    const std::uint64_t moved_blocks = job.changes() ? job.fragmentation->minor_block_count() : 0;
    ExtentRecord record{job.extent, extent_path(job.extent), format_name(format_of(job.parts))};
    record.metadata = job.metadata;
    record.fields = {{"action", action_of(job)},
                     {options_.only_looks() ? "would_change" : "changed", job.changes()},
                     {"moved_blocks", moved_blocks},
                     {"written_bytes", job.plan.written_bytes},
                     {"findings", std::uint64_t{job.findings.size()}}};
    reporter_.extent(record);

    ++summary_.extent_count;
    if (job.is_left) ++summary_.left_count;
    if (job.changes()) ++summary_.defragmented_count;
    summary_.moved_block_count += moved_blocks;
    summary_.written_bytes += job.plan.written_bytes;
    if (job.fragmentation) summary_.extra_system_calls += job.fragmentation->extra_system_calls();
    summary_.has_io_errors = has_io_errors_;
    if (options_.progress != nullptr) options_.progress->advance(1, 2 * layout_.slot_array_bytes());
  }

  void report_fragmentation(const Job& job) {
    const SlotFragmentation& slots = *job.fragmentation;
    const auto describe = [](char array, const SlotFragmentation::Usage& usage) {
      return fmt::format("{}: {} blocks in {} runs", array, usage.block_count, usage.run_count);
    };
    OtherRecord record{"fragmentation", job.extent, extent_path(job.extent)};
    record.fields = {{"a_blocks", slots.a.block_count},
                     {"a_runs", slots.a.run_count},
                     {"b_blocks", slots.b.block_count},
                     {"b_runs", slots.b.run_count},
                     {"minor_array", std::string(1, slot_letter(slots.minor_array()))},
                     {"minor_blocks", slots.minor_block_count()},
                     {"extra_system_calls", slots.extra_system_calls()}};
    record.text = fmt::format("{}: extent {} ({}): {}, {}; {} extra system calls to read it\n",
                              region_.path, job.extent.value, record.file, describe('A', slots.a),
                              describe('B', slots.b), slots.extra_system_calls());
    // People are told of what is scattered, programs of all.
    if (slots.extra_system_calls() == 0) record.text.clear();
    reporter_.record(record);
  }

  const Region& region_;
  const DefragmentOptions& options_;
  Reporter& reporter_;
  Geometry geometry_;
  RawLayout layout_;
  DefragmentSummary summary_;
  std::atomic<bool> has_io_errors_{false};
  std::mutex mutex_;
  std::map<ExtentId, Finding> unprobed_;
};

}  // namespace

DefragmentSummary defragment_region(const Region& region, const DefragmentOptions& options,
                                    Reporter& reporter) {
  return Defragmentation(region, options, reporter).run();
}

}  // namespace libregion
