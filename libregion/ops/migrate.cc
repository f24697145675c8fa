#include "libregion/ops/migrate.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/raw_image.h"
#include "libregion/io/durable.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/context_choice.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Extents that share a sync. Their files are open at the same time: two each.
constexpr std::size_t batch_extents = 256;

// What is done to one extent.
struct Job {
  ExtentId extent;
  ExtentParts parts;
  ExtentFormat found_format = ExtentFormat::raw;
  std::optional<ExtentMetadata> metadata;
  std::vector<Finding> findings;

  bool is_done = false;            // looked at; false after a stop
  bool replaces = false;           // a replacement is put in place
  bool removes_leftovers = false;  // .copy, .completed
  bool removes_stray_log = false;  // of a raw extent that nothing is wrong with
  bool migrates = false;           // the tail is written, .db can go
  bool is_left = false;            // because of damage
  std::uint64_t context_count = 0;
  std::uint64_t written_bytes = 0;
  std::unique_ptr<SqliteExtent> sqlite;  // open and claimed until the batch is done

  [[nodiscard]] bool changes() const {
    return replaces || removes_leftovers || removes_stray_log || migrates;
  }
  // What means nothing without .db.
  [[nodiscard]] bool loses_log() const { return migrates || removes_stray_log; }
};

bool has_stray_log(const ExtentParts& parts) {
  return !parts.has(ExtentPart::db) &&
         (parts.has(ExtentPart::db_wal) || parts.has(ExtentPart::db_shm));
}

// States that a migration ends are no findings of it.
bool is_ended_by_migration(const Finding& finding) {
  return finding.id == FindingId::sqlite_hot_wal || finding.id == FindingId::partial_migration ||
         finding.id == FindingId::sqlite_stale_rows;
}

class Migration {
 public:
  Migration(const Region& region, const MigrateOptions& options, Reporter& reporter)
      : region_(region),
        options_(options),
        reporter_(reporter),
        geometry_(region.definition.geometry),
        layout_(region.definition.geometry) {}

  MigrateSummary run() {
    // Nothing is changed before it is known that nobody uses any extent, and that all will fit.
    const std::uint64_t needed_bytes = probe_extents();
    check_space(needed_bytes);
    for_each_leaf([&](const Leaf& leaf, const std::vector<Job>&) { migrate_leaf(leaf); });
    return summary_;
  }

 private:
  // ---- the extents of the region, leaf by leaf --------------------------------------------------

  [[nodiscard]] bool is_stopped() const {
    return options_.walk.stop != nullptr && *options_.walk.stop;
  }

  std::vector<Job> make_jobs(const Leaf& leaf) const {
    std::vector<Job> jobs;
    const std::uint64_t first = std::uint64_t{leaf.id().value} * extents_per_leaf;
    const std::uint64_t last =
        std::min<std::uint64_t>(first + extents_per_leaf, region_.definition.extent_count);
    for (std::uint64_t number = first; number < last; ++number) {
      const ExtentId extent{static_cast<std::uint32_t>(number)};
      if (!options_.walk.extents.contains(extent)) continue;
      Job job;
      job.extent = extent;
      job.parts = leaf.parts_of(extent);
      job.found_format = format_of(job.parts);
      jobs.push_back(std::move(job));
    }
    return jobs;
  }

  template <class Visit>
  void for_each_leaf(Visit visit) {
    const std::uint64_t extent_count = region_.definition.extent_count;
    for (std::uint64_t first = 0; first < extent_count; first += extents_per_leaf) {
      if (is_stopped()) {
        summary_.stopped = true;
        return;
      }
      const Leaf leaf = Leaf::open(region_, leaf_of(ExtentId{static_cast<std::uint32_t>(first)}));
      visit(leaf, make_jobs(leaf));
    }
  }

  // ---- before the first change ------------------------------------------------------------------

