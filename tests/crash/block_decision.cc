#include "tests/crash/block_decision.h"

#include <algorithm>
#include <stdexcept>

#include "libregion/extent/raw_extent.h"
#include "tests/crash/keys.h"

namespace libregion {
namespace {

// A file for the reader, whose bytes are somebody else's.
class ViewedFile : public File {
 public:
  explicit ViewedFile(const Bytes& content) : content_(content) {}

  [[nodiscard]] const std::string& path() const override {
    static const std::string path = "extent";
    return path;
  }
  [[nodiscard]] FileStatus status() const override {
    FileStatus status;
    status.size_bytes = content_.size();
    return status;
  }
  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    if (offset_bytes >= content_.size()) return 0;
    const std::size_t count = std::min<std::size_t>(
        target.size(), content_.size() - static_cast<std::size_t>(offset_bytes));
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset_bytes), count,
                target.begin());
    return count;
  }
  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    if (offset_bytes >= content_.size()) return std::nullopt;
    return ByteRange{offset_bytes, content_.size() - offset_bytes};
  }
  void write(std::uint64_t /*offset_bytes*/, ByteView /*source*/) override { refuse(); }
  void resize(std::uint64_t /*size_bytes*/) override { refuse(); }
  void sync() override { refuse(); }
  Grant take_lease(Access /*against*/) override { return Grant::unsupported; }
  [[nodiscard]] bool lease_is_broken() const override { return false; }
  void release_lease() override {}

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("a reader does not write"); }

  const Bytes& content_;
};

}  // namespace

std::unique_ptr<ExtentReader> reader_of(const Bytes& content, const Geometry& geometry) {
  auto opened =
      RawExtent::open(std::make_unique<ViewedFile>(content), geometry, ExtentId{0}, "extent");
  return opened.findings.empty() ? std::move(opened.reader) : nullptr;
}

namespace {

// Calls visit(digits) for every combination of digits below the limits, until it returns false.
template <class Visit>
bool for_each_combination(const Versions& limits, const Visit& visit) {
  Versions digits(limits.size());
  while (true) {
    if (!visit(digits)) return false;
    std::size_t i = 0;
    while (i < digits.size() && ++digits[i] == limits[i]) digits[i++] = 0;
    if (i == digits.size()) return true;
  }
}

void add(const SectorList& more, SectorList& list) {
  for (const std::size_t sector : more) {
    if (std::find(list.begin(), list.end(), sector) == list.end()) list.push_back(sector);
  }
}

void remove_those_in(const SectorList& other, SectorList& list) {
  list.erase(std::remove_if(list.begin(), list.end(),
                            [&](std::size_t sector) {
                              return std::find(other.begin(), other.end(), sector) != other.end();
                            }),
             list.end());
}

std::uint64_t sector_key(const SectorVersions& sector) {
  Key key;
  key.add(sector.number);
  for (const Bytes& version : sector.versions) key.add(version);
  return key.value();
}

bool overlap(ByteRange a, ByteRange b) {
  return a.offset_bytes < b.end_bytes() && b.offset_bytes < a.end_bytes();
}

}  // namespace

// ---- the extent ---------------------------------------------------------------------------------

ExtentCrashPoint::ExtentCrashPoint(const MemoryNode& file, CrashModel model)
    : sector_bytes_(0), content_(file.durable_content) {
  const FileStates states(file, model);
  if (states.shapes().size() != 1) throw std::logic_error("an extent has changed its size");
  sector_bytes_ = states.sector_bytes();
  sectors_ = states.shapes()[0].sectors;
  for (const SectorVersions& sector : sectors_) keys_.push_back(sector_key(sector));
}

