#include "tests/support/memory_state.h"

#include <algorithm>
#include <atomic>

#include "libregion/base/error.h"
#include "libregion/format/bytes.h"

namespace libregion {
namespace {

constexpr std::uint64_t sector_bytes = 512;
constexpr int links_followed_max = 40;

std::string_view operation_name(CallKind kind) {
  switch (kind) {
    case CallKind::create_file: return "create";
    case CallKind::make_directory: return "mkdir";
    case CallKind::remove_file: return "unlink";
    case CallKind::remove_directory: return "rmdir";
    case CallKind::rename: return "rename";
    case CallKind::write: return "pwrite";
    case CallKind::resize: return "ftruncate";
    case CallKind::sync_file:
    case CallKind::sync_directory: return "fsync";
    case CallKind::sync_file_system: return "syncfs";
    case CallKind::open: return "openat";
    case CallKind::read: break;
  }
  return "pread";
}

// Of a change among all there are.
std::uint64_t next_order() {
  static std::atomic<std::uint64_t> order{0};
  return ++order;
}

bool has_place(CallKind kind) {
  return kind == CallKind::write || kind == CallKind::resize || kind == CallKind::read;
}

bool fits(const Fault& fault, const Call& call) {
  if (!is_logged(call.kind) && !fault.kind && fault.path.empty()) return false;
  return fault.kind.value_or(call.kind) == call.kind &&
         (fault.path.empty() || fault.path == call.path);
}

}  // namespace

bool is_sync(CallKind kind) {
  return kind == CallKind::sync_file || kind == CallKind::sync_directory ||
         kind == CallKind::sync_file_system;
}

bool is_logged(CallKind kind) { return kind != CallKind::open && kind != CallKind::read; }

std::string describe(const Call& call) {
  std::string text = std::string(operation_name(call.kind)) + " '" + call.path + "'";
  if (has_place(call.kind)) text += " at " + std::to_string(call.offset_bytes);
  if (call.length_bytes != 0) text += ", " + std::to_string(call.length_bytes) + " bytes";
  if (!call.target.empty()) text += " to '" + call.target + "'";
  return text + (call.failed ? " (failed)" : "");
}

std::string describe(const std::vector<Call>& log) {
  std::string text;
  for (std::size_t i = 0; i < log.size(); ++i) {
    text += std::to_string(i) + ": " + describe(log[i]) + "\n";
  }
  return text;
}

// ---- nodes --------------------------------------------------------------------------------------

void DataChange::apply_to(Bytes& content) const {
  if (new_size_bytes) {
    content.resize(*new_size_bytes);
    return;
  }
  if (data.empty()) return;
  if (content.size() < offset_bytes + data.size()) content.resize(offset_bytes + data.size());
  std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset_bytes));
}

void NameChange::apply_to(std::map<std::string, MemoryNodePtr>& entries) const {
  if (!removed.empty()) entries.erase(removed);
  if (!added.empty()) entries[added] = node;
}

void MemoryNode::change_data(DataChange change) {
  change.apply_to(content);
  change.order = next_order();
  pending_data.push_back(std::move(change));
}

void MemoryNode::change_names(NameChange change) {
  change.apply_to(entries);
  change.order = next_order();
  pending_names.push_back(std::move(change));
}

void MemoryNode::make_durable() {
  for (const DataChange& change : pending_data) change.apply_to(durable_content);
  for (const NameChange& change : pending_names) change.apply_to(durable_entries);
  pending_data.clear();
  pending_names.clear();
}

bool break_leases(MemoryNode& node, Access access) {
  bool broken = false;
  for (auto& [user, lease] : node.leases) {
    if (lease.against == Access::read && access == Access::read) continue;
    lease.is_broken = true;
    broken = true;
  }
  return broken;
}

// ---- the state ----------------------------------------------------------------------------------

MemoryFileSystem::State::Outcome MemoryFileSystem::State::begin(const Call& call) {
  const std::uint64_t number = log.size();
  if (is_logged(call.kind)) {
    if (crash_number && number >= *crash_number) {
      throw SimulatedCrash("crash at call " + std::to_string(number) + ": " + describe(call));
    }
    if (watcher) watcher(number, call);
    log.push_back(call);
  }
  Outcome outcome;
  outcome.ignored = is_sync(call.kind) && ignored_syncs.count(number) != 0;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (!fits(faults[i], call)) continue;
    const std::uint64_t count = fault_counts[i]++;
    if (count == faults[i].first || (faults[i].for_ever && count > faults[i].first)) {
      outcome.errno_value = faults[i].errno_value;
    }
  }
  if (outcome.errno_value != 0) ++faults_hit;
  return outcome;
}

