#include "libregion/ops/repair.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/ops/block_text.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/repair_extent.h"
#include "libregion/ops/repair_review.h"
#include "libregion/ops/undo.h"

namespace libregion {
namespace {

class NoReporter : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& /*finding*/) override {}
};

// What is taken back because it was not better is a finding of each extent.
class PutBackReporter : public Reporter {
 public:
  PutBackReporter(Reporter& reporter, std::string found)
      : reporter_(reporter), found_(std::move(found)) {}

  void extent(const ExtentRecord& record) override {
    const auto* action = std::get_if<std::string_view>(&record.fields.front().value);
    if (action == nullptr || *action != "restored") return;
    Finding finding{FindingId::repair_put_back, record.extent, record.file};
    finding.found = found_;
    reporter_.finding(finding);
  }
  void finding(const Finding& finding) override { reporter_.finding(finding); }

 private:
  Reporter& reporter_;
  std::string found_;
};

class Repair {
 public:
  Repair(const Region& region, const RepairOptions& options, Reporter& reporter)
      : region_(region),
        options_(options),
        reporter_(reporter),
        geometry_(region.definition.geometry),
        context_(region, options, options.dry_run ? Access::read : Access::read_write),
        review_(region.definition.geometry) {}

  RepairSummary run() {
    if (!options_.dry_run) {
      // Nothing is changed before it is known that nobody uses any extent.
      probe_all();
      is_all_synced_ = region_.root->sync_file_system();
      go_on_with_undo();
    }
    const bool finished = walk_extents(
        region_, options_.walk, reporter_,
        [&](const Leaf& leaf, ExtentId extent, Reporter& turn) { visit(leaf, extent, turn); });
    summary_.stopped = !finished;
    UndoLog* undo = context_.undo_if_any();
    summary_.has_undo = undo != nullptr && !undo->sections().empty();
    if (has_changed_something() && !summary_.stopped) look_again();
    if (undo != nullptr && !summary_.stopped) undo->finish();
    return summary_;
  }

 private:
  // ---- before the first change ------------------------------------------------------------------

