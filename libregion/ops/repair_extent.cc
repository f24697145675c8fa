#include "libregion/ops/repair_extent.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/format/integrity.h"
#include "libregion/ops/block_sources.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/repair_replace.h"
#include "libregion/ops/undo.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

class ExtentRepair {
 public:
  ExtentRepair(RepairContext& context, Directory& leaf, RepairJob& job)
      : context_(context),
        region_(context.region()),
        options_(context.options()),
        geometry_(context.region().definition.geometry),
        leaf_(leaf),
        job_(job) {}

  std::string_view run() {
    const bool is_settled = settle_interrupted();
    if (is_settled && !options_.dry_run) {
      examine_for_repair(region_, leaf_, context_.access(), job_);
    }
    job_.trouble_before = trouble_of(job_, geometry_);
    if (!is_settled) return "left";
    const bool changes_in_place = !job_.patches.empty() || !job_.stray_logs.empty();
    if (changes_in_place && !options_.dry_run && !mend_in_place()) return "put_back";
    if (!rebuild()) return "put_back";
    return job_.steps.empty() ? "none" : "repaired";
  }

 private:
  // ---- what an interrupted repair left ----------------------------------------------------------

  // False where it stays, and the extent with it. With dry_run the job is then examined as what it
  // would be by then.
  bool settle_interrupted() {
    const bool has_leftovers =
        job_.parts.has(ExtentPart::copy) || job_.parts.has(ExtentPart::completed);
    if (has_leftovers && !are_directories()) return false;
    const bool replaces = job_.parts.has(ExtentPart::replace);
    if (replaces && !can_be_replaced()) return false;
    if (has_leftovers) job_.steps.push_back({RepairKind::leftovers});
    if (replaces) job_.steps.push_back({RepairKind::replacement});
    if (options_.dry_run) {
      examine_as_it_would_be();
    } else if (has_leftovers || replaces) {
      const auto lock = context_.begin_change();
      remove_leftovers(leaf_, job_.extent, job_.parts);
      if (replaces) finish();
      job_.parts = parts_in(leaf_, job_.extent);
    }
    return true;
  }

  bool are_directories() {
    for (const ExtentPart part : {ExtentPart::copy, ExtentPart::completed}) {
      const auto status = leaf_.status_of(extent_file_name(job_.extent, part));
      if (!status || status->kind == FileKind::directory) continue;
      Finding finding{FindingId::not_a_regular_file, job_.extent, extent_path(job_.extent, part)};
      finding.expected = "a directory with a repair's files";
      job_.findings.push_back(std::move(finding));
      return false;
    }
    return true;
  }

  bool can_be_replaced() {
    std::vector<Finding> problems = check_replacement(leaf_, job_.extent, job_.parts, geometry_);
    if (problems.empty()) return true;
    job_.findings = pending_findings(job_.extent, job_.parts);
    std::move(problems.begin(), problems.end(), std::back_inserter(job_.findings));
    return false;
  }

  void examine_as_it_would_be() {
    if (!job_.parts.has(ExtentPart::replace)) {
      return examine_for_repair(region_, leaf_, context_.access(), job_);
    }
    const Replacement replacement = open_replacement(leaf_, job_.extent);
    const ExtentParts parts = job_.parts;
    job_.parts = replacement.parts;
    examine_for_repair(region_, *replacement.directory, Access::read, job_);
    job_.parts = parts;
  }

