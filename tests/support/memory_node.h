// What a MemoryFileSystem consists of: files and directories that know what of them is durable.
// Only the file system itself and the crash model look in here.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libregion/io/file_system.h"

namespace libregion {

struct MemoryNode;
using MemoryNodePtr = std::shared_ptr<MemoryNode>;

// A write, or a change of the size, that no sync has made durable yet.
struct DataChange {
  std::uint64_t offset_bytes = 0;
  Bytes data = {};
  std::optional<std::uint64_t> new_size_bytes = std::nullopt;  // of a change of the size
  std::uint64_t order = 0;  // ascending over all changes of all files and names

  void apply_to(Bytes& content) const;
};

// A name that goes, one that comes, or both at once: removing, making, renaming.
struct NameChange {
  std::string removed = {};
  std::string added = {};
  MemoryNodePtr node = nullptr;  // that `added` stands for
  std::uint64_t order = 0;

  void apply_to(std::map<std::string, MemoryNodePtr>& entries) const;
};

struct MemoryNode {
  FileKind kind = FileKind::regular;
  std::uint64_t inode = 0;
  std::uint64_t link_count = 1;
  Ownership ownership = {};
  std::uint64_t device = 0;
  std::int64_t change_time_ns = 0;
  std::string description = {};  // target of a link; "a FIFO"

  // A file: what is read, what is durable, and what became of that since the last sync. After a
  // failed sync the first may be more than the other two together.
  Bytes content = {};
  Bytes durable_content = {};
  std::vector<DataChange> pending_data = {};
  std::vector<bool> allocated = {};  // one for each 512 bytes of `content`

  // The same of a directory.
  std::map<std::string, MemoryNodePtr> entries = {};
  std::map<std::string, MemoryNodePtr> durable_entries = {};
  std::vector<NameChange> pending_names = {};

  // Who has it open, each by a number of its own.
  struct User {
    Access access = Access::read;
    bool is_elsewhere = false;  // another process
  };
  struct Lease {
    Access against = Access::read;
    bool is_broken = false;
  };
  std::map<std::uint64_t, User> users = {};
  std::map<std::uint64_t, Access> locks = {};
  std::map<std::uint64_t, Lease> leases = {};

  void change_data(DataChange change);
  void change_names(NameChange change);
  // Of this node only, not of what is below.
  void make_durable();
};

// Calls visit(node) for `node` and all that is below it now.
template <class Visit>
void for_each_node(MemoryNode& node, const Visit& visit) {
  visit(node);
  for (const auto& [name, child] : node.entries) for_each_node(*child, visit);
}

}  // namespace libregion