  // Claims each extent's file once, and lets go of it again. Returns how much space is needed.
  std::uint64_t probe_extents() {
    std::uint64_t needed_bytes = 0;
    for_each_leaf([&](const Leaf& leaf, const std::vector<Job>& jobs) {
      if (leaf.directory() == nullptr) return;
      for_each_in_parallel(options_.walk.jobs, jobs.size(), [&](std::size_t i) {
        for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
          if (jobs[i].parts.has(part)) probe(*leaf.directory(), jobs[i].extent, part);
        }
      });
      for (const Job& job : jobs) {
        if (job.found_format == ExtentFormat::sqlite) {
          needed_bytes += layout_.slot_array_bytes() + layout_.tail_bytes();
        }
      }
    });
    return needed_bytes;
  }

  // What cannot be opened now is left alone later: nobody knows who uses it.
  void probe(const Directory& directory, ExtentId extent, ExtentPart part) {
    auto finding = probe_extent_file(region_, directory, extent, part);
    if (!finding) return;
    const std::lock_guard lock(unprobed_mutex_);
    unprobed_.emplace(extent, std::move(*finding));
  }

  void check_space(std::uint64_t needed_bytes) const {
    const std::uint64_t free_bytes = region_.root->free_bytes();
    if (needed_bytes <= free_bytes) return;
    throw Error(ErrorKind::failed,
                fmt::format("'{}': no space to migrate: expected {} free, found {}", region_.path,
                            human_size(needed_bytes), human_size(free_bytes)));
  }

  // ---- a batch ----------------------------------------------------------------------------------

  void migrate_leaf(const Leaf& leaf) {
    for (const Finding& finding : leaf.findings()) {
      if (finding_info(finding.id).severity == Severity::error) reporter_.finding(finding);
    }
    // A run that was killed may have removed .db files without syncing their directory: they count
    // as
    // gone from here on, so they must be.
    if (!options_.dry_run && !leaf.extents().empty()) leaf.directory()->sync();
    std::vector<Job> jobs = make_jobs(leaf);
    for (std::size_t first = 0; first < jobs.size(); first += batch_extents) {
      if (is_stopped()) {
        summary_.stopped = true;
        return;
      }
      const std::size_t count = std::min(batch_extents, jobs.size() - first);
      run_batch(leaf, std::span(jobs).subspan(first, count));
    }
  }

  void run_batch(const Leaf& leaf, std::span<Job> batch) {
    for_each_in_parallel(options_.walk.jobs, batch.size(), [&](std::size_t i) {
      if (is_stopped()) return;
      prepare(leaf, batch[i]);
      batch[i].is_done = true;
    });
    if (!options_.dry_run) commit(leaf, batch);

    std::vector<ExtentId> awaited;
    for (Job& job : batch) {
      if (job.sqlite != nullptr && has_broken_lease(*job.sqlite)) awaited.push_back(job.extent);
      job.sqlite.reset();  // closing the files gives up their leases
      if (job.is_done) report(job);
      summary_.stopped |= !job.is_done;
    }
    if (!awaited.empty()) yield_to_others(region_, *leaf.directory(), awaited);
  }

  // Steps 3 to 5 of the order above, for all extents of the batch at once.
  void commit(const Leaf& leaf, std::span<Job> batch) {
    std::vector<File*> written;
    bool has_removals = false;
    for (Job& job : batch) {
      if (job.migrates) written.push_back(&job.sqlite->data_file());
      has_removals |= job.loses_log();
    }
    if (!has_removals) return;
    sync_files(*region_.root, written);

    Directory& directory = *leaf.directory();
    for (const Job& job : batch) {
      if (job.migrates) directory.remove_file(extent_file_name(job.extent, ExtentPart::db));
    }

    if (!written.empty()) directory.sync();
    bool has_removed_log = false;
    for (const Job& job : batch) {
      for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
        if (job.loses_log() && job.parts.has(part)) {
          directory.remove_file(extent_file_name(job.extent, part));
          has_removed_log = true;
        }
      }
    }
    if (has_removed_log) directory.sync();
  }

  // ---- one extent -------------------------------------------------------------------------------

  // Steps 1 and 2; with dry_run only what they would do.
  void prepare(const Leaf& leaf, Job& job) {
    if (leaf.is_unreadable()) {
      summary_has_io_errors_ = true;
      return leave(job, {});
    }
    if (const auto failed = unprobed_.find(job.extent); failed != unprobed_.end()) {
      summary_has_io_errors_ = true;
      return leave(job, {failed->second});
    }
    if (leaf.directory() == nullptr || job.parts.empty()) {
      leave(job, {Finding{FindingId::missing_extent, job.extent, extent_path(job.extent)}});
      return;
    }
    if (!finish_repairs(*leaf.directory(), job)) return;

    if (job.replaces && options_.dry_run) {
      // By then the extent would be what the replacement is.
      const Replacement replacement = open_replacement(*leaf.directory(), job.extent);
      job.parts = replacement.parts;
      prepare_by_format(*replacement.directory, job);
    } else {
      prepare_by_format(*leaf.directory(), job);
    }
  }

  void prepare_by_format(const Directory& directory, Job& job) {
    job.found_format = format_of(job.parts);
    for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
      // It could not be removed in the end.
      const auto status = directory.status_of(extent_file_name(job.extent, part));
      if (!job.parts.has(part) || !status || status->kind == FileKind::regular) continue;
      Finding finding{FindingId::not_a_regular_file, job.extent, extent_path(job.extent, part)};
      finding.expected = "a regular file";
      return leave(job, {std::move(finding)});
    }
    if (job.found_format == ExtentFormat::sqlite) {
      prepare_sqlite(directory, job);
    } else {
      look_at_raw(directory, job);
    }
  }

  // False where the extent must be left alone.
  bool finish_repairs(Directory& directory, Job& job) {
    if (job.parts.has(ExtentPart::replace)) {
      job.replaces = may_be_replaced(directory, job);
      if (!job.replaces) return false;
    }
    job.removes_leftovers = job.parts.has(ExtentPart::copy) || job.parts.has(ExtentPart::completed);
    if (options_.dry_run) return true;
    if (!remove_leftovers_of(directory, job)) return false;
    if (job.replaces) finish_replacement(directory, job.extent, job.parts, *region_.use);
    if (job.replaces) job.parts = list_parts(directory, job.extent);
    return true;
  }

  // What is no directory, or no repair's, stays where it is, and the extent with it.
  bool remove_leftovers_of(Directory& directory, Job& job) const {
    try {
      remove_leftovers(directory, job.extent, job.parts);
      return true;
    } catch (const SystemError&) {
      throw;  // a removal or a sync that failed
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      Finding finding{FindingId::not_a_regular_file, job.extent,
                      extent_path(job.extent, ExtentPart::copy)};
      finding.expected = "a directory with a repair's files";
      finding.found = error.what();
      job.removes_leftovers = job.replaces = false;
      leave(job, {std::move(finding)});
      return false;
    }
  }

  bool may_be_replaced(const Directory& directory, Job& job) {
    try {
      auto problems = check_replacement(directory, job.extent, job.parts, geometry_);
      if (problems.empty()) return true;
      leave(job, std::move(problems));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      leave_unreadable(job, error);
    }
    return false;
  }

  static ExtentParts list_parts(const Directory& directory, ExtentId extent) {
    ExtentParts parts;
    for (const ExtentPart part : all_extent_parts) {
      if (directory.status_of(extent_file_name(extent, part))) parts.add(part);
    }
    return parts;
  }

  void prepare_sqlite(const Directory& directory, Job& job) {
    const Access access = options_.dry_run ? Access::read : Access::read_write;
    std::optional<ContextChoice> choice;
    try {
      auto opening = SqliteExtent::open(directory, job.extent, job.parts, geometry_, access,
                                        [&](File& file) { region_.use->claim(file); });
      keep_findings(job, std::move(opening.findings));
      job.sqlite = std::move(opening.extent);
      if (is_unusable(job)) return leave(job, {});
      choice = choose_contexts(*job.sqlite, job.extent, region_.definition, options_.check);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      return leave_unreadable(job, error);
    }
    const bool is_damaged = has_error(choice->findings);
    keep_findings(job, std::move(choice->findings));
    if (is_damaged && !options_.accept_damage) return leave(job, {});
    job.metadata = job.sqlite->metadata();
    job.metadata->ext_version = raw_ext_version;
    job.context_count = choice->context_count;
    if (!options_.dry_run) {
      write_raw_tail(job.sqlite->data_file(), geometry_, choice->contexts, ContextSlot::A,
                     *job.metadata);
    }
    job.written_bytes = layout_.file_bytes() - geometry_.extent_data_bytes();
    job.migrates = true;
  }

  void keep_findings(Job& job, std::vector<Finding> findings) const {
    std::copy_if(std::make_move_iterator(findings.begin()), std::make_move_iterator(findings.end()),
                 std::back_inserter(job.findings),
                 [](const Finding& finding) { return !is_ended_by_migration(finding); });
  }

  // What opening found, other than a short data file that may be extended.
  [[nodiscard]] bool is_unusable(const Job& job) const {
    if (job.sqlite == nullptr || !job.sqlite->metadata()) return true;
    return std::any_of(job.findings.begin(), job.findings.end(), [&](const Finding& finding) {
      const bool is_error = finding_info(finding.id).severity == Severity::error;
      return is_error && !(finding.id == FindingId::short_data_file && options_.extend_short);
    });
  }

  // A raw extent stays as it is; what opening it finds is told all the same.
  void look_at_raw(const Directory& directory, Job& job) {
    try {
      const OpenedExtent opened = open_extent(directory, job.extent, job.parts, geometry_,
                                              [&](File& file) { region_.use->claim(file); });
      if (opened.reader != nullptr) job.metadata = opened.reader->metadata();
      // With a log beside it, an extent that is no sound raw one may be a SQLite one that lost its
      // .db: the log may be all there is of its contexts.
      if (has_error(opened.findings)) return leave(job, opened.findings);
      job.removes_stray_log = has_stray_log(job.parts);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      leave_unreadable(job, error);
    }
  }

  static void leave(Job& job, std::vector<Finding> findings) {
    std::move(findings.begin(), findings.end(), std::back_inserter(job.findings));
    job.sqlite.reset();
    job.is_left = true;
  }

  void leave_unreadable(Job& job, const Error& error) {
    leave(job, {unreadable_finding(job.extent, error)});
    summary_has_io_errors_ = true;
  }

  // ---- reports ----------------------------------------------------------------------------------

  static std::string_view action_of(const Job& job) {
    if (job.is_left) return "left";
    if (job.migrates) return "migrated";
    if (job.replaces) return "replaced";
    if (job.removes_leftovers || job.removes_stray_log) return "cleaned";
    return "none";
  }

  void report(const Job& job) {
    for (const Finding& finding : job.findings) reporter_.finding(finding);
    const bool is_raw = job.migrates || job.found_format == ExtentFormat::raw;
    ExtentRecord record{job.extent, extent_path(job.extent), is_raw ? "raw" : "sqlite"};
    record.metadata = job.metadata;
    record.fields = {{"action", action_of(job)},
                     {options_.dry_run ? "would_change" : "changed", job.changes()},
                     {"was", format_name(format_of(job.parts))},
                     {"replaced", job.replaces},
                     {"rows", job.context_count},
                     {"written_bytes", job.written_bytes},
                     {"findings", std::uint64_t{job.findings.size()}}};
    reporter_.extent(record);
    count(job);
    if (options_.progress != nullptr) {
      options_.progress->advance(1, geometry_.extent_data_bytes());
    }
  }

  void count(const Job& job) {
    ++summary_.extent_count;
    summary_.row_count += job.context_count;
    summary_.written_bytes += job.written_bytes;
    summary_.has_io_errors = summary_has_io_errors_;
    if (job.is_left) ++summary_.left_count;
    if (job.migrates) ++summary_.migrated_count;
    if (job.replaces) ++summary_.replaced_count;
    if (action_of(job) == "cleaned") ++summary_.cleaned_count;
  }

  const Region& region_;
  const MigrateOptions& options_;
  Reporter& reporter_;
  Geometry geometry_;
  RawLayout layout_;
  MigrateSummary summary_;
  std::atomic<bool> summary_has_io_errors_{false};
  std::mutex unprobed_mutex_;
  std::map<ExtentId, Finding> unprobed_;
};

}  // namespace

MigrateSummary migrate_region(const Region& region, const MigrateOptions& options,
                              Reporter& reporter) {
  return Migration(region, options, reporter).run();
}

}  // namespace libregion
