#include "libregion/ops/migrate_into.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/error.h"
#include "libregion/extent/raw_image.h"
#include "libregion/io/paths.h"
#include "libregion/ops/migrate_job.h"
#include "libregion/region/new_region.h"
#include "libregion/region/region_in_making.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// A snapshot's modes must not make a region that nobody can use.
Ownership writable_by_owner(Ownership ownership, FileKind kind) {
  ownership.mode |= kind == FileKind::directory ? 0700U : 0600U;
  return ownership;
}

// Between two of them the system is told that it may write.
constexpr std::uint64_t copied_at_once_bytes = std::uint64_t{4} << 20;

// Calls visit(range) for each stretch of the first bytes of a file that may hold anything but
// zeros.
template <class Visit>
void for_each_stretch(const File& file, std::uint64_t length_bytes, Visit visit) {
  std::uint64_t at = 0;
  while (at < length_bytes) {
    const auto data = file.next_data(at);
    if (!data || data->offset_bytes >= length_bytes) return;
    const std::uint64_t end = std::min(data->end_bytes(), length_bytes);
    visit(ByteRange{data->offset_bytes, end - data->offset_bytes});
    // Further in any case: somebody may be making holes meanwhile.
    at = std::max(end, at + 1);
  }
}

// Copies the first bytes of a file, holes as holes; returns how many take space.
std::uint64_t copy_sparsely(const File& source, File& target, std::uint64_t length_bytes) {
  std::uint64_t copied_bytes = 0;
  target.resize(length_bytes);
  for_each_stretch(source, length_bytes, [&](ByteRange rest) {
    copied_bytes += rest.length_bytes;
    while (rest.length_bytes > 0) {
      const ByteRange now{rest.offset_bytes, std::min(rest.length_bytes, copied_at_once_bytes)};
      source.copy_to(target, {now, now.offset_bytes});
      target.will_sync(now);
      rest = {now.end_bytes(), rest.length_bytes - now.length_bytes};
    }
  });
  return copied_bytes;
}

// ---- before anything is made --------------------------------------------------------------------

// Where the walk of a probe reports to: the second walk tells it all again.
class SilentReporter : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& /*finding*/) override {}
};

// A new region inside the source would change the source.
void check_outside(FileSystem& file_system, const Region& source, const std::string& target) {
  std::string existing = target;
  if (look_at_target(file_system, target).kind == TargetState::Kind::missing) {
    existing = open_parent(file_system, target).parent->path();
  }
  if (!is_below(file_system, *source.root, existing + "/.")) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("'{}' is inside the source '{}', which must stay as it is", target, source.path));
}

// How much space the new region's extents will take. Claims each of them once, so that nothing is
// begun where somebody writes to one.
std::uint64_t needed_bytes_for(const Region& source, const WalkOptions& walk) {
  const RawLayout layout(source.definition.geometry);
  const std::uint64_t data_bytes_max = source.definition.geometry.extent_data_bytes();
  std::mutex mutex;
  std::optional<std::uint64_t> needed_bytes = 0;
  SilentReporter silent;
  walk_extents(source, walk, silent, [&](const Leaf& leaf, ExtentId extent, Reporter&) {
    const ExtentParts parts = leaf.parts_of(extent);
    if (leaf.directory() == nullptr) return;
    const std::string name = extent_file_name(extent);
    const bool is_replaced = parts.has(ExtentPart::replace);
    const std::string path =
        is_replaced ? extent_file_name(extent, ExtentPart::replace) + "/" + name : name;
    std::uint64_t bytes = new_file_overhead_bytes + layout.tail_bytes() + layout.slot_array_bytes();
    try {
      auto opened = leaf.directory()->open_file(path, Access::read);
      auto* file = std::get_if<std::unique_ptr<File>>(&opened);
      if (file == nullptr) return;
      source.use->claim(**file);
      const std::uint64_t length = parts.has(ExtentPart::db)
                                       ? std::min((*file)->status().size_bytes, data_bytes_max)
                                       : (*file)->status().size_bytes;
      for_each_stretch(**file, length,
                       [&](const ByteRange& range) { bytes += range.length_bytes; });
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      return;  // it cannot be migrated, and the second walk tells why
    }
    const std::lock_guard lock(mutex);
    if (needed_bytes) needed_bytes = checked_add(*needed_bytes, bytes);
  });
  return needed_bytes.value_or(std::numeric_limits<std::uint64_t>::max());
}

