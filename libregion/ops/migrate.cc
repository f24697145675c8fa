#include "libregion/ops/migrate.h"

#include <algorithm>

#include "libregion/base/error.h"
#include "libregion/extent/raw_image.h"
#include "libregion/io/durable.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/migrate_job.h"
#include "libregion/ops/migrate_probe.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Extents that share a sync. Their files are open at the same time: two each.
constexpr std::size_t batch_extents = 256;

class Migration {
 public:
  Migration(const Region& region, const MigrateOptions& options, Reporter& reporter)
      : region_(region),
        options_(options),
        reporter_(reporter),
        examination_(region, options),
        probe_(region, options.walk.jobs),
        geometry_(region.definition.geometry),
        layout_(region.definition.geometry) {}

  MigrateSummary run() {
    // Nothing is changed before it is known that nobody uses any extent, and that all will fit.
    for_each_leaf([&](const Leaf& leaf) { probe_.probe_all(leaf, make_jobs(leaf)); });
    probe_.check_space();
    for_each_leaf([&](const Leaf& leaf) { migrate_leaf(leaf); });
    return summary_;
  }

 private:
  // ---- the extents of the region, leaf by leaf --------------------------------------------------

  [[nodiscard]] bool is_stopped() const {
    return options_.walk.stop != nullptr && *options_.walk.stop;
  }

  std::vector<MigrateJob> make_jobs(const Leaf& leaf) const {
    std::vector<MigrateJob> jobs;
    const std::uint64_t first = std::uint64_t{leaf.id().value} * extents_per_leaf;
    const std::uint64_t last =
        std::min<std::uint64_t>(first + extents_per_leaf, region_.definition.extent_count);
    for (std::uint64_t number = first; number < last; ++number) {
      const ExtentId extent{static_cast<std::uint32_t>(number)};
      if (!options_.walk.extents.contains(extent)) continue;
      MigrateJob job;
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
      visit(Leaf::open(region_, leaf_of(ExtentId{static_cast<std::uint32_t>(first)})));
    }
  }

  // ---- a batch ----------------------------------------------------------------------------------

  void migrate_leaf(const Leaf& leaf) {
    for (const Finding& finding : leaf.findings()) {
      if (finding_info(finding.id).severity == Severity::error) reporter_.finding(finding);
    }
    // A run that was killed may have removed .db files without syncing their directory: they count
    // as gone from here on, so they must be.
    if (!options_.dry_run && !leaf.extents().empty()) leaf.directory()->sync();
    std::vector<MigrateJob> jobs = make_jobs(leaf);
    for (std::size_t first = 0; first < jobs.size(); first += batch_extents) {
      if (is_stopped()) {
        summary_.stopped = true;
        return;
      }
      const std::size_t count = std::min(batch_extents, jobs.size() - first);
      run_batch(leaf, std::span(jobs).subspan(first, count));
    }
  }

  void run_batch(const Leaf& leaf, std::span<MigrateJob> batch) {
    for_each_in_parallel(options_.walk.threads(), batch.size(), [&](std::size_t i) {
      if (is_stopped()) return;
      prepare(leaf, batch[i]);
      batch[i].is_done = true;
    });
    if (!options_.dry_run) commit(leaf, batch);

    std::vector<ExtentId> awaited;
    for (MigrateJob& job : batch) {
      if (job.sqlite != nullptr && has_broken_lease(*job.sqlite)) awaited.push_back(job.extent);
      job.sqlite.reset();  // closing the files gives up their leases
      if (job.is_done) report(job);
      summary_.stopped |= !job.is_done;
    }
    if (!awaited.empty()) yield_to_others(region_, *leaf.directory(), awaited);
  }

