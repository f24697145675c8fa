// What tests put into a MemoryFileSystem, and how they look at it.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libregion/base/assert.h"
#include "libregion/base/text.h"
#include "libregion/format/integrity.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/memory_state.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;
using Guard = std::lock_guard<std::mutex>;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Bytes read_real_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = as_byte_view(text);
  return {bytes.begin(), bytes.end()};
}

void collect(const MemoryNode& directory, const std::string& prefix, Tree& tree) {
  for (const auto& [name, node] : directory.entries) {
    tree[prefix + name] = {node->kind, node->content};
    collect(*node, prefix + name + "/", tree);
  }
}

// Name, kind and content of everything below; what is in a directory between brackets.
void append_fingerprints(const MemoryNode& directory, std::string& text) {
  for (const auto& [name, node] : directory.entries) {
    text += name + '\0' + static_cast<char>(node->kind) + hash_text(on_disk_hash(node->content));
    append_fingerprints(*node, text += '(');
    text += ')';
  }
}

// Copies nodes with all that is below them, now or durably, each once.
class Copier {
 public:
  MemoryNodePtr copy_of(const MemoryNodePtr& node) {
    if (node == nullptr) return nullptr;
    const auto [place, is_new] = copies_.try_emplace(node.get());
    if (!is_new) return place->second;
    auto copy = std::make_shared<MemoryNode>(*node);
    place->second = copy;
    copy->users.clear();
    copy->locks.clear();
    copy->leases.clear();
    copy_all(copy->entries);
    copy_all(copy->durable_entries);
    for (NameChange& change : copy->pending_names) change.node = copy_of(change.node);
    return copy;
  }

 private:
  void copy_all(std::map<std::string, MemoryNodePtr>& entries) {
    for (auto& [name, node] : entries) node = copy_of(node);
  }

  std::map<const MemoryNode*, MemoryNodePtr> copies_;
};

std::string describe_entry(const TreeEntry& entry) {
  switch (entry.kind) {
    case FileKind::regular: return std::to_string(entry.content.size()) + " bytes";
    case FileKind::directory: return "a directory";
    case FileKind::symbolic_link: return "a symbolic link";
    case FileKind::other: break;
  }
  return "something else";
}

std::string difference_of(const std::string& path, const TreeEntry& expected,
                          const TreeEntry& found) {
  if (expected.kind != found.kind || expected.content.size() != found.content.size()) {
    return path + ": expected " + describe_entry(expected) + ", found " + describe_entry(found);
  }
  const auto at =
      std::mismatch(expected.content.begin(), expected.content.end(), found.content.begin());
  return path + ": byte " + std::to_string(at.first - expected.content.begin()) + ": expected " +
         std::to_string(std::to_integer<int>(*at.first)) + ", found " +
         std::to_string(std::to_integer<int>(*at.second));
}

}  // namespace

std::string difference(const Tree& expected, const Tree& found) {
  for (const auto& [path, entry] : expected) {
    const auto other = found.find(path);
    if (other == found.end()) return path + ": expected " + describe_entry(entry) + ", found none";
    if (other->second != entry) return difference_of(path, entry, other->second);
  }
  for (const auto& [path, entry] : found) {
    if (expected.count(path) == 0) return path + ": expected none, found " + describe_entry(entry);
  }
  return {};
}

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {
  state_->root = state_->make_node(FileKind::directory);
}

MemoryFileSystem::MemoryFileSystem(MemoryNodePtr root) : state_(std::make_shared<State>()) {
  state_->root = std::move(root);
  for_each_node(*state_->root, [&](const MemoryNode& node) {
    state_->next_inode = std::max(state_->next_inode, node.inode + 1);
  });
}

MemoryFileSystem::~MemoryFileSystem() = default;

MemoryNodePtr MemoryFileSystem::root() const { return state_->root; }

// ---- what is there ------------------------------------------------------------------------------

void MemoryFileSystem::add(const std::string& path, const MemoryNodePtr& node) {
  LIBREGION_ASSERT(path.starts_with('/'));
  const std::string parent_path = parent_of(path);
  if (state_->resolve(parent_path) == nullptr) {
    add(parent_path, state_->make_node(FileKind::directory));
  }
  const auto parent = state_->resolve(parent_path);
  node->device = parent->device;
  parent->entries[name_of(path)] = node;
  parent->durable_entries[name_of(path)] = node;
}

MemoryNodePtr MemoryFileSystem::expect(const std::string& path) const {
  auto node = state_->resolve(path);
  LIBREGION_ASSERT(node != nullptr);
  return node;
}

void MemoryFileSystem::add_directory(const std::string& path) {
  const Guard guard(state_->mutex);
  if (state_->resolve(path) == nullptr) add(path, state_->make_node(FileKind::directory));
}

void MemoryFileSystem::add_file(const std::string& path, ByteView content) {
  const Guard guard(state_->mutex);
  const auto node = state_->make_node(FileKind::regular);
  node->content.assign(content.begin(), content.end());
  node->durable_content = node->content;
  LIBREGION_ASSERT(state_->allocate(*node, 0, content.size()));
  add(path, node);
}

void MemoryFileSystem::add_symbolic_link(const std::string& path, const std::string& target) {
  const Guard guard(state_->mutex);
  const auto node = state_->make_node(FileKind::symbolic_link);
  node->description = target;
  add(path, node);
}

void MemoryFileSystem::add_other(const std::string& path, const std::string& description) {
  const Guard guard(state_->mutex);
  const auto node = state_->make_node(FileKind::other);
  node->description = description;
  add(path, node);
}