// ---- making it ----------------------------------------------------------------------------------

class MigrationInto {
 public:
  MigrationInto(const Region& source, const MigrateIntoOptions& options, Reporter& reporter)
      : source_(source),
        options_(options),
        reporter_(reporter),
        examination_(source, options.migrate),
        geometry_(source.definition.geometry),
        summary_{source.definition} {
    if (options.uuid) summary_.definition.uuid = *options.uuid;
  }

  MigrateIntoSummary run(FileSystem& file_system) {
    const WalkOptions& walk = options_.migrate.walk;
    (void)check_create_target(file_system, options_.target, options_.force);
    check_outside(file_system, source_, options_.target);
    check_free_space(file_system, options_.target, needed_bytes_for(source_, walk));
    if (options_.migrate.dry_run) {
      make_extents(nullptr);
      return summary_;
    }
    NewRegionOptions how{options_.force, options_.lock_wait_seconds, walk.stop};
    how.directory_ownership = [&](const std::string& path) { return ownership_of(path); };
    summary_.is_made = make_region(file_system, options_.target, how, [&](RegionInMaking& making) {
      const Ownership ownership = source_.root->status_of(definition_name)->ownership;
      making.mark(summary_.definition, writable_by_owner(ownership, FileKind::regular));
      make_extents(&making);
      if (summary_.stopped || summary_.left_count > 0) return false;
      making.finish(summary_.definition);
      return true;
    });
    return summary_;
  }

 private:
  // Of a directory of the source.
  [[nodiscard]] Ownership ownership_of(const std::string& path) const {
    const FileStatus status =
        path.empty() ? source_.root->status() : open_directory_in(*source_.root, path)->status();
    return writable_by_owner(status.ownership, FileKind::directory);
  }

  // Without a `making` they are only looked at.
  void make_extents(RegionInMaking* making) {
    const bool finished = walk_extents(source_, options_.migrate.walk, reporter_,
                                       [&](const Leaf& leaf, ExtentId extent, Reporter& turn) {
                                         MigrateJob job;
                                         job.extent = extent;
                                         job.parts = leaf.parts_of(extent);
                                         job.found_format = format_of(job.parts);
                                         prepare(leaf, job, is_given_up_ ? nullptr : making);
                                         report(job, turn);
                                       });
    summary_.stopped = !finished;
  }

  void prepare(const Leaf& leaf, MigrateJob& job, RegionInMaking* making) {
    if (leaf.is_unreadable()) {
      job.has_io_errors = true;
      return job.leave({});
    }
    if (leaf.directory() == nullptr || job.parts.empty()) {
      return job.leave({Finding{FindingId::missing_extent, job.extent, extent_path(job.extent)}});
    }
    if (!job.parts.has(ExtentPart::replace)) {
      return prepare_by_format(*leaf.directory(), job, making);
    }
    job.replaces = examination_.may_be_replaced(*leaf.directory(), job);
    if (!job.replaces) return;
    const Replacement replacement = open_replacement(*leaf.directory(), job.extent);
    job.parts = replacement.parts;
    prepare_by_format(*replacement.directory, job, making);
    job.replaces = !job.is_left;
  }

  void prepare_by_format(const Directory& directory, MigrateJob& job, RegionInMaking* making) {
    job.found_format = format_of(job.parts);
    if (job.found_format == ExtentFormat::sqlite) {
      migrate_sqlite(directory, job, making);
    } else {
      copy_raw(directory, job, making);
    }
  }