void ExtentCrashPoint::put_sector(const SectorVersions& sector) {
  const auto place = std::lower_bound(
      sectors_.begin(), sectors_.end(), sector.number,
      [](const SectorVersions& other, std::uint64_t number) { return other.number < number; });
  const std::ptrdiff_t index = place - sectors_.begin();
  if (place != sectors_.end() && place->number == sector.number) {
    *place = sector;
    keys_[static_cast<std::size_t>(index)] = sector_key(sector);
  } else {
    sectors_.insert(place, sector);
    keys_.insert(keys_.begin() + index, sector_key(sector));
  }
  put_durable({static_cast<std::size_t>(index)});
}

Versions ExtentCrashPoint::version_counts(const SectorList& list) const {
  Versions counts;
  for (const std::size_t sector : list) {
    counts.push_back(static_cast<std::uint32_t>(sectors_[sector].versions.size()));
  }
  return counts;
}

SectorList ExtentCrashPoint::sectors_of(std::uint64_t offset_bytes,
                                        std::uint64_t length_bytes) const {
  const std::uint64_t first = offset_bytes / sector_bytes_;
  const std::uint64_t last = (offset_bytes + length_bytes - 1) / sector_bytes_;
  SectorList list;
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    if (sectors_[i].number >= first && sectors_[i].number <= last) list.push_back(i);
  }
  return list;
}

void ExtentCrashPoint::put(const SectorList& list, const Versions& versions) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const SectorVersions& sector = sectors_[list[i]];
    const std::uint64_t begin = sector.number * sector_bytes_;
    std::copy_n(sector.versions[versions[i]].begin(),
                std::min<std::uint64_t>(sector_bytes_, content_.size() - begin),
                content_.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

// ---- a block ------------------------------------------------------------------------------------

BlockDecision::BlockDecision(ExtentCrashPoint& point, const Geometry& geometry, std::uint64_t block,
                             const ExtentPromise& promise)
    : point_(point), geometry_(geometry), layout_(geometry), block_(block), promise_(promise) {
  add(point.sectors_of(layout_.bits_offset_bytes() + block / 8, 1), tail_sectors_);
  add(point.sectors_of(layout_.metadata_offset_bytes(), metadata_bytes), tail_sectors_);
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    add(point.sectors_of(layout_.slot_offset_bytes(array, block), context_slot_bytes),
        slot_sectors_);
  }
  add(point.sectors_of(geometry.block_offset_bytes(block), geometry.block_size_bytes()),
      data_sectors_);
  remove_those_in(tail_sectors_, slot_sectors_);
  remove_those_in(tail_sectors_, data_sectors_);
  remove_those_in(slot_sectors_, data_sectors_);
}

bool BlockDecision::depends_on(ByteRange bytes, const Geometry& geometry, std::uint64_t block) {
  const RawLayout layout(geometry);
  const auto slot = [&](ContextSlot array) {
    return ByteRange{layout.slot_offset_bytes(array, block), context_slot_bytes};
  };
  return overlap(bytes, {layout.bits_offset_bytes() + block / 8, 1}) ||
         overlap(bytes, {layout.metadata_offset_bytes(), metadata_bytes}) ||
         overlap(bytes, slot(ContextSlot::A)) || overlap(bytes, slot(ContextSlot::B)) ||
         overlap(bytes, {geometry.block_offset_bytes(block), geometry.block_size_bytes()});
}

ByteView BlockDecision::slot(ContextSlot array) const {
  return ByteView(point_.content())
      .subspan(layout_.slot_offset_bytes(array, block_), context_slot_bytes);
}

ByteView BlockDecision::data() const {
  return ByteView(point_.content())
      .subspan(geometry_.block_offset_bytes(block_), geometry_.block_size_bytes());
}

std::uint64_t BlockDecision::key() const {
  const ByteView content(point_.content());
  Key key;
  key.add(block_).add(promise_.key()).add(promise_.key_of(block_));
  key.add(content.subspan(layout_.metadata_offset_bytes(), metadata_bytes));
  key.add(content.subspan(layout_.bits_offset_bytes() + block_ / 8, 1));
  key.add(slot(ContextSlot::A)).add(slot(ContextSlot::B)).add(data());
  for (const SectorList* list : {&tail_sectors_, &slot_sectors_, &data_sectors_}) {
    for (const std::size_t sector : *list) key.add(point_.key_of(sector));
  }
  return key.value();
}

