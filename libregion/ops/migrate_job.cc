#include "libregion/ops/migrate_job.h"

#include <algorithm>
#include <iterator>

#include "libregion/ops/extent_probe.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// States that a migration ends are no findings of it.
bool is_ended_by_migration(const Finding& finding) {
  return finding.id == FindingId::sqlite_hot_wal || finding.id == FindingId::partial_migration ||
         finding.id == FindingId::sqlite_stale_rows;
}

void keep_findings(MigrateJob& job, std::vector<Finding> findings) {
  std::copy_if(std::make_move_iterator(findings.begin()), std::make_move_iterator(findings.end()),
               std::back_inserter(job.findings),
               [](const Finding& finding) { return !is_ended_by_migration(finding); });
}

}  // namespace

bool has_stray_log(const ExtentParts& parts) {
  return !parts.has(ExtentPart::db) &&
         (parts.has(ExtentPart::db_wal) || parts.has(ExtentPart::db_shm));
}

// ---- the job ------------------------------------------------------------------------------------

void MigrateJob::leave(std::vector<Finding> because) {
  std::move(because.begin(), because.end(), std::back_inserter(findings));
  sqlite.reset();
  is_left = true;
}

void MigrateJob::leave_unreadable(const Error& error) {
  leave({unreadable_finding(extent, error)});
  has_io_errors = true;
}

std::string_view action_of(const MigrateJob& job) {
  if (job.is_left) return "left";
  if (job.migrates) return "migrated";
  if (job.replaces) return "replaced";
  if (job.removes_leftovers || job.removes_stray_log) return "cleaned";
  return "none";
}

ExtentRecord record_of(const MigrateJob& job, const MigrateRecordTraits& traits) {
  const ExtentFormat format = job.migrates ? ExtentFormat::raw : job.found_format;
  ExtentRecord record{job.extent, extent_path(job.extent), format_name(format)};
  record.metadata = job.metadata;
  record.fields = {{"action", traits.action},
                   {traits.dry_run ? "would_change" : "changed", traits.changes},
                   {"was", format_name(format_of(job.parts))},
                   {"replaced", job.replaces},
                   {"rows", job.context_count},
                   {"written_bytes", job.written_bytes},
                   {"findings", std::uint64_t{job.findings.size()}}};
  return record;
}

// ---- what is found out --------------------------------------------------------------------------

bool ExtentExamination::may_be_replaced(const Directory& leaf, MigrateJob& job) const {
  try {
    auto problems = check_replacement(leaf, job.extent, job.parts, region_.definition.geometry);
    if (problems.empty()) return true;
    job.leave(std::move(problems));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    job.leave_unreadable(error);
  }
  return false;
}

std::optional<ContextChoice> ExtentExamination::choose_contexts_of(const Directory& directory,
                                                                   MigrateJob& job,
                                                                   Access access) const {
  std::optional<ContextChoice> choice;
  try {
    // Checking reads what there is besides its holes; else only what has rows is read.
    const FileClaim claim = [&](File& file) {
      options_.check ? region_.use->claim_with_holes(file) : region_.use->claim(file);
    };
    auto opening = SqliteExtent::open(directory, job.extent, job.parts, region_.definition.geometry,
                                      access, claim);
    keep_findings(job, std::move(opening.findings));
    job.sqlite = std::move(opening.extent);
    if (is_unusable(job)) {
      job.leave({});
      return std::nullopt;
    }
    choice = choose_contexts(*job.sqlite, job.extent, region_.definition, options_.check);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    job.leave_unreadable(error);
    return std::nullopt;
  }
  const bool is_damaged = has_error(choice->findings);
  keep_findings(job, std::move(choice->findings));
  if (is_damaged && !options_.accept_damage) {
    job.leave({});
    return std::nullopt;
  }
  job.metadata = job.sqlite->metadata();
  job.metadata->ext_version = raw_ext_version;
  job.context_count = choice->contexts.context_count();
  return choice;
}

// What opening found, other than a short data file that may be extended.
bool ExtentExamination::is_unusable(const MigrateJob& job) const {
  if (job.sqlite == nullptr || !job.sqlite->metadata()) return true;
  return std::any_of(job.findings.begin(), job.findings.end(), [&](const Finding& finding) {
    const bool is_error = finding_info(finding.id).severity == Severity::error;
    return is_error && !(finding.id == FindingId::short_data_file && options_.extend_short);
  });
}

std::optional<OpenedExtent> ExtentExamination::open_raw(const Directory& directory,
                                                        MigrateJob& job) const {
  try {
    OpenedExtent opened = open_extent(directory, job.extent, job.parts, region_.definition.geometry,
                                      [&](File& file) { region_.use->claim(file); });
    if (opened.reader != nullptr) job.metadata = opened.reader->metadata();
    return opened;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    job.leave_unreadable(error);
    return std::nullopt;
  }
}

}  // namespace libregion
