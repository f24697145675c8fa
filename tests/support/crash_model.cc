#include "tests/support/crash_model.h"

#include <algorithm>

#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::size_t sector_bytes = 512;

class Survivors {
 public:
  Survivors(CrashModel model, std::uint64_t seed) : model_(model), seed_(seed), random_(seed) {}

  // What is left of a node and of all below it.
  MemoryNodePtr of(const MemoryNode& node) {
    auto& found = left_[node.inode];
    if (found != nullptr) {
      ++found->link_count;
      return found;
    }
    found = std::make_shared<MemoryNode>();
    const MemoryNodePtr left = found;
    left->kind = node.kind;
    left->inode = node.inode;
    left->ownership = node.ownership;
    left->device = node.device;
    left->description = node.description;
    left->content = content_of(node);
    left->durable_content = left->content;
    left->allocated.assign((left->content.size() + sector_bytes - 1) / sector_bytes, true);
    for (const auto& [name, child] : names_of(node)) left->entries[name] = of(*child);
    left->durable_entries = left->entries;
    return left;
  }

 private:
  enum class Share { nothing, everything, some };

  Share draw_share() {
    if (model_ == CrashModel::ordered || seed_ == 1) return Share::everything;
    if (seed_ == 0) return Share::nothing;
    switch (random_.below(4)) {
      case 0: return Share::nothing;
      case 1: return Share::everything;
      default: return Share::some;
    }
  }

  bool draw(Share share) {
    return share == Share::everything || (share == Share::some && random_.coin());
  }

  std::map<std::string, MemoryNodePtr> names_of(const MemoryNode& node) {
    auto names = node.durable_entries;
    const Share share = draw_share();
    for (const NameChange& change : node.pending_names) {
      if (draw(share)) change.apply_to(names);
    }
    return names;
  }

  // How many of the changes of a file's size have happened.
  std::size_t draw_size_changes(const MemoryNode& node, Share share) {
    std::size_t changes = 0;
    Bytes now = node.durable_content;
    for (const DataChange& change : node.pending_data) {
      if (apply(change, now)) ++changes;
    }
    if (share == Share::some) return random_.below(changes + 1);
    return share == Share::everything ? changes : 0;
  }

  // True where it changes the size.
  static bool apply(const DataChange& change, Bytes& content) {
    const std::size_t before = content.size();
    change.apply_to(content);
    return content.size() != before;
  }

  Bytes content_of(const MemoryNode& node) {
    const Share share = draw_share();
    std::size_t size_changes_left = draw_size_changes(node, share);
    std::size_t size_bytes = node.durable_content.size();
    Bytes now = node.durable_content;  // as it was after each change
    Bytes left = now;                  // what the disk has, as long as it ever was
    for (const DataChange& change : node.pending_data) {
      if (apply(change, now) && size_changes_left > 0) {
        --size_changes_left;
        size_bytes = now.size();
        // Bytes that were cut off do not come back.
        left.resize(std::min(left.size(), now.size()));
      }
      if (left.size() < now.size()) left.resize(now.size());
      keep_sectors(change, now, node.durable_content.size(), share, left);
    }
    left.resize(size_bytes);
    return left;
  }

  // The sectors of a write that reach the disk.
  void keep_sectors(const DataChange& change, const Bytes& now, std::size_t durable_bytes,
                    Share share, Bytes& left) {
    if (change.data.empty()) return;
    const std::size_t end = change.offset_bytes + change.data.size();
    for (std::size_t at = change.offset_bytes / sector_bytes * sector_bytes; at < end;
         at += sector_bytes) {
      const MutableByteView sector =
          MutableByteView(left).subspan(at, std::min(sector_bytes, now.size() - at));
      if (draw(share)) {
        std::copy_n(now.begin() + static_cast<std::ptrdiff_t>(at), sector.size(), sector.begin());
      } else if (model_ == CrashModel::posix_512_garbage && at >= durable_bytes &&
                 all_zero(sector)) {
        random_.fill(sector);
      }
    }
  }

  CrashModel model_;
  std::uint64_t seed_;
  Random random_;
  std::map<std::uint64_t, MemoryNodePtr> left_;
};

}  // namespace

std::string_view crash_model_name(CrashModel model) {
  switch (model) {
    case CrashModel::ordered: return "ordered";
    case CrashModel::posix_512: return "posix_512";
    case CrashModel::posix_512_garbage: break;
  }
  return "posix_512_garbage";
}

std::unique_ptr<MemoryFileSystem> after_crash(const MemoryFileSystem& crashed, CrashModel model,
                                              std::uint64_t seed) {
  return std::make_unique<MemoryFileSystem>(Survivors(model, seed).of(*crashed.root()));
}

}  // namespace libregion
