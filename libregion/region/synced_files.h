// Which files are surely on disk as they are read. Only of such a file is what the system calls a
// hole surely zero: some take data that was never written out for a hole.
//
// Syncing a file changes no byte of it, no name and no time: it is what reading may do.

#pragma once

#include <cstdint>
#include <mutex>

#include "libregion/io/file_system.h"

namespace libregion {

class SyncedFiles {
 public:
  // The directory must outlive this; the files are on its file system.
  explicit SyncedFiles(Directory& root) : root_(root) {}

  // Sees to it that what was written to the file until now is on disk; from any thread. After a few
  // files the whole file system is synced, once, where that can be had: what was not changed since
  // needs no sync of its own. Throws SystemError, and a failure is final.
  void sync(File& file);

 private:
  [[nodiscard]] bool was_synced(const File& file);

  Directory& root_;
  std::mutex mutex_;
  unsigned sync_count_ = 0;
  bool has_synced_all_ = false;
  std::int64_t all_synced_ns_ = 0;  // what was changed before is on disk; as change_time_ns
};

}  // namespace libregion