void MemoryFileSystem::State::fail(const Call& call, int errno_value) {
  if (is_logged(call.kind)) log.back().failed = true;
  Place place{operation_name(call.kind), call.path};
  if (has_place(call.kind)) place.offset_bytes = call.offset_bytes;
  throw_system_error(errno_value, place);
}

void MemoryFileSystem::State::fail_sync(const Call& call, int errno_value,
                                        FailedSync& failed_sync) {
  log.back().failed = true;
  failed_sync.fail(errno_value, {operation_name(call.kind), call.path});
}

MemoryNodePtr MemoryFileSystem::State::make_node(FileKind kind) {
  auto node = std::make_shared<MemoryNode>();
  node->kind = kind;
  node->inode = next_inode++;
  node->ownership.mode = kind == FileKind::directory ? 0755 : 0644;
  return node;
}

bool MemoryFileSystem::State::allocate(MemoryNode& node, std::uint64_t offset_bytes,
                                       std::uint64_t length_bytes) {
  const std::uint64_t first = offset_bytes / sector_bytes;
  const std::uint64_t end = (offset_bytes + length_bytes + sector_bytes - 1) / sector_bytes;
  if (node.allocated.size() < end) node.allocated.resize(end);
  const auto begin_of_range = node.allocated.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end_of_range = node.allocated.begin() + static_cast<std::ptrdiff_t>(end);
  const auto new_bytes =
      static_cast<std::uint64_t>(std::count(begin_of_range, end_of_range, false)) * sector_bytes;
  if (free_bytes) {
    if (new_bytes > *free_bytes) return false;
    *free_bytes -= new_bytes;
  }
  std::fill(begin_of_range, end_of_range, true);
  return true;
}

namespace {

// Without the sectors that hold nothing but what no sync has seen yet.
std::vector<bool> allocated_on_disk(const MemoryNode& node) {
  std::vector<bool> allocated = node.allocated;
  for (const DataChange& change : node.pending_data) {
    const std::uint64_t end_bytes = change.offset_bytes + change.data.size();
    for (std::uint64_t at = change.offset_bytes / sector_bytes; at * sector_bytes < end_bytes;
         ++at) {
      const std::uint64_t first =
          std::min<std::uint64_t>(at * sector_bytes, node.durable_content.size());
      const ByteView old = ByteView(node.durable_content).subspan(first);
      if (at < allocated.size() && all_zero(old.first(std::min(old.size(), sector_bytes)))) {
        allocated[at] = false;
      }
    }
  }
  return allocated;
}

}  // namespace

std::optional<ByteRange> MemoryFileSystem::State::next_allocated(const MemoryNode& node,
                                                                 std::uint64_t offset_bytes) const {
  const std::vector<bool> allocated =
      shows_unsynced_as_holes ? allocated_on_disk(node) : node.allocated;
  const auto begin = allocated.begin();
  const auto end = allocated.end();
  if (offset_bytes >= node.content.size()) return std::nullopt;
  const std::uint64_t from = std::min<std::uint64_t>(offset_bytes / sector_bytes, allocated.size());
  const auto first = std::find(begin + static_cast<std::ptrdiff_t>(from), end, true);
  if (first == end) return std::nullopt;
  const auto after = std::find(first, end, false);
  const auto first_bytes =
      std::max(offset_bytes, static_cast<std::uint64_t>(first - begin) * sector_bytes);
  const auto end_bytes = std::min<std::uint64_t>(
      node.content.size(), static_cast<std::uint64_t>(after - begin) * sector_bytes);
  return ByteRange{first_bytes, end_bytes - first_bytes};
}

void MemoryFileSystem::State::release(MemoryNode& node, std::uint64_t offset_bytes) {
  const std::uint64_t first = (offset_bytes + sector_bytes - 1) / sector_bytes;
  if (node.allocated.size() <= first) return;
  const auto begin_of_range = node.allocated.begin() + static_cast<std::ptrdiff_t>(first);
  const auto old_bytes =
      static_cast<std::uint64_t>(std::count(begin_of_range, node.allocated.end(), true)) *
      sector_bytes;
  if (free_bytes) *free_bytes += old_bytes;
  node.allocated.resize(first);
}

MemoryNodePtr MemoryFileSystem::State::resolve(const std::string& path) const {
  std::vector<MemoryNodePtr> way{root};
  std::string rest = path;
  int links_followed = 0;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    const auto found = way.back()->entries.find(name);
    if (found == way.back()->entries.end()) return nullptr;
    const MemoryNodePtr& node = found->second;
    if (node->kind != FileKind::symbolic_link) {
      way.push_back(node);
      continue;
    }
    if (++links_followed > links_followed_max) return nullptr;
    if (node->description.starts_with('/')) way.resize(1);
    rest = node->description + "/" + rest;
  }
  return way.back();
}

}  // namespace libregion
