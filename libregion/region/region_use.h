// Who else is using a region? Crucible's service takes no lock, so nothing can be learnt from a
// lock file.
//
// Between these tools: a lock on the region's directory, shared for readers, alone for writers,
// taken before region.json is opened and held while the region is open. (A lock on region.json
// would be lost when it is renamed over.)
//
// Against everybody else: a lease on each file. A reader's is refused while somebody has the file
// open for writing, a writer's while somebody has it open at all; while it is held, whoever opens
// the file waits. Where leases cannot be had, the open files of all processes are looked through.

#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "libregion/io/file_system.h"
#include "libregion/region/synced_files.h"

namespace libregion {

struct UseOptions {
  Access access = Access::read;
  bool live = false;  // readers only: look at a region that is in use
  std::uint64_t wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;  // ends the waiting with Error (stopped)
  // What only looks at what a writer would do: a region that no writer changes is refused.
  bool refuses_older = false;
};

enum class UseCheck : std::uint8_t {
  none,       // --live, or nothing that the system offers
  lease,      // on each file
  processes,  // the open files of all processes, once
};
std::string_view use_check_name(UseCheck check);

class RegionUse {
 public:
  // Locks the directory; waits up to wait_seconds, then throws Error in_use.
  RegionUse(FileSystem& file_system, Directory& root, const UseOptions& options);

  // Finds out with a file that nobody has open for long which check can be had, and makes the one
  // of all processes where it is that one. Throws Error in_use.
  void choose_check(File& probe);
  [[nodiscard]] UseCheck check() const { return check_; }

  // Takes the lease on a file of the region before anything is read of it, or changed. Throws
  // Error in_use, naming who has the file open where that can be seen.
  void claim(File& file) const;

  // The same of a file whose data are to be read: where nobody can write to it, and what was
  // written is on disk, its holes can be trusted from here on. Throws SystemError as well, where
  // that could not be brought there.
  void claim_with_holes(File& file) const;

 private:
  FileSystem& file_system_;
  Directory& root_;
  UseOptions options_;
  UseCheck check_ = UseCheck::none;
  mutable SyncedFiles synced_files_;
};

}  // namespace libregion
