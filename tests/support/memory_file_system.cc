#include "tests/support/memory_file_system.h"

#include <algorithm>
#include <cerrno>

#include "libregion/base/assert.h"
#include "libregion/base/error.h"
#include "libregion/io/open_beneath.h"
#include "tests/support/memory_state.h"

namespace libregion {
namespace {

using State = MemoryFileSystem::State;
using StatePtr = std::shared_ptr<State>;
using FailedSyncPtr = std::shared_ptr<FailedSync>;
using Lock = std::unique_lock<std::mutex>;

constexpr Ownership default_file_ownership{0, 0, 0644};
constexpr Ownership default_directory_ownership{0, 0, 0755};
constexpr std::uint64_t unlimited_bytes = std::uint64_t{1} << 40;

FileStatus status_of_node(const MemoryNode& node) {
  constexpr std::uint64_t unit_bytes = 512;  // of MemoryNode::allocated
  const auto units = std::count(node.allocated.begin(), node.allocated.end(), true);
  return {node.kind,
          node.content.size(),
          node.link_count,
          node.ownership,
          node.device,
          node.inode,
          static_cast<std::uint64_t>(units) * unit_bytes,
          node.change_time_ns};
}

std::string join(const std::string& directory, std::string_view name) {
  return directory + (directory.ends_with('/') ? "" : "/") + std::string(name);
}

MemoryNodePtr find(const MemoryNode& directory, const std::string& name) {
  const auto found = directory.entries.find(name);
  return found == directory.entries.end() ? nullptr : found->second;
}

class MemoryFile : public File {
 public:
  // The state's mutex must be held.
  MemoryFile(StatePtr state, FailedSyncPtr failed_sync, MemoryNodePtr node, std::string path,
             Access access)
      : state_(std::move(state)),
        failed_sync_(std::move(failed_sync)),
        node_(std::move(node)),
        path_(std::move(path)),
        access_(access),
        user_(state_->next_user++) {
    node_->users[user_] = {access, false};
  }
  ~MemoryFile() override {
    const Lock lock(state_->mutex);
    node_->users.erase(user_);
    node_->leases.erase(user_);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileStatus status() const override {
    const Lock lock(state_->mutex);
    return status_of_node(*node_);
  }

  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::read, path_, offset_bytes, target.size()};
    if (const auto outcome = state_->begin(call); outcome.errno_value != 0) {
      state_->fail(call, outcome.errno_value);
    }
    const Bytes& content = node_->content;
    if (offset_bytes >= content.size()) return 0;
    const std::size_t count = std::min<std::size_t>(
        target.size(), content.size() - static_cast<std::size_t>(offset_bytes));
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset_bytes), count, target.begin());
    return count;
  }

  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    const Lock lock(state_->mutex);
    return state_->next_allocated(*node_, offset_bytes);
  }

  void write(std::uint64_t offset_bytes, ByteView source) override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::write, path_, offset_bytes, source.size()};
    const auto outcome = state_->begin(call);
    if (access_ == Access::read) state_->fail(call, EBADF);
    if (outcome.errno_value != 0) source = source.first(source.size() / 2);
    if (!state_->allocate(*node_, offset_bytes, source.size())) state_->fail(call, ENOSPC);
    node_->change_data({offset_bytes, Bytes(source.begin(), source.end())});
    if (outcome.errno_value != 0) state_->fail(call, outcome.errno_value);
  }

  void resize(std::uint64_t size_bytes) override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::resize, path_, size_bytes};
    const auto outcome = state_->begin(call);
    if (access_ == Access::read) state_->fail(call, EINVAL);
    if (outcome.errno_value != 0) state_->fail(call, outcome.errno_value);
    state_->release(*node_, size_bytes);
    node_->change_data({0, {}, size_bytes});
  }

  void sync() override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::sync_file, path_};
    failed_sync_->refuse_after({"fsync", path_});
    const auto outcome = state_->begin(call);
    if (outcome.ignored) return;
    if (outcome.errno_value != 0) {
      node_->pending_data.clear();
      state_->fail_sync(call, outcome.errno_value, *failed_sync_);
    }
    node_->make_durable();
  }

  Grant take_lease(Access against) override {
    const Lock lock(state_->mutex);
    if (!state_->has_leases) return Grant::unsupported;
    // A lease against writers is not to be had by one who could write.
    if (against == Access::read && access_ == Access::read_write) return Grant::refused;
    for (const auto& [user, how] : node_->users) {
      const bool disturbs = against == Access::read_write || how.access == Access::read_write;
      if (user != user_ && disturbs) return Grant::refused;
    }
    node_->leases[user_] = {against};
    return Grant::granted;
  }
  [[nodiscard]] bool lease_is_broken() const override {
    const Lock lock(state_->mutex);
    const auto lease = node_->leases.find(user_);
    return lease != node_->leases.end() && lease->second.is_broken;
  }
  void release_lease() override {
    const Lock lock(state_->mutex);
    node_->leases.erase(user_);
  }

 private:
  StatePtr state_;
  FailedSyncPtr failed_sync_;
  MemoryNodePtr node_;
  std::string path_;
  Access access_;
  std::uint64_t user_;
};

