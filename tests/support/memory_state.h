// What all handles of a MemoryFileSystem share. Included by its sources only.

#pragma once

#include <mutex>
#include <set>
#include <variant>

#include "libregion/io/failed_sync.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

struct MemoryFileSystem::State {
  // What becomes of a call.
  struct Outcome {
    int errno_value = 0;   // not 0: it fails
    bool ignored = false;  // a sync that does nothing
  };

  std::mutex mutex;
  MemoryNodePtr root;
  std::uint64_t next_inode = 1;
  std::uint64_t next_user = 1;

  std::vector<Call> log;
  std::vector<Fault> faults;
  std::vector<std::uint64_t> fault_counts;  // calls that fitted, one for each fault
  std::uint64_t faults_hit = 0;
  std::optional<std::uint64_t> crash_number;
  std::set<std::uint64_t> ignored_syncs;
  Watcher watcher;

  bool has_sync_file_system = true;
  bool has_leases = true;
  bool shows_unsynced_as_holes = false;
  std::optional<std::uint64_t> free_bytes;
  std::optional<std::vector<FileUser>> users = std::vector<FileUser>();

  // Logs the call, unless the machine has stopped.
  Outcome begin(const Call& call);
  // The call that was begun last fails.
  [[noreturn]] void fail(const Call& call, int errno_value);
  [[noreturn]] void fail_sync(const Call& call, int errno_value, FailedSync& failed_sync);

  MemoryNodePtr make_node(FileKind kind);
  // Takes space for bytes that had none; false where there is not enough.
  bool allocate(MemoryNode& node, std::uint64_t offset_bytes, std::uint64_t length_bytes);
  // The first stretch from this offset on that takes space.
  [[nodiscard]] std::optional<ByteRange> next_allocated(const MemoryNode& node,
                                                        std::uint64_t offset_bytes) const;
  // Gives back what is allocated from this offset on.
  void release(MemoryNode& node, std::uint64_t offset_bytes);

  // Follows symbolic links, as the system does with a path that a user gives.
  [[nodiscard]] MemoryNodePtr resolve(const std::string& path) const;
};

// Whoever opens a file that another holds a lease on breaks it. True where there was one.
bool break_leases(MemoryNode& node, Access access);

}  // namespace libregion
