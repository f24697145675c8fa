// Extents that an image is written into together, with one sync for each step; see import.h for the
// order of things.

#pragma once

#include <memory>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"
#include "libregion/ops/image_reader.h"
#include "libregion/ops/import.h"
#include "libregion/ops/import_range.h"

namespace libregion {

// What is done to one extent.
struct ImportJob {
  ExtentId extent;
  ExtentParts parts;
  std::vector<Finding> findings;
  std::optional<ExtentMetadata> metadata;

  bool replaces = false;           // a replacement that was pending is put in place
  bool removes_leftovers = false;  // .copy, .completed
  bool rebuilds = false;
  bool is_left = false;  // because of damage
  std::uint64_t image_blocks = 0;
  std::uint64_t written_blocks = 0;

  std::unique_ptr<ExtentReader> old;  // open and claimed until the batch is closed
  File* data_file = nullptr;          // that it reads
  bool has_copy = false;              // .copy is there, and ours
  std::unique_ptr<Directory> copy_directory;
  std::unique_ptr<File> copy;  // the extent built anew

  [[nodiscard]] bool changes() const { return rebuilds || replaces || removes_leftovers; }
};

class ImportBatch {
 public:
  ImportBatch(const Region& region, Directory& leaf, const ImportOptions& options,
              const ImportRange& range)
      : region_(region), leaf_(leaf), options_(options), range_(range) {}

  [[nodiscard]] const std::vector<ImportJob>& jobs() const { return jobs_; }

  // Whether somebody waits for one of the extents.
  [[nodiscard]] bool is_awaited() const;

  // Steps 1 and 2 for the next extent, which check_import has nothing against; with dry_run only
  // what they would do. False where it was stopped in the middle: the extent is not of the batch
  // then. After a failure nothing that was built is left, unless a sync failed.
  bool add(ExtentId extent, const ExtentParts& parts, ImageReader& image);

  // Steps 3 to 6.
  void commit();

  // Gives up the extents' files. Returns which of them somebody waited for.
  std::vector<ExtentId> close();

 private:
  void check_stop() const;
  void finish_repairs(ImportJob& job);
  void build(ImportJob& job, ImageReader& image);
  void open_old(const Directory& directory, ImportJob& job) const;
  File* make_copy(ImportJob& job);
  void remove_copy(ImportJob& job);
  void remove_copies_after_failure();

  const Region& region_;
  Directory& leaf_;
  const ImportOptions& options_;
  const ImportRange& range_;
  std::vector<ImportJob> jobs_;
};

}  // namespace libregion
