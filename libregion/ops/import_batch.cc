#include "libregion/ops/import_batch.h"

#include <algorithm>

#include "libregion/base/error.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/io/durable.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/extent_rebuild.h"
#include "libregion/ops/import_check.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/staging.h"

namespace libregion {

bool ImportBatch::is_awaited() const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [](const ImportJob& job) { return has_broken_lease(*job.old); });
}

bool ImportBatch::add(ExtentId extent, const ExtentParts& parts, ImageReader& image) {
  ImportJob& job = jobs_.emplace_back();
  job.extent = extent;
  job.parts = parts;
  finish_repairs(job);
  try {
    build(job, image);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::stopped) {
      remove_copies_after_failure();
      throw;
    }
  }
  remove_copy(job);
  jobs_.pop_back();
  return false;
}

// ---- steps 1 and 2
// --------------------------------------------------------------------------------

void ImportBatch::check_stop() const {
  if (options_.stop == nullptr || !*options_.stop) return;
  throw Error(ErrorKind::stopped, "stopped on request");
}

void ImportBatch::finish_repairs(ImportJob& job) {
  job.replaces = job.parts.has(ExtentPart::replace);
  job.removes_leftovers = job.parts.has(ExtentPart::copy) || job.parts.has(ExtentPart::completed);
  if (options_.dry_run) return;
  remove_leftovers(leaf_, job.extent, job.parts);
  if (job.replaces) finish_replacement(leaf_, job.extent, job.parts, *region_.use);
}

void ImportBatch::build(ImportJob& job, ImageReader& image) {
  if (job.replaces && options_.dry_run) {
    // By then the extent would be what the replacement is.
    open_old(*open_replacement(leaf_, job.extent).directory, job);
  } else {
    open_old(leaf_, job);
  }
  const BlockRange blocks = range_.blocks_of(job.extent);
  RebuildOptions options;
  options.first_block = blocks.first;
  options.skip_zeros = options_.skip_zeros;
  options.make_file = [&] {
    require_space_to_rebuild(region_);
    return options_.dry_run ? nullptr : make_copy(job);
  };
  RebuildResult result = rebuild_extent(region_.definition, job.extent, *job.old, image, options);
  // The image may have ended here because whoever made it was stopped with us.
  if (result.image_blocks < blocks.count) check_stop();
  job.image_blocks = result.image_blocks;
  if (!result.errors.empty()) {
    job.is_left = true;
    job.findings = std::move(result.errors);
    return remove_copy(job);
  }
  job.rebuilds = result.differs();
  job.written_blocks = result.written_blocks;
  job.metadata = result.metadata;
}

// What check_import had nothing against.
void ImportBatch::open_old(const Directory& directory, ImportJob& job) const {
  auto file = open_file_in(directory, extent_file_name(job.extent),
                           options_.dry_run ? Access::read : Access::read_write);
  region_.use->claim(*file);
  job.data_file = file.get();
  const std::string path = file->path();
  OpenedExtent opened = RawExtent::open(std::move(file), region_.definition.geometry, job.extent,
                                        extent_path(job.extent));
  const bool is_usable = opened.reader != nullptr && !has_error(opened.findings) &&
                         !find_obstacle(job.extent, *opened.reader->metadata());
  if (!is_usable) {
    throw Error(ErrorKind::failed,
                describe_failure({"open", path}, "it was changed since it was looked at"));
  }
  job.old = std::move(opened.reader);
  job.metadata = job.old->metadata();
}

// Owner and mode are those of what stands beside it and of what it replaces.
File* ImportBatch::make_copy(ImportJob& job) {
  const std::string name = extent_file_name(job.extent, ExtentPart::copy);
  leaf_.make_directory(name, leaf_.status().ownership);
  job.has_copy = true;
  job.copy_directory = open_directory_in(leaf_, name);
  job.copy = job.copy_directory->create_file(extent_file_name(job.extent),
                                             job.data_file->status().ownership);
  return job.copy.get();
}

void ImportBatch::remove_copy(ImportJob& job) {
  if (job.copy != nullptr) job.copy_directory->remove_file(extent_file_name(job.extent));
  job.copy.reset();
  job.copy_directory.reset();
  if (job.has_copy) leaf_.remove_directory(extent_file_name(job.extent, ExtentPart::copy));
  job.has_copy = false;
}

// Best effort: what stays is what an interrupted repair leaves, and the next run removes it.
void ImportBatch::remove_copies_after_failure() {
  for (ImportJob& job : jobs_) {
    try {
      remove_copy(job);
    } catch (const Error&) {
    }
  }
}

// ---- steps 3 to 6
// ---------------------------------------------------------------------------------

void ImportBatch::commit() {
  std::vector<File*> built;
  std::vector<File*> data_files;
  std::vector<ExtentId> extents;
  for (const ImportJob& job : jobs_) {
    if (job.rebuilds) {
      built.push_back(job.copy.get());
      data_files.push_back(job.data_file);
      extents.push_back(job.extent);
    } else {
      // That it holds the image may be so in memory only.
      built.push_back(job.data_file);
    }
  }
  sync_files(*region_.root, built);
  if (extents.empty()) return;
  for (ImportJob& job : jobs_) {
    if (job.rebuilds) job.copy_directory->sync();
    job.copy_directory.reset();
    job.copy.reset();
  }
  for (const ExtentId extent : extents) {
    leaf_.rename(extent_file_name(extent, ExtentPart::copy),
                 extent_file_name(extent, ExtentPart::replace));
  }
  leaf_.sync();
  for_each_in_parallel(options_.jobs, extents.size(), [&](std::size_t i) {
    copy_raw_replacement(leaf_, extents[i], *data_files[i]);
  });
  sync_files(*region_.root, data_files);
  retire_replacements(leaf_, extents);
}

std::vector<ExtentId> ImportBatch::close() {
  std::vector<ExtentId> awaited;
  for (ImportJob& job : jobs_) {
    if (has_broken_lease(*job.old)) awaited.push_back(job.extent);
    job.old.reset();  // closing the file gives up its lease
    job.data_file = nullptr;
  }
  return awaited;
}

}  // namespace libregion