  // Steps 3 to 5 of the order above, for all extents of the batch at once.
  void commit(const Leaf& leaf, std::span<MigrateJob> batch) {
    std::vector<File*> written;
    bool has_removals = false;
    for (MigrateJob& job : batch) {
      if (job.migrates) written.push_back(&job.sqlite->data_file());
      has_removals |= job.loses_log();
    }
    if (!has_removals) return;
    sync_files(*region_.root, written);

    Directory& directory = *leaf.directory();
    for (const MigrateJob& job : batch) {
      if (job.migrates) directory.remove_file(extent_file_name(job.extent, ExtentPart::db));
    }

    if (!written.empty()) directory.sync();
    bool has_removed_log = false;
    for (const MigrateJob& job : batch) {
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
  void prepare(const Leaf& leaf, MigrateJob& job) {
    const Finding* problem = probe_.problem_of(job.extent);
    if (leaf.is_unreadable() || problem != nullptr) {
      job.has_io_errors = true;
      return job.leave(problem != nullptr ? std::vector{*problem} : std::vector<Finding>());
    }
    if (leaf.directory() == nullptr || job.parts.empty()) {
      job.leave({Finding{FindingId::missing_extent, job.extent, extent_path(job.extent)}});
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

  void prepare_by_format(const Directory& directory, MigrateJob& job) {
    job.found_format = format_of(job.parts);
    for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
      if (!job.parts.has(part)) continue;
      // It could not be removed in the end.
      const auto status = directory.status_of(extent_file_name(job.extent, part));
      if (!status || status->kind == FileKind::regular) continue;
      Finding finding{FindingId::not_a_regular_file, job.extent, extent_path(job.extent, part)};
      finding.expected = "a regular file";
      return job.leave({std::move(finding)});
    }
    if (job.found_format == ExtentFormat::sqlite) {
      prepare_sqlite(directory, job);
    } else {
      look_at_raw(directory, job);
    }
  }

  // False where the extent must be left alone.
  bool finish_repairs(Directory& directory, MigrateJob& job) {
    if (job.parts.has(ExtentPart::replace)) {
      job.replaces = examination_.may_be_replaced(directory, job);
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
  bool remove_leftovers_of(Directory& directory, MigrateJob& job) const {
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
      job.leave({std::move(finding)});
      return false;
    }
  }

  static ExtentParts list_parts(const Directory& directory, ExtentId extent) {
    ExtentParts parts;
    for (const ExtentPart part : all_extent_parts) {
      if (directory.status_of(extent_file_name(extent, part))) parts.add(part);
    }
    return parts;
  }

  void prepare_sqlite(const Directory& directory, MigrateJob& job) {
    const Access access = options_.dry_run ? Access::read : Access::read_write;
    const auto choice = examination_.choose_contexts_of(directory, job, access);
    if (!choice) return;
    if (is_older_generation(job.sqlite->generation())) {
      Finding finding{FindingId::older_in_place, job.extent,
                      extent_path(job.extent, ExtentPart::db)};
      finding.found = generation_text(job.sqlite->generation());
      return job.leave({std::move(finding)});
    }
    if (!options_.dry_run) {
      write_raw_tail(job.sqlite->data_file(), geometry_, choice->contexts, ContextSlot::A,
                     *job.metadata);
    }
    // The files of a whole batch stay open, not all that was read.
    job.sqlite->forget_blocks();
    job.written_bytes = layout_.file_bytes() - geometry_.extent_data_bytes();
    job.migrates = true;
  }

  // A raw extent stays as it is; what opening it finds is told all the same.
  void look_at_raw(const Directory& directory, MigrateJob& job) {
    auto opened = examination_.open_raw(directory, job);
    if (!opened) return;
    // With a log beside it, an extent that is no sound raw one may be a SQLite one that lost its
    // .db: the log may be all there is of its contexts.
    if (has_error(opened->findings)) return job.leave(std::move(opened->findings));
    job.removes_stray_log = has_stray_log(job.parts);
  }

  // ---- reports ----------------------------------------------------------------------------------

  void report(const MigrateJob& job) {
    for (const Finding& finding : job.findings) reporter_.finding(finding);
    reporter_.extent(record_of(job, {action_of(job), job.changes(), options_.dry_run}));
    count(job);
    if (options_.progress != nullptr) {
      options_.progress->advance(1, geometry_.extent_data_bytes());
    }
  }

  void count(const MigrateJob& job) {
    ++summary_.extent_count;
    summary_.row_count += job.context_count;
    summary_.written_bytes += job.written_bytes;
    summary_.has_io_errors |= job.has_io_errors;
    if (job.is_left) ++summary_.left_count;
    if (job.migrates) ++summary_.migrated_count;
    if (job.replaces) ++summary_.replaced_count;
    if (action_of(job) == "cleaned") ++summary_.cleaned_count;
  }

  const Region& region_;
  const MigrateOptions& options_;
  Reporter& reporter_;
  ExtentExamination examination_;
  MigrateProbe probe_;
  Geometry geometry_;
  RawLayout layout_;
  MigrateSummary summary_;
};

}  // namespace

MigrateSummary migrate_region(const Region& region, const MigrateOptions& options,
                              Reporter& reporter) {
  return Migration(region, options, reporter).run();
}

}  // namespace libregion