  void finish() {
    const std::uint64_t hash_after =
        hash_of_state(*open_replacement(leaf_, job_.extent).directory, job_.extent, geometry_);
    // What an interrupted run of this repair has put there, it has saved already; the extent may be
    // half of the one and half of the other now.
    if (context_.saves() && !has_saved(hash_after)) {
      UndoLog& undo = context_.undo();
      undo.begin(job_.extent, UndoChange::finished, open_replacement(leaf_, job_.extent).parts);
      for (const ExtentPart part :
           {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
        if (!job_.parts.has(part)) continue;
        undo.save_whole(part,
                        *open_file_in(leaf_, extent_file_name(job_.extent, part), Access::read));
      }
      undo.commit(hash_of_state(leaf_, job_.extent, geometry_), hash_after);
    }
    finish_replacement(leaf_, job_.extent, job_.parts, *region_.use);
  }

  [[nodiscard]] bool has_saved(std::uint64_t hash_after) {
    if (context_.undo_if_any() == nullptr) return false;
    const auto& sections = context_.undo_if_any()->sections();
    return std::any_of(sections.begin(), sections.end(), [&](const UndoSection& section) {
      return section.extent == job_.extent && section.change != UndoChange::in_place &&
             section.hash_after == hash_after;
    });
  }

  // ---- in place ---------------------------------------------------------------------------------

  bool mend_in_place() {
    const auto lock = context_.begin_change();
    save_in_place();
    change_in_place();
    // The findings are of what stays by now.
    if (confirm(damage_of(job_, geometry_))) return true;
    job_.steps.clear();
    return false;
  }

  void save_in_place() {
    if (!context_.saves()) return;
    const File& file = raw_data_file(job_);
    UndoLog& undo = context_.undo();
    undo.begin(job_.extent, UndoChange::in_place);
    undo.save_patched(file, job_.patches);
    for (const ExtentPart part : job_.stray_logs) {
      undo.save_whole(part,
                      *open_file_in(leaf_, extent_file_name(job_.extent, part), Access::read));
    }
    undo.commit(hash_of_tail(file, geometry_), hash_of_tail(file, geometry_, job_.patches));
  }

  void change_in_place() {
    File& file = raw_data_file(job_);
    for (const Patch& patch : job_.patches) file.write(patch.offset_bytes, patch.bytes);
    if (!job_.patches.empty()) file.sync();
    if (job_.stray_logs.empty()) return;
    for (const ExtentPart part : job_.stray_logs) {
      leaf_.remove_file(extent_file_name(job_.extent, part));
    }
    leaf_.sync();
  }

  // ---- anew -------------------------------------------------------------------------------------

  // False where it was put back.
  bool rebuild() {
    const bool is_damaged = damage_of(job_, geometry_) > 0;
    const bool has_replicas = context_.replicas() != nullptr;
    const SourceOptions options = source_options();
    const bool wanted = (is_damaged && has_replicas) || !options.forgotten.empty() ||
                        options.has_bad_rows() || sets_metadata();
    if (!wanted || job_.has_io_errors || !may_be_rebuilt()) return true;
    std::vector<std::unique_ptr<ExtentReader>> others;
    std::optional<Finding> unread;
    if (has_replicas) {
      others = context_.replicas()->open_others(job_.extent,
                                                [&](std::size_t /*replica*/, const Error& error) {
                                                  unread = unreadable_finding(job_.extent, error);
                                                });
    }
    std::vector<ExtentReader*> readers{job_.reader.get()};
    for (const auto& other : others) readers.push_back(other.get());
    BlockSources sources =
        find_block_sources(readers, region_.definition, known_metadata(), options);
    if (!sources.unread) sources.unread = std::move(unread);
    sources.metadata.ext_version =
        job_.format == ExtentFormat::sqlite ? sqlite_ext_version : raw_ext_version;
    if (sources.is_stuck || (!sources.changes() && !sets_metadata())) {
      add_gaps(sources);
      return true;
    }
    return take({region_.definition, readers, sources, job_.format});
  }

  // False where it was put back.
  bool take(const RebuildSources& rebuild) {
    const BlockSources& sources = rebuild.sources;
    const std::vector<RepairStep> steps = steps_of(sources);
    if (options_.dry_run) {
      job_.findings = findings_of_rebuilt(job_.findings, rebuild);
      if (sets_metadata()) drop_bad_metadata();
      // As they will be found beside a raw extent that is sound by then.
      if (sources.is_whole) job_.stray_logs = plain_stray_logs(leaf_, job_);
    } else {
      const std::uint64_t damage_max = damage_expected(sources);
      const auto lock = context_.begin_change();
      replace_extent(context_, leaf_, job_, rebuild);
      if (!confirm(damage_max, sources.is_whole)) return false;
    }
    job_.steps.insert(job_.steps.end(), steps.begin(), steps.end());
    job_.metadata = sources.metadata;
    add_gaps(sources);
    if (!sources.is_whole || job_.stray_logs.empty()) return true;
    job_.steps.push_back({RepairKind::stray_log});
    return options_.dry_run || mend_in_place();
  }

  // Not what newer tools may know, nor what is older than any Crucible of today reads. A rollback
  // journal would be played back into the new database.
  [[nodiscard]] bool may_be_rebuilt() const {
    const bool is_kept =
        std::any_of(job_.findings.begin(), job_.findings.end(), [&](const Finding& finding) {
          switch (finding.id) {
            case FindingId::unknown_version: return job_.reader == nullptr;
            case FindingId::sqlite_older_generation:
            case FindingId::sqlite_without_hashes:
            case FindingId::sqlite_hot_journal: return true;
            default: return false;
          }
        });
    return !is_kept && may_be_replaced(leaf_, job_);
  }

  [[nodiscard]] SourceOptions source_options() const {
    SourceOptions options{options_.mix, {}, {}, false};
    if (options_.forget) options.forgotten = options_.forget->in_extent(geometry_, job_.extent);
    for (const Finding& finding : job_.findings) {
      if (finding.id != FindingId::sqlite_bad_row) continue;
      if (finding.blocks) {
        options.bad_rows.push_back(*finding.blocks);
      } else {
        options.has_stray_bad_rows = true;
      }
    }
    return options;
  }

  // Only an extent that has lost its metadata, and nothing else of its layout, gets the given one.
  [[nodiscard]] bool sets_metadata() const {
    return options_.metadata && job_.reader != nullptr && !job_.reader->metadata();
  }
  [[nodiscard]] std::optional<ExtentMetadata> known_metadata() const {
    return sets_metadata() ? options_.metadata : job_.metadata;
  }
  void drop_bad_metadata() {
    std::erase_if(job_.findings, [](const Finding& finding) {
      return finding.id == FindingId::bad_metadata || finding.id == FindingId::unknown_version;
    });
  }

  std::vector<RepairStep> steps_of(const BlockSources& sources) const {
    std::vector<RepairStep> steps;
    if (sets_metadata()) steps.push_back({RepairKind::metadata});
    for (const BlockSources::Run& run : sources.runs) {
      if (run.source == BlockSources::forgotten) {
        steps.push_back({RepairKind::forgotten, run.blocks});
      } else {
        steps.push_back({sources.is_whole ? RepairKind::extent : RepairKind::block, run.blocks,
                         context_.replicas()->region(run.source).path});
      }
    }
    if (sources.drops_stray_rows) steps.push_back({RepairKind::bad_rows});
    for (const BlockRange& blocks : sources.dropped_rows) {
      steps.push_back({RepairKind::bad_rows, blocks});
    }
    const bool was_dirty = known_metadata() && known_metadata()->dirty;
    if (sources.is_mixed && !was_dirty) steps.push_back({RepairKind::marked_dirty});
    return steps;
  }

  void add_gaps(const BlockSources& sources) {
    if (context_.replicas() == nullptr) return;
    const bool has_gaps = !sources.missing.empty() || !sources.unmixed.empty();
    if (has_gaps && sources.unread) {
      // It may well have what is missing.
      job_.has_io_errors = true;
      Finding unread = *sources.unread;
      unread.extent = job_.extent;
      unread.file = extent_path(job_.extent);
      job_.findings.push_back(std::move(unread));
      return;
    }
    add_gaps(FindingId::no_proven_copy, sources.missing);
    add_gaps(FindingId::needs_mix, sources.unmixed);
  }

  void add_gaps(FindingId id, const std::vector<BlockRange>& gaps) {
    for (const BlockRange& blocks : gaps) {
      Finding finding{id, job_.extent, extent_path(job_.extent)};
      finding.blocks = blocks;
      finding.offset_bytes = geometry_.block_offset_bytes(blocks.first);
      finding.length_bytes = blocks.count << geometry_.shift();
      job_.findings.push_back(std::move(finding));
    }
  }

  // ---- afterwards -------------------------------------------------------------------------------

  // At most this much is to be wrong with it then. What is forgotten may have been whole.
  [[nodiscard]] std::uint64_t damage_expected(const BlockSources& sources) const {
    const std::uint64_t damage = damage_of(job_, geometry_);
    const bool takes_blocks = std::any_of(
        sources.runs.begin(), sources.runs.end(),
        [](const BlockSources::Run& run) { return run.source != BlockSources::forgotten; });
    const bool drops_rows = sources.drops_stray_rows || !sources.dropped_rows.empty();
    return (takes_blocks || drops_rows) && damage > 0 ? damage - 1 : damage;
  }

  // Whether no more than this is wrong with the extent now, nor what was mended; else it is put
  // back. Logs may be left where it is a sound raw one only now.
  bool confirm(std::uint64_t damage_max, bool may_have_logs = false) {
    close();
    RepairJob again;
    again.extent = job_.extent;
    again.trouble_before = job_.trouble_before;
    again.parts = parts_in(leaf_, job_.extent);
    examine_for_repair(region_, leaf_, context_.access(), again);
    const bool is_mended =
        std::all_of(again.steps.begin(), again.steps.end(), [&](const RepairStep& step) {
          return may_have_logs && step.kind == RepairKind::stray_log;
        });
    const bool is_better =
        is_mended && !again.has_io_errors && damage_of(again, geometry_) <= damage_max;
    again.steps = std::move(job_.steps);
    job_ = std::move(again);
    job_.patches.clear();
    if (!may_have_logs) job_.stray_logs.clear();
    if (!is_better) put_back();
    return is_better;
  }

  // Closing the files gives up their leases.
  void close() {
    job_.reader.reset();
    job_.files.clear();
  }

  void put_back() {
    close();
    Finding finding{FindingId::repair_put_back, job_.extent, extent_path(job_.extent)};
    if (!context_.saves()) {
      finding.found = "no undo file, so it was not put back";
    } else {
      const UndoLog& undo = context_.undo();
      const ReadSaved read = [&](const SavedRange& range) { return undo.read(range); };
      const auto outcome = restore_extent({region_, leaf_, undo.sections().back(), read});
      if (outcome == RestoreOutcome::changed_since) finding.found = "somebody else changed it";
    }
    job_.findings.push_back(std::move(finding));
  }

  RepairContext& context_;
  const Region& region_;
  const RepairOptions& options_;
  Geometry geometry_;
  Directory& leaf_;
  RepairJob& job_;
};

}  // namespace

std::string_view repair_extent(RepairContext& context, Directory& leaf, RepairJob& job) {
  return ExtentRepair(context, leaf, job).run();
}

}  // namespace libregion