void MemoryFileSystem::add_hard_link(const std::string& existing, const std::string& path) {
  const Guard guard(state_->mutex);
  const auto node = expect(existing);
  ++node->link_count;
  add(path, node);
}

void MemoryFileSystem::remove(const std::string& path) {
  const Guard guard(state_->mutex);
  const auto parent = expect(parent_of(path));
  parent->entries.erase(name_of(path));
  parent->durable_entries.erase(name_of(path));
}

void MemoryFileSystem::load(const std::string& real_path, const std::string& path) {
  add_directory(path);
  for (const fs::directory_entry& entry : fs::directory_iterator(real_path)) {
    const std::string target = path + "/" + entry.path().filename().string();
    if (entry.is_directory()) {
      load(entry.path().string(), target);
    } else {
      add_file(target, read_real_file(entry.path()));
    }
  }
}

bool MemoryFileSystem::exists(const std::string& path) const {
  const Guard guard(state_->mutex);
  return state_->resolve(path) != nullptr;
}

Bytes MemoryFileSystem::content_of(const std::string& path) const {
  const Guard guard(state_->mutex);
  return expect(path)->content;
}

Tree MemoryFileSystem::tree(const std::string& path) const {
  const Guard guard(state_->mutex);
  Tree tree;
  if (const auto node = state_->resolve(path)) collect(*node, "", tree);
  return tree;
}

std::uint64_t MemoryFileSystem::fingerprint() const {
  const Guard guard(state_->mutex);
  std::string text;
  append_fingerprints(*state_->root, text);
  return on_disk_hash(as_byte_view(text));
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::copy() const {
  const Guard guard(state_->mutex);
  auto made = std::make_unique<MemoryFileSystem>(Copier().copy_of(state_->root));
  made->state_->next_inode = state_->next_inode;
  made->state_->has_sync_file_system = state_->has_sync_file_system;
  made->state_->has_leases = state_->has_leases;
  made->state_->shows_unsynced_as_holes = state_->shows_unsynced_as_holes;
  made->state_->free_bytes = state_->free_bytes;
  return made;
}

void MemoryFileSystem::settle() {
  const Guard guard(state_->mutex);
  for_each_node(*state_->root, [](MemoryNode& node) { node.make_durable(); });
}

// ---- what was done, and what goes wrong ---------------------------------------------------------

std::vector<Call> MemoryFileSystem::log() const {
  const Guard guard(state_->mutex);
  return state_->log;
}

std::vector<Call> MemoryFileSystem::changes() const {
  std::vector<Call> calls = log();
  calls.erase(std::remove_if(calls.begin(), calls.end(),
                             [](const Call& call) { return is_sync(call.kind); }),
              calls.end());
  return calls;
}

void MemoryFileSystem::clear_log() {
  const Guard guard(state_->mutex);
  state_->log.clear();
}

void MemoryFileSystem::add_fault(const Fault& fault) {
  const Guard guard(state_->mutex);
  state_->faults.push_back(fault);
  state_->fault_counts.push_back(0);
}

std::uint64_t MemoryFileSystem::faults_hit() const {
  const Guard guard(state_->mutex);
  return state_->faults_hit;
}

void MemoryFileSystem::crash_at(std::uint64_t number) {
  const Guard guard(state_->mutex);
  state_->crash_number = number;
}

void MemoryFileSystem::watch(Watcher watcher) {
  const Guard guard(state_->mutex);
  state_->watcher = std::move(watcher);
}

void MemoryFileSystem::ignore_sync_at(std::uint64_t number) {
  const Guard guard(state_->mutex);
  state_->ignored_syncs.insert(number);
}

void MemoryFileSystem::restart() {
  const Guard guard(state_->mutex);
  state_->log.clear();
  state_->faults.clear();
  state_->fault_counts.clear();
  state_->faults_hit = 0;
  state_->crash_number.reset();
  state_->ignored_syncs.clear();
  state_->watcher = nullptr;
}

// ---- what the system is like --------------------------------------------------------------------

void MemoryFileSystem::set_sync_file_system_available(bool available) {
  const Guard guard(state_->mutex);
  state_->has_sync_file_system = available;
}

void MemoryFileSystem::set_leases_available(bool available) {
  const Guard guard(state_->mutex);
  state_->has_leases = available;
}

void MemoryFileSystem::show_unsynced_as_holes() {
  const Guard guard(state_->mutex);
  state_->shows_unsynced_as_holes = true;
}

void MemoryFileSystem::set_free_bytes(std::uint64_t bytes) {
  const Guard guard(state_->mutex);
  state_->free_bytes = bytes;
}

void MemoryFileSystem::set_device(const std::string& path, std::uint64_t device) {
  const Guard guard(state_->mutex);
  for_each_node(*expect(path), [&](MemoryNode& node) { node.device = device; });
}

void MemoryFileSystem::set_change_time(const std::string& path, std::int64_t change_time_ns) {
  const Guard guard(state_->mutex);
  expect(path)->change_time_ns = change_time_ns;
}

void MemoryFileSystem::open_elsewhere(const std::string& path, Access access) {
  const Guard guard(state_->mutex);
  const auto node = expect(path);
  break_leases(*node, access);
  node->users[state_->next_user++] = {access, true};
}

void MemoryFileSystem::close_elsewhere(const std::string& path) {
  const Guard guard(state_->mutex);
  auto& users = expect(path)->users;
  for (auto user = users.begin(); user != users.end();) {
    user = user->second.is_elsewhere ? users.erase(user) : std::next(user);
  }
}

void MemoryFileSystem::set_users(std::optional<std::vector<FileUser>> users) {
  const Guard guard(state_->mutex);
  state_->users = std::move(users);
}

}  // namespace libregion
