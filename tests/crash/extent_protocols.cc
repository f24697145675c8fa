#include "tests/crash/extent_protocols.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <stdexcept>

#include "libregion/base/error.h"
#include "tests/crash/extent_crasher.h"
#include "tests/crash/forwarding_file.h"
#include "tests/crash/geometries.h"

namespace libregion {
namespace {

// Which part of the file a write is of, for a file of blocks that are all of one size.
constexpr std::uint64_t slot_bytes_max = std::uint64_t{10} * context_slot_bytes;

// Data first: slots are held back until data was written.
class ContextsLast : public ForwardingFile {
 public:
  using ForwardingFile::ForwardingFile;
  void write(std::uint64_t offset_bytes, ByteView source) override {
    if (source.size() % context_slot_bytes == 0 && source.size() <= slot_bytes_max) {
      held_[offset_bytes] = Bytes(source.begin(), source.end());
      return;
    }
    ForwardingFile::write(offset_bytes, source);
    release();
  }
  void sync() override {
    release();
    ForwardingFile::sync();
  }

 private:
  void release() {
    for (const auto& [offset_bytes, bytes] : held_) ForwardingFile::write(offset_bytes, bytes);
    held_.clear();
  }

  std::map<std::uint64_t, Bytes> held_;
};

// Bits and metadata in one write, wherever records end.
class TailAtOnce : public ForwardingFile {
 public:
  using ForwardingFile::ForwardingFile;
  void write(std::uint64_t offset_bytes, ByteView source) override {
    const bool is_end = offset_bytes + source.size() == status().size_bytes;
    if (is_end && source.size() < metadata_bytes) {
      held_.assign(source.begin(), source.end());
      return;
    }
    Bytes all(source.begin(), source.end());
    if (offset_bytes + source.size() + held_.size() == status().size_bytes) {
      all.insert(all.end(), held_.begin(), held_.end());
      held_.clear();
    }
    ForwardingFile::write(offset_bytes, all);
  }

 private:
  Bytes held_;
};

// Where a sync fails, another one is believed.
class RetriedSync : public ForwardingFile {
 public:
  RetriedSync(std::unique_ptr<File> file, MemoryFileSystem& disk)
      : ForwardingFile(std::move(file)), disk_(disk) {}
  void sync() override {
    try {
      ForwardingFile::sync();
    } catch (const Error&) {
      // With a descriptor of its own, as what has seen the failure refuses to go on.
      const auto root = expect_opened(disk_.open_directory("/r"), "/r");
      forward_to(open_file_in(*root, "00/000/000", Access::read_write));
      ForwardingFile::sync();
    }
  }