class MemoryDirectory : public Directory {
 public:
  // The state's mutex must be held.
  MemoryDirectory(StatePtr state, FailedSyncPtr failed_sync, MemoryNodePtr node, std::string path)
      : state_(std::move(state)),
        failed_sync_(std::move(failed_sync)),
        node_(std::move(node)),
        path_(std::move(path)),
        user_(state_->next_user++) {}
  ~MemoryDirectory() override {
    const Lock lock(state_->mutex);
    node_->locks.erase(user_);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileStatus status() const override {
    const Lock lock(state_->mutex);
    return status_of_node(*node_);
  }
  [[nodiscard]] std::optional<FileStatus> status_of(std::string_view name) const override {
    const Lock lock(state_->mutex);
    const auto found = find(*node_, plain_name(name));
    return found == nullptr ? std::nullopt : std::optional(status_of_node(*found));
  }
  void list(const std::function<void(const DirectoryEntry&)>& visit) const override {
    std::vector<DirectoryEntry> entries;
    {
      const Lock lock(state_->mutex);
      for (const auto& [name, node] : node_->entries) entries.push_back({name, node->kind});
    }
    // The visitor may use the file system.
    for (const DirectoryEntry& entry : entries) visit(entry);
  }

  [[nodiscard]] Opened<File> open_file(std::string_view path, Access access) const override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::open, join(path_, path)};
    auto walked = walk(path, call);
    if (auto* refusal = std::get_if<Refusal>(&walked)) return std::move(*refusal);
    auto& node = std::get<MemoryNodePtr>(walked);
    if (node->kind == FileKind::directory) return wrong_kind("a directory");
    if (node->kind == FileKind::other) return wrong_kind(node->description);
    if (break_leases(*node, access)) throw_leased(call.path);
    if (node->link_count != 1) {
      return Refusal{Refusal::Reason::several_links, std::to_string(node->link_count) + " names"};
    }
    return std::make_unique<MemoryFile>(state_, failed_sync_, node, call.path, access);
  }
  [[nodiscard]] Opened<Directory> open_directory(std::string_view path) const override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::open, join(path_, path)};
    auto walked = walk(path, call);
    if (auto* refusal = std::get_if<Refusal>(&walked)) return std::move(*refusal);
    auto& node = std::get<MemoryNodePtr>(walked);
    if (node->kind != FileKind::directory) return wrong_kind("no directory");
    return std::make_unique<MemoryDirectory>(state_, failed_sync_, node, call.path);
  }

  std::unique_ptr<File> create_file(std::string_view name,
                                    const std::optional<Ownership>& ownership) override {
    const Lock lock(state_->mutex);
    auto node = make(CallKind::create_file, name, FileKind::regular,
                     ownership.value_or(default_file_ownership));
    return std::make_unique<MemoryFile>(state_, failed_sync_, node, join(path_, name),
                                        Access::read_write);
  }
  void make_directory(std::string_view name, const std::optional<Ownership>& ownership) override {
    const Lock lock(state_->mutex);
    make(CallKind::make_directory, name, FileKind::directory,
         ownership.value_or(default_directory_ownership));
  }
  void take_ownership(const Ownership& ownership) override {
    const Lock lock(state_->mutex);
    node_->ownership = ownership;
  }

  void remove_file(std::string_view name) override {
    const Lock lock(state_->mutex);
    failed_sync_->refuse_after({"unlink", join(path_, name)});
    const Call call = begin(CallKind::remove_file, name);
    const auto node = expect(call, name);
    if (node->kind == FileKind::directory) state_->fail(call, EISDIR);
    drop(*node);
    node_->change_names({std::string(name)});
  }
  void remove_directory(std::string_view name) override {
    const Lock lock(state_->mutex);
    failed_sync_->refuse_after({"rmdir", join(path_, name)});
    const Call call = begin(CallKind::remove_directory, name);
    const auto node = expect(call, name);
    if (node->kind != FileKind::directory) state_->fail(call, ENOTDIR);
    if (!node->entries.empty()) state_->fail(call, ENOTEMPTY);
    node_->change_names({std::string(name)});
  }
  void rename(std::string_view source, std::string_view target) override {
    const Lock lock(state_->mutex);
    failed_sync_->refuse_after({"rename", join(path_, source)});
    const Call call = begin(CallKind::rename, source, plain_name(target));
    const auto node = expect(call, source);
    const auto replaced = find(*node_, call.target);
    if (replaced == node) return;
    if (replaced != nullptr) {
      const bool is_directory = replaced->kind == FileKind::directory;
      if (is_directory && node->kind != FileKind::directory) state_->fail(call, EISDIR);
      if (!is_directory && node->kind == FileKind::directory) state_->fail(call, ENOTDIR);
      if (!replaced->entries.empty()) state_->fail(call, ENOTEMPTY);
      drop(*replaced);
    }
    node_->change_names({std::string(source), call.target, node});
  }

  void sync() override {
    const Lock lock(state_->mutex);
    const Call call{CallKind::sync_directory, path_};
    failed_sync_->refuse_after({"fsync", path_});
    const auto outcome = state_->begin(call);
    if (outcome.ignored) return;
    if (outcome.errno_value != 0) state_->fail_sync(call, outcome.errno_value, *failed_sync_);
    node_->make_durable();
  }
  bool sync_file_system() override {
    const Lock lock(state_->mutex);
    if (!state_->has_sync_file_system) return false;
    const Call call{CallKind::sync_file_system, path_};
    failed_sync_->refuse_after({"syncfs", path_});
    const auto outcome = state_->begin(call);
    if (outcome.ignored) return true;
    for_each_node(*state_->root, [&](MemoryNode& node) {
      if (outcome.errno_value == 0) {
        node.make_durable();
      } else {
        node.pending_data.clear();
      }
    });
    if (outcome.errno_value != 0) state_->fail_sync(call, outcome.errno_value, *failed_sync_);
    return true;
  }

  [[nodiscard]] std::uint64_t free_bytes() const override {
    const Lock lock(state_->mutex);
    return state_->free_bytes.value_or(unlimited_bytes);
  }

  Grant lock(Access access) override {
    const Lock lock(state_->mutex);
    for (const auto& [user, held] : node_->locks) {
      const bool disturbs = access == Access::read_write || held == Access::read_write;
      if (user != user_ && disturbs) return Grant::refused;
    }
    node_->locks[user_] = access;
    return Grant::granted;
  }

 private:
  static std::string plain_name(std::string_view name) {
    LIBREGION_ASSERT(is_plain_name(name));
    return std::string(name);
  }
  static Refusal wrong_kind(std::string found) {
    return {Refusal::Reason::wrong_kind, std::move(found)};
  }

  Call begin(CallKind kind, std::string_view name, std::string target = {}) {
    Call call{kind, join(path_, plain_name(name)), 0, 0, std::move(target)};
    const auto outcome = state_->begin(call);
    if (outcome.errno_value != 0) state_->fail(call, outcome.errno_value);
    return call;
  }
  MemoryNodePtr expect(const Call& call, std::string_view name) {
    auto node = find(*node_, std::string(name));
    if (node == nullptr) state_->fail(call, ENOENT);
    return node;
  }
  MemoryNodePtr make(CallKind call_kind, std::string_view name, FileKind kind,
                     const Ownership& ownership) {
    const Call call = begin(call_kind, name);
    if (find(*node_, std::string(name)) != nullptr) state_->fail(call, EEXIST);
    auto node = state_->make_node(kind);
    node->device = node_->device;
    node->ownership = ownership;
    node_->change_names({{}, std::string(name), node});
    return node;
  }
  // A name of it goes.
  void drop(MemoryNode& node) {
    if (--node.link_count == 0) state_->release(node, 0);
  }

  // Components are names: no link is followed, and no way leads up.
  [[nodiscard]] std::variant<MemoryNodePtr, Refusal> walk(std::string_view path,
                                                          const Call& call) const {
    if (const auto outcome = state_->begin(call); outcome.errno_value != 0) {
      state_->fail(call, outcome.errno_value);
    }
    MemoryNodePtr node = node_;
    while (true) {
      const std::size_t slash = path.find('/');
      const std::string name(path.substr(0, slash));
      if (name.empty() || name == "..") return wrong_kind("a way out of the directory");
      if (node->kind != FileKind::directory) return wrong_kind("no directory");
      node = find(*node, name);
      if (node == nullptr) return Refusal{Refusal::Reason::missing, "nothing"};
      if (node->kind == FileKind::symbolic_link) return wrong_kind("a symbolic link");
      if (slash == std::string_view::npos) return node;
      path.remove_prefix(slash + 1);
    }
  }

  StatePtr state_;
  FailedSyncPtr failed_sync_;
  MemoryNodePtr node_;
  std::string path_;
  std::uint64_t user_;
};

}  // namespace

Opened<Directory> MemoryFileSystem::open_directory(const std::string& path) {
  const Lock lock(state_->mutex);
  const Call call{CallKind::open, path};
  if (const auto outcome = state_->begin(call); outcome.errno_value != 0) {
    state_->fail(call, outcome.errno_value);
  }
  const auto node = state_->resolve(path);
  if (node == nullptr) return Refusal{Refusal::Reason::missing, "nothing"};
  if (node->kind != FileKind::directory) {
    return Refusal{Refusal::Reason::wrong_kind, "no directory"};
  }
  return std::make_unique<MemoryDirectory>(state_, std::make_shared<FailedSync>(), node, path);
}

std::vector<FileUser> MemoryFileSystem::users_of(const FileStatus& /*file*/) {
  const Lock lock(state_->mutex);
  return state_->users.value_or(std::vector<FileUser>());
}

std::optional<std::vector<FileUser>> MemoryFileSystem::users_below(const std::string& /*path*/) {
  const Lock lock(state_->mutex);
  return state_->users;
}

}  // namespace libregion