  void migrate_sqlite(const Directory& directory, MigrateJob& job, RegionInMaking* making) {
    const auto choice = examination_.choose_contexts_of(directory, job, Access::read);
    if (!choice) return;
    if (making != nullptr) {
      const File& data = job.sqlite->data_file();
      auto target = create_like(data, job.extent, *making);
      const std::uint64_t length_bytes =
          std::min(job.sqlite->data_file_bytes(), geometry_.extent_data_bytes());
      job.written_bytes = copy_sparsely(data, *target, length_bytes);
      write_raw_tail(*target, geometry_, choice->contexts, ContextSlot::A, *job.metadata);
      const RawLayout layout(geometry_);
      job.written_bytes += layout.file_bytes() - geometry_.extent_data_bytes();
      making->keep_until_synced(std::move(target));
    }
    job.migrates = true;
    check_unchanged(job, job.sqlite->files());
  }

  void copy_raw(const Directory& directory, MigrateJob& job, RegionInMaking* making) {
    auto opened = examination_.open_raw(directory, job);
    if (!opened) return;
    std::vector<const File*> files;
    if (opened->reader != nullptr) files = opened->reader->files();
    for (const auto& file : opened->files) files.push_back(file.get());
    // The log of a SQLite extent that lost its .db may be all there is of its contexts: without it
    // the copy would be worth less than the source.
    const bool is_lost = has_error(opened->findings) && has_stray_log(job.parts);
    if (files.empty() || is_lost) return job.leave(std::move(opened->findings));
    job.findings = std::move(opened->findings);
    if (making != nullptr) {
      auto target = create_like(*files.front(), job.extent, *making);
      job.written_bytes =
          copy_sparsely(*files.front(), *target, files.front()->status().size_bytes);
      making->keep_until_synced(std::move(target));
    }
    check_unchanged(job, files);
  }

  static std::unique_ptr<File> create_like(const File& source, ExtentId extent,
                                           RegionInMaking& making) {
    const auto leaf = making.enter_leaf(leaf_of(extent));
    return leaf->create_file(extent_file_name(extent),
                             writable_by_owner(source.status().ownership, FileKind::regular));
  }

  // What was read of an extent that somebody opened meanwhile is worth nothing.
  void check_unchanged(MigrateJob& job, const std::vector<const File*>& files) {
    if (std::none_of(files.begin(), files.end(),
                     [](const File* file) { return file->lease_is_broken(); })) {
      return;
    }
    job.findings.clear();
    job.migrates = false;
    has_changed_ = true;
    job.leave({Finding{FindingId::changed_while_read, job.extent, extent_path(job.extent)}});
  }

  void report(const MigrateJob& job, Reporter& turn) {
    if (job.is_left) is_given_up_ = true;
    for (const Finding& finding : job.findings) turn.finding(finding);
    const std::string_view action = action_of(job);
    turn.extent(record_of(
        job, {action == "none" ? "copied" : action, !job.is_left, options_.migrate.dry_run}));
    count(job);
    Progress* progress = options_.migrate.progress;
    if (progress != nullptr) progress->advance(1, geometry_.extent_data_bytes());
  }

  void count(const MigrateJob& job) {
    const std::lock_guard lock(mutex_);
    ++summary_.extent_count;
    summary_.row_count += job.context_count;
    summary_.written_bytes += job.written_bytes;
    summary_.has_io_errors |= job.has_io_errors;
    summary_.has_changed = has_changed_;
    if (job.replaces) ++summary_.replaced_count;
    if (job.is_left) {
      ++summary_.left_count;
    } else if (job.migrates) {
      ++summary_.migrated_count;
    } else {
      ++summary_.copied_count;
    }
  }

  const Region& source_;
  const MigrateIntoOptions& options_;
  Reporter& reporter_;
  ExtentExamination examination_;
  Geometry geometry_;
  std::atomic<bool> is_given_up_{false};  // some extent cannot be migrated
  std::atomic<bool> has_changed_{false};
  std::mutex mutex_;
  MigrateIntoSummary summary_;
};

}  // namespace

MigrateIntoSummary migrate_region_into(FileSystem& file_system, const Region& source,
                                       const MigrateIntoOptions& options, Reporter& reporter) {
  return MigrationInto(source, options, reporter).run(file_system);
}

}  // namespace libregion