 private:
  MemoryFileSystem& disk_;
};

std::unique_ptr<File> contexts_last(std::unique_ptr<File> file, MemoryFileSystem& /*disk*/) {
  return std::make_unique<ContextsLast>(std::move(file));
}

std::unique_ptr<File> tail_at_once(std::unique_ptr<File> file, MemoryFileSystem& /*disk*/) {
  return std::make_unique<TailAtOnce>(std::move(file));
}

// The first sync after the opening and the dirty mark fails.
std::unique_ptr<File> retried(std::unique_ptr<File> file, MemoryFileSystem& disk) {
  disk.add_fault({EIO, CallKind::sync_file, ExtentSession::path, 2});
  return std::make_unique<RetriedSync>(std::move(file), disk);
}

std::vector<BrokenProtocol> make_broken_protocols() {
  const auto crucible = [](const char* name) { return ExtentProtocol{name, WriteOrdering::zfs}; };
  std::vector<BrokenProtocol> all;
  const auto add = [&](ExtentProtocol protocol, CrashModel model, const char* what) {
    all.push_back({std::move(protocol), model, what});
  };
  ExtentProtocol protocol = crucible("dirty-mark-not-synced");
  protocol.without_sync = "dirty mark";
  add(protocol, CrashModel::zfs,
      "the dirty mark is written, but not synced, before data is: Crucible until late 2025");
  protocol = crucible("two-unsynced-writes");
  protocol.without_sync = "before a second write";
  add(protocol, CrashModel::zfs,
      "a block is written twice between two syncs: the first version of Crucible's raw extents");
  add(crucible("crucible-elsewhere"), CrashModel::posix_512,
      "dirty is cleared in one write with the bits, where writes are not ordered: Crucible's "
      "protocol on ext4");
  add(crucible("crucible-on-pages"), CrashModel::posix_4k, "the same, where pages are not torn");
  protocol = {"service-defragments-before-mark"};
  protocol.defragment_threshold = 0;
  protocol.without_sync = "dirty mark";
  add(protocol, CrashModel::posix_512,
      "after a defragmentation slots are written over that the bits on disk still name");
  protocol = {"contexts-not-synced"};
  protocol.without_sync = "slots";
  add(protocol, CrashModel::posix_512, "contexts and data are written between the same two syncs");
  protocol = crucible("contexts-last");
  protocol.wrap = contexts_last;
  add(protocol, CrashModel::ordered,
      "data is written before its checksum: the write hole of storage with checksums beside data");
  protocol = {"flush-in-one-sync"};
  protocol.without_sync = "flush: bits";
  add(protocol, CrashModel::posix_512, "dirty is cleared before data and bits are synced");
  protocol = {"acknowledged-early"};
  protocol.without_sync = "flush: metadata";
  add(protocol, CrashModel::ordered, "a flush is acknowledged before its last sync");
  protocol = crucible("failed-sync-retried");
  protocol.wrap = retried;
  add(protocol, CrashModel::ordered,
      "a sync that failed is done again and believed: PostgreSQL until 2018, and others");
  protocol = {"cache-believed"};
  protocol.without_sync = "open";
  add(protocol, CrashModel::posix_512,
      "what a killed process left in the cache is taken for what is on disk");
  protocol = {"bits-before-slots"};
  protocol.without_sync = "defragment: slots copied";
  add(protocol, CrashModel::posix_512, "bits name slots that are not durable yet");
  protocol = {"slots-not-emptied"};
  protocol.empties_slots = false;
  add(protocol, CrashModel::posix_512,
      "slots that lie in two sectors are copied without being emptied first: half of one matches");
  protocol = {"copies-not-emptied"};
  protocol.without_sync = "copies emptied";
  add(protocol, CrashModel::posix_512,
      "after a defragmentation a context is written over a copy of the one that counts");
  protocol = crucible("copies-lie-in-two-records");
  protocol.without_sync = "copies emptied";
  add(protocol, CrashModel::zfs_512,
      "the same on ZFS, of a context that lies in two records: Crucible, which does not empty it");
  protocol = crucible("metadata-lie-in-two-records");
  protocol.wrap = tail_at_once;
  add(protocol, CrashModel::zfs_512,
      "dirty is cleared in one write with numbers that lie in the next record: Crucible, in "
      "extents of such a size");
  all.back().block_counts = {torn_metadata_geometry().extent_size_blocks()};
  return all;
}

}  // namespace

const std::vector<BrokenProtocol>& broken_protocols() {
  static const std::vector<BrokenProtocol> all = make_broken_protocols();
  return all;
}

ExtentProtocol without_sync(const ExtentProtocol& protocol, const std::string& label) {
  ExtentProtocol mutant = protocol;
  mutant.without_sync = label;
  mutant.name += "-without:" + label;
  std::replace(mutant.name.begin(), mutant.name.end(), ' ', '_');
  return mutant;
}

ExtentProtocol protocol_named(const std::string& name) {
  for (const ExtentSuite& suite : extent_suites()) {
    if (suite.protocol.name == name) return suite.protocol;
    const std::string prefix = suite.protocol.name + "-without:";
    if (!name.starts_with(prefix)) continue;
    std::string label = name.substr(prefix.size());
    std::replace(label.begin(), label.end(), '_', ' ');
    return without_sync(suite.protocol, label);
  }
  for (const BrokenProtocol& broken : broken_protocols()) {
    if (broken.protocol.name == name) return broken.protocol;
  }
  throw std::runtime_error("there is no protocol " + name);
}

}  // namespace libregion
