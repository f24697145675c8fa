// Making a region that appears whole or not at all.
//
// The order of things:
//   1. the directory, locked; what an interrupted run left is cleared
//   2. where it is to be marked: region.json's text as region.json.incomplete, synced; the
//      directory synced
//   3. the extents, and whatever else is to be in it
//   4. a sync of all files but the mark, then the directories from the leaves up
//   5. region.json: the mark renamed, or the text written beside, synced and renamed; the directory
//      synced
//   6. the directory that the region is in synced
// A crash before the rename leaves a directory without region.json, which no tool takes for a
// region and which `force` clears; after it every extent is there. Without the mark that is so only
// of names and extents as a create makes them: others are taken for those of a region that lost its
// region.json. So what is made of another region's extents, or of a bundle, is marked before the
// first of them, and the mark goes, in clearing, after the last is gone for good. It says that
// nothing in the directory has ever been in use. Both syncs of step 2 are needed: after a crash an
// extent could be there without the mark's name, or beside a mark without a definition in it, which
// says nothing. With them the mark needs none in step 4: nobody writes to it any more, and its
// rename makes a region.json that has been durable since.
//
// What a failure or a stop leaves is removed again; but not after a sync that failed.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/file_system.h"

namespace libregion {

struct NewRegionOptions {
  bool force = false;  // clear what an interrupted run left
  std::uint64_t lock_wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;
  // What a new directory takes, by its path in the region ("" is the region's own); none: default
  // modes.
  std::function<Ownership(const std::string& path)> directory_ownership = {};
};

class RegionInMaking {
 public:
  RegionInMaking(Directory& root, const NewRegionOptions& options)
      : root_(root), options_(options) {}

  // Before anything else: says that what is here without a region.json was never a region. The
  // definition is the one that finish() will be given.
  void mark(const RegionDefinition& definition, const std::optional<Ownership>& ownership);

  // The region's own directory, where any name may be made: only after mark().
  [[nodiscard]] Directory& root() {
    LIBREGION_ASSERT(is_marked_);
    return root_;
  }

  // The leaf's directory, made where it is not there yet. From any thread.
  std::shared_ptr<Directory> enter_leaf(LeafId leaf);

  // Keeps open, from any thread, a file that something was written to: with a file that nobody has
  // open the system may forget that it could not be written to disk. (Of many files it is the sync
  // of all that tells: then a few are kept at most.)
  void keep_until_synced(std::unique_ptr<File> file);

  // Steps 4 and 5: everything that belongs to the region is there.
  void finish(const RegionDefinition& definition);

 private:
  void make_directory_in(Directory& parent, const std::string& name, const std::string& path);

  Directory& root_;
  const NewRegionOptions& options_;
  bool is_marked_ = false;
  std::mutex mutex_;
  LeafId leaf_id_;
  std::shared_ptr<Directory> leaf_;
  std::vector<std::unique_ptr<File>> kept_files_;
};

// Makes a region at `path`: `fill` makes the extents, and ends with finish() and true, or gives up
// with false. Returns what it returns. Throws Error: stopped, in_use, failed.
bool make_region(FileSystem& file_system, const std::string& path, const NewRegionOptions& options,
                 const std::function<bool(RegionInMaking&)>& fill);

}  // namespace libregion