  void probe_all() {
    NoReporter nobody;
    walk_extents(region_, options_.walk, nobody,
                 [&](const Leaf& leaf, ExtentId extent, Reporter& /*turn*/) {
                   for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
                     if (!leaf.parts_of(extent).has(part)) continue;
                     auto trouble = probe_extent_file(region_, *leaf.directory(), extent, part);
                     if (!trouble) continue;
                     const std::lock_guard lock(mutex_);
                     unprobed_.emplace(extent, std::move(*trouble));
                   }
                 });
  }

  // An interrupted run's is gone on with even where nothing more is to be done, so that it ends.
  void go_on_with_undo() {
    if (!options_.undo_path) return;
    if (UndoLog::is_unfinished(*options_.undo_file_system, *options_.undo_path,
                               region_.definition.uuid)) {
      (void)context_.undo();
    }
  }

  // What a killed process left in the cache must not be taken for what is on disk.
  void sync_extent(const Leaf& leaf, ExtentId extent) const {
    const bool is_synced =
        is_all_synced_ && leaf.directory()->status().device == region_.root->status().device;
    if (is_synced) return;
    if (leaf.parts_of(extent).has(ExtentPart::data)) {
      const auto file = leaf.directory()->open_file(extent_file_name(extent), Access::read);
      if (const auto* opened = std::get_if<std::unique_ptr<File>>(&file)) (*opened)->sync();
    }
    leaf.directory()->sync();
  }

  // ---- an extent --------------------------------------------------------------------------------

  void visit(const Leaf& leaf, ExtentId extent, Reporter& turn) {
    RepairJob job;
    job.extent = extent;
    job.parts = leaf.parts_of(extent);
    std::string_view action = repair(context_, leaf, job);
    if (action == "left") job.trouble_before = trouble_of(job, geometry_);
    const bool is_awaited = was_opened_by_others(job);
    if (is_awaited && options_.dry_run) {
      job.has_changed = true;
      job.findings = {Finding{FindingId::changed_while_read, extent, extent_path(extent)}};
      job.steps.clear();
      action = "none";
    }
    if (action == "none" && damage_of(job, geometry_) > 0) action = "left";
    report(job, action, turn);
    job.reader.reset();  // closing the files gives up their leases
    job.files.clear();
    if (is_awaited && !options_.dry_run) yield_to_others(region_, *leaf.directory(), {&extent, 1});
  }

  std::string_view repair(RepairContext& context, const Leaf& leaf, RepairJob& job) {
    if (leaf.is_unreadable()) {
      // The finding of the directory has said it.
      job.has_io_errors = true;
      return "left";
    }
    if (const auto unprobed = unprobed_.find(job.extent); unprobed != unprobed_.end()) {
      job.has_io_errors = true;
      job.findings.push_back(unprobed->second);
      return "left";
    }
    if (leaf.directory() == nullptr) {
      job.findings.push_back(
          Finding{FindingId::missing_extent, job.extent, extent_path(job.extent)});
      return "left";
    }
    if (!context.options().dry_run) sync_extent(leaf, job.extent);
    return repair_extent(context, *leaf.directory(), job);
  }

  static bool was_opened_by_others(const RepairJob& job) {
    if (job.reader != nullptr && has_broken_lease(*job.reader)) return true;
    return std::any_of(job.files.begin(), job.files.end(),
                       [](const auto& file) { return file->lease_is_broken(); });
  }

  // ---- the whole region, afterwards -------------------------------------------------------------

  [[nodiscard]] bool has_changed_something() const {
    return !options_.dry_run && (summary_.has_undo || summary_.repaired_count > 0);
  }

  // Every extent, as at first, with nothing to be done. What is put back then is all of it.
  void look_again() {
    if (options_.progress != nullptr) {
      const auto [extent_count, data_bytes] = walk_totals(region_.definition, options_.walk);
      options_.progress->start(extent_count, data_bytes);
    }
    const RepairOptions looking{options_.walk};
    RepairContext context(region_, looking, Access::read_write);
    NoReporter nobody;
    const bool finished = walk_extents(region_, options_.walk, nobody,
                                       [&](const Leaf& leaf, ExtentId extent, Reporter& /*turn*/) {
                                         look_at(context, leaf, extent);
                                       });
    summary_.stopped = !finished;
    if (finished && !review_.is_better()) put_back();
  }

  void look_at(RepairContext& context, const Leaf& leaf, ExtentId extent) {
    RepairJob job;
    job.extent = extent;
    job.parts = leaf.parts_of(extent);
    repair(context, leaf, job);
    if (is_unreadable(extent)) return;  // as before: nobody can say more of it
    if (job.has_io_errors) throw_unreadable(leaf, job);
    review_.add_after(job);
    const std::uint64_t read_bytes = job.looked_at_blocks << geometry_.shift();
    if (options_.progress != nullptr) options_.progress->advance(1, read_bytes);
    const std::lock_guard lock(mutex_);
    summary_.read_bytes += read_bytes;
  }

  [[nodiscard]] bool is_unreadable(ExtentId extent) {
    const std::lock_guard lock(mutex_);
    return unreadable_.contains(extent);
  }

  // What cannot be read says nothing of the repair. It stays, and another run looks again.
  [[noreturn]] void throw_unreadable(const Leaf& leaf, const RepairJob& job) const {
    std::vector<Finding> findings = job.findings;
    findings.insert(findings.end(), leaf.findings().begin(), leaf.findings().end());
    std::string why;
    for (const Finding& finding : findings) {
      const bool is_it =
          finding.id == FindingId::io_error || finding.id == FindingId::not_accessible;
      if (is_it && why.empty()) why = finding.found;
    }
    throw Error(ErrorKind::failed,
                fmt::format("'{}/{}': it could not be looked at again after the repair, which "
                            "stays: {}",
                            region_.path, extent_path(job.extent), why));
  }

  void put_back() {
    const std::string found = review_.describe_worse();
    UndoLog* undo = context_.undo_if_any();
    if (undo == nullptr) {
      Finding finding{FindingId::repair_put_back};
      finding.found = found + "; no undo file, so it was not put back";
      return reporter_.finding(finding);
    }
    PutBackReporter reporter(reporter_, found);
    const ReadSaved read = [&](const SavedRange& range) { return undo->read(range); };
    const UndoSummary undone =
        undo_repair(region_, SavedRepair{undo->sections(), read}, {.dry_run = false}, reporter);
    summary_.put_back_count += undone.restored_count;
    summary_.left_count += undone.restored_count;
    summary_.repaired_count = 0;
    summary_.block_count = 0;
  }

  // ---- reports ----------------------------------------------------------------------------------

  void report(const RepairJob& job, std::string_view action, Reporter& turn) {
    for (const RepairStep& step : job.steps) report_step(job, step, turn);
    for (const Finding& finding : job.findings) turn.finding(finding);
    ExtentRecord record{job.extent, extent_path(job.extent),
                        job.metadata ? format_name(job.format) : "unknown"};
    record.metadata = job.metadata;
    record.fields = {{"action", action},
                     {options_.dry_run ? "would_change" : "changed", action == "repaired"},
                     {"blocks", job.looked_at_blocks},
                     {"repairs", std::uint64_t{job.steps.size()}},
                     {"findings", std::uint64_t{job.findings.size()}}};
    turn.extent(record);
    count(job, action);
    if (!options_.dry_run) review_.add_before(job);
  }

  void report_step(const RepairJob& job, const RepairStep& step, Reporter& turn) const {
    OtherRecord record{"repair", job.extent, extent_path(job.extent)};
    const BlockRange blocks = step.blocks.value_or(BlockRange{});
    record.fields = {{"what", repair_name(step.kind)},
                     {"first_block", blocks.first},
                     {"block_count", blocks.count},
                     {"source", step.source},
                     {options_.dry_run ? "would_change" : "changed", true}};
    const std::string blocks_in_words = step.blocks ? " " + blocks_text(*step.blocks) : "";
    record.text =
        fmt::format("{}: extent {} ({}){}: {}{}{}{}\n", region_.path, job.extent.value, record.file,
                    blocks_in_words, options_.dry_run ? "would be: " : "", repair_text(step.kind),
                    step.source.empty() ? "" : ", from ", step.source);
    turn.record(record);
  }

  void count(const RepairJob& job, std::string_view action) {
    if (options_.progress != nullptr) {
      options_.progress->advance(1, job.looked_at_blocks << geometry_.shift());
    }
    const std::lock_guard lock(mutex_);
    ++summary_.extent_count;
    summary_.repaired_count += action == "repaired" ? 1U : 0U;
    summary_.put_back_count += action == "put_back" ? 1U : 0U;
    summary_.left_count += damage_of(job, geometry_) > 0 ? 1U : 0U;
    for (const RepairStep& step : job.steps) {
      if (step.blocks) summary_.block_count += step.blocks->count;
    }
    summary_.read_bytes += job.looked_at_blocks << geometry_.shift();
    summary_.has_io_errors |= job.has_io_errors;
    if (job.has_io_errors) unreadable_.insert(job.extent);
    summary_.has_changed |= job.has_changed;
  }

  const Region& region_;
  const RepairOptions& options_;
  Reporter& reporter_;
  Geometry geometry_;
  RepairContext context_;
  RepairReview review_;
  bool is_all_synced_ = false;
  std::mutex mutex_;
  std::map<ExtentId, Finding> unprobed_;
  std::set<ExtentId> unreadable_;  // at the first look, some of it or all
  RepairSummary summary_;
};

}  // namespace

RepairSummary repair_region(const Region& region, const RepairOptions& options,
                            Reporter& reporter) {
  return Repair(region, options, reporter).run();
}

}  // namespace libregion
