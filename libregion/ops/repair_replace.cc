#include "libregion/ops/repair_replace.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/integrity.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/extent_rebuild.h"
#include "libregion/region/extent_copy.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Of a raw extent nothing is written over but its data file.
std::vector<ExtentPart> replaced_parts(const RepairJob& job) {
  std::vector<ExtentPart> parts;
  for (const ExtentPart part :
       {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
    const bool counts = job.format == ExtentFormat::sqlite || part == ExtentPart::data;
    if (counts && job.parts.has(part)) parts.push_back(part);
  }
  return parts;
}

class ExtentReplacement {
 public:
  ExtentReplacement(RepairContext& context, Directory& leaf, RepairJob& job,
                    const RebuildSources& sources)
      : context_(context),
        geometry_(context.region().definition.geometry),
        leaf_(leaf),
        job_(job),
        sources_(sources),
        old_(open_parts(job)) {}

  void run() {
    require_space_to_rebuild(context_.region());
    {
      ExtentCopy copy(leaf_, job_.extent);
      build(copy);
      require_unused();
      copy.leave();
      save(hash_of_state(copy.directory(), job_.extent, geometry_));
      copy.commit();
    }
    if (job_.format == ExtentFormat::raw && !old_.empty()) {
      put_in_place_of(raw_data_file(job_));
    } else {
      finish();
    }
    close();
  }

 private:
  // ---- what is there ----------------------------------------------------------------------------

  [[nodiscard]] const File* old_file(ExtentPart part) const {
    const auto found = std::find_if(old_.begin(), old_.end(),
                                    [&](const OpenPart& old) { return old.part == part; });
    return found == old_.end() ? nullptr : found->file;
  }

  // Like the file that it replaces, or what stands beside that.
  [[nodiscard]] Ownership ownership_of(ExtentPart part) const {
    if (const File* old = old_file(part)) return old->status().ownership;
    return old_.empty() ? context_.file_ownership() : old_.front().file->status().ownership;
  }

  // ---- the new one ------------------------------------------------------------------------------

  void build(ExtentCopy& copy) {
    RebuiltFiles files{copy.create(ExtentPart::data, ownership_of(ExtentPart::data))};
    if (job_.format == ExtentFormat::sqlite) {
      files.database = &copy.create(ExtentPart::db, ownership_of(ExtentPart::db));
    }
    write_rebuilt(sources_, old_file(ExtentPart::data), files);
  }

  // What was read of a replica counts only if nobody has opened it meanwhile.
  void require_unused() const {
    for (std::size_t i = 1; i < sources_.replicas.size(); ++i) {
      const ExtentReader* reader = sources_.replicas[i];
      if (reader == nullptr || !has_broken_lease(*reader)) continue;
      throw Error(ErrorKind::in_use, fmt::format("'{}' was opened by somebody while it was read",
                                                 reader->files().front()->path()));
    }
  }

  // A file that is open stays so: to open it again would break its own lease.
  void save(std::uint64_t hash_after) {
    if (!context_.saves()) return;
    std::vector<OpenPart> parts = old_;
    std::vector<std::unique_ptr<File>> logs;
    for (const ExtentPart part : replaced_parts(job_)) {
      if (old_file(part) != nullptr) continue;
      logs.push_back(open_file_in(leaf_, extent_file_name(job_.extent, part), Access::read));
      parts.push_back({part, logs.back().get()});
    }
    UndoLog& undo = context_.undo();
    undo.begin(job_.extent, UndoChange::replaced);
    for (const auto& [part, file] : parts) {
      if (part == ExtentPart::data && !sources_.sources.is_whole) {
        undo.save_ranges(*file, rebuilt_ranges(sources_, file->status().size_bytes));
      } else {
        undo.save_whole(part, *file);
      }
    }
    undo.commit(hash_of_state(parts, geometry_), hash_after);
  }

  // ---- put in place -----------------------------------------------------------------------------

  void put_in_place_of(File& old) {
    copy_raw_replacement(leaf_, job_.extent, old);
    old.sync();
    retire_replacements(leaf_, {&job_.extent, 1});
  }

  void finish() {
    close();
    finish_replacement(leaf_, job_.extent, parts_in(leaf_, job_.extent), *context_.region().use);
  }

  // Closing the files gives up their leases.
  void close() {
    old_.clear();
    job_.reader.reset();
    job_.files.clear();
  }

  RepairContext& context_;
  Geometry geometry_;
  Directory& leaf_;
  RepairJob& job_;
  const RebuildSources& sources_;
  std::vector<OpenPart> old_;
};

}  // namespace

bool may_be_replaced(const Directory& leaf, const RepairJob& job) {
  const bool has_any = job.parts.has(ExtentPart::data) || job.parts.has(ExtentPart::db);
  if (has_any && open_parts(job).empty()) return false;
  const auto parts = replaced_parts(job);
  return std::all_of(parts.begin(), parts.end(), [&](ExtentPart part) {
    const auto status = leaf.status_of(extent_file_name(job.extent, part));
    return status && status->kind == FileKind::regular && status->link_count == 1;
  });
}

void replace_extent(RepairContext& context, Directory& leaf, RepairJob& job,
                    const RebuildSources& sources) {
  ExtentReplacement(context, leaf, job, sources).run();
}

}  // namespace libregion