// Of data that the reader could find a context for, or that was promised.
std::vector<std::uint64_t> BlockDecision::known_hashes() {
  std::vector<std::uint64_t> hashes;
  for (const BlockVersion& version : promise_.blocks[block_]) hashes.push_back(version.data_hash);
  const SectorList* const lists[] = {&tail_sectors_, &slot_sectors_};
  SectorList sectors;
  for (const SectorList* list : lists) add(*list, sectors);
  for_each_combination(point_.version_counts(sectors), [&](const Versions& versions) {
    point_.put(sectors, versions);
    for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
      const SlotValue value = decode_context_slot(SlotView(slot(array)));
      const auto* context = std::get_if<BlockContext>(&value);
      if (context != nullptr) hashes.push_back(context->on_disk_hash);
    }
    return true;
  });
  point_.put_durable(sectors);
  return hashes;
}

std::vector<BlockDecision::DataClass> BlockDecision::data_classes() {
  std::vector<DataClass> classes;
  if (data_sectors_.size() < 2) {
    for_each_combination(point_.version_counts(data_sectors_), [&](const Versions& versions) {
      classes.push_back({versions, 1});
      return true;
    });
    return classes;
  }
  const auto known = known_hashes();
  std::vector<std::pair<std::uint64_t, std::size_t>> class_of;  // a hash, 0 for all others
  for_each_combination(point_.version_counts(data_sectors_), [&](const Versions& versions) {
    point_.put(data_sectors_, versions);
    std::uint64_t hash = on_disk_hash(data());
    if (std::find(known.begin(), known.end(), hash) == known.end()) hash = 0;
    auto found = std::find_if(class_of.begin(), class_of.end(),
                              [&](const auto& entry) { return entry.first == hash; });
    if (found == class_of.end()) {
      found = class_of.emplace(class_of.end(), hash, classes.size());
      classes.push_back({versions, 0});
    }
    ++classes[found->second].count;
    return true;
  });
  point_.put_durable(data_sectors_);
  return classes;
}

bool BlockDecision::is_bad(ExtentReader* reader, const DataClass& data) {
  ++read_count_;
  if (reader == nullptr) return true;
  point_.put(data_sectors_, data.versions);
  Verdict verdict = Verdict::bad;
  reader->read_blocks({block_, 1}, [&](const BlockRecord& record) {
    verdict = promise_.judge(record, reader->metadata());
  });
  if (verdict == Verdict::torn) torn_count_ += data.count;
  return verdict == Verdict::bad;
}

std::optional<Versions> BlockDecision::find_bad() {
  const std::vector<DataClass> classes = data_classes();
  std::optional<Versions> bad;
  const auto note = [&](const SectorList& list, const Versions& versions) {
    for (std::size_t i = 0; i < list.size(); ++i) (*bad)[list[i]] = versions[i];
  };
  for_each_combination(point_.version_counts(tail_sectors_), [&](const Versions& tail) {
    point_.put(tail_sectors_, tail);
    const auto reader = reader_of(point_.content(), geometry_);
    return for_each_combination(point_.version_counts(slot_sectors_), [&](const Versions& slots) {
      point_.put(slot_sectors_, slots);
      const auto found = std::find_if(classes.begin(), classes.end(), [&](const DataClass& data) {
        return is_bad(reader.get(), data);
      });
      if (found == classes.end()) return true;
      bad.emplace(point_.sector_count());
      note(tail_sectors_, tail);
      note(slot_sectors_, slots);
      note(data_sectors_, found->versions);
      return false;
    });
  });
  for (const SectorList* list : {&tail_sectors_, &slot_sectors_, &data_sectors_}) {
    point_.put_durable(*list);
  }
  return bad;
}

}  // namespace libregion
