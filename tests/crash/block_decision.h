// A moment of a crash of one raw extent whose sectors do not depend on each other, and the decision
// of one of its blocks in all states that are possible then.

#pragma once

#include <optional>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/raw_layout.h"
#include "tests/crash/extent_promise.h"
#include "tests/support/crash_states.h"

namespace libregion {

// The extent's reader upon these bytes, which may change; nullptr where there is anything to be
// said against the extent as a whole.
std::unique_ptr<ExtentReader> reader_of(const Bytes& content, const Geometry& geometry);

// Sectors, as places in the list of those that may have several versions, and a version of each.
using SectorList = std::vector<std::size_t>;
using Versions = std::vector<std::uint32_t>;

class ExtentCrashPoint {
 public:
  ExtentCrashPoint(const MemoryNode& file, CrashModel model);
  // All is durable, in sectors of this size, up to put_sector.
  ExtentCrashPoint(Bytes content, std::size_t sector_bytes)
      : sector_bytes_(sector_bytes), content_(std::move(content)) {}
  // Puts the first of its versions there, and the others besides.
  void put_sector(const SectorVersions& sector);

  [[nodiscard]] std::size_t sector_bytes() const { return sector_bytes_; }
  [[nodiscard]] std::uint64_t number_of(std::size_t sector) const {
    return sectors_[sector].number;
  }
  [[nodiscard]] std::size_t sector_count() const { return sectors_.size(); }
  // Differs where a sector's versions do.
  [[nodiscard]] std::uint64_t key_of(std::size_t sector) const { return keys_[sector]; }
  [[nodiscard]] Versions version_counts(const SectorList& list) const;
  // Those among the bytes, in ascending order.
  [[nodiscard]] SectorList sectors_of(std::uint64_t offset_bytes, std::uint64_t length_bytes) const;

  // What is durable, with those versions upon it that were put there.
  [[nodiscard]] const Bytes& content() const { return content_; }
  void put(const SectorList& list, const Versions& versions);
  void put_durable(const SectorList& list) { put(list, Versions(list.size())); }

 private:
  std::size_t sector_bytes_;
  std::vector<SectorVersions> sectors_;
  std::vector<std::uint64_t> keys_;
  Bytes content_;
};

class BlockDecision {
 public:
  BlockDecision(ExtentCrashPoint& point, const Geometry& geometry, std::uint64_t block,
                const ExtentPromise& promise);

  // Whether anything that it is read from lies there.
  static bool depends_on(ByteRange bytes, const Geometry& geometry, std::uint64_t block);

  // The same for all that is decided alike.
  [[nodiscard]] std::uint64_t key() const;

  // Reads the block in every combination of the versions of its sectors, until one is bad. Returns
  // that one, as a version of each sector of the extent.
  std::optional<Versions> find_bad();
  [[nodiscard]] std::uint64_t read_count() const { return read_count_; }
  [[nodiscard]] std::uint64_t torn_count() const { return torn_count_; }

 private:
  // A combination of the versions of the data's sectors, for all that a reader cannot tell from it.
  struct DataClass {
    Versions versions;
    std::uint64_t count = 0;
  };

  [[nodiscard]] ByteView slot(ContextSlot array) const;
  [[nodiscard]] ByteView data() const;
  [[nodiscard]] std::vector<std::uint64_t> known_hashes();
  [[nodiscard]] std::vector<DataClass> data_classes();
  [[nodiscard]] bool is_bad(ExtentReader* reader, const DataClass& data);

  ExtentCrashPoint& point_;
  const Geometry& geometry_;
  RawLayout layout_;
  std::uint64_t block_;
  const ExtentPromise& promise_;
  SectorList tail_sectors_;  // of its bit, and of the metadata
  SectorList slot_sectors_;
  SectorList data_sectors_;
  std::uint64_t read_count_ = 0;
  std::uint64_t torn_count_ = 0;
};

}  // namespace libregion
