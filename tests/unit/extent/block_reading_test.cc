// How blocks are read: holes are not, views that tear are read again, what follows is read along,
// and integrity hashes come with those that are asked for them.

#include <doctest/doctest.h>

#include "libregion/extent/raw_extent.h"
#include "libregion/format/integrity.h"
#include "tests/support/random.h"
#include "tests/unit/extent/byte_file.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

struct Opened {
  ByteFile::Log log;
  std::unique_ptr<ExtentReader> reader;
};

struct HowToOpen {
  std::uint64_t grain_bytes = 0;  // of holes; none
  bool trusts_holes = true;
  bool gives_views = false;
  bool tears_views = false;
};

std::unique_ptr<Opened> open_raw(const TestRegion& region, const RawExtentBuilder& built,
                                 const HowToOpen& how) {
  auto opened = std::make_unique<Opened>();
  auto file = std::make_unique<ByteFile>(built.bytes(), &opened->log);
  if (how.grain_bytes > 0) file->make_holes(how.grain_bytes);
  if (how.trusts_holes) file->trust_holes();
  if (how.gives_views) file->give_views();
  if (how.tears_views) file->tear_views();
  opened->reader =
      RawExtent::open(std::move(file), region.geometry(), ExtentId{0}, "00/000/000").reader;
  REQUIRE(opened->reader != nullptr);
  opened->log = {};
  return opened;
}

std::vector<ByteRange> reads_of_data(const ByteFile::Log& log, const TestRegion& region) {
  std::vector<ByteRange> reads;
  std::copy_if(log.reads.begin(), log.reads.end(), std::back_inserter(reads),
               [&](const ByteRange& read) {
                 return read.offset_bytes < region.geometry().extent_data_bytes();
               });
  return reads;
}

std::uint64_t data_bytes_read(const ByteFile::Log& log, const TestRegion& region) {
  std::uint64_t count = 0;
  for (const ByteRange& read : reads_of_data(log, region)) count += read.length_bytes;
  return count;
}

bool same(const std::vector<SeenBlock>& left, const std::vector<SeenBlock>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const SeenBlock& a, const SeenBlock& b) {
                      return a.block == b.block && a.slots == b.slots && a.selected == b.selected &&
                             a.data == b.data && a.data_hash == b.data_hash &&
                             a.slot_a == b.slot_a && a.slot_b == b.slot_b;
                    });
}

bool is_blank(const SeenBlock& seen) {
  return all_zero(seen.data) && all_zero(seen.slot_a) && all_zero(seen.slot_b);
}

// ---- holes --------------------------------------------------------------------------------------

TEST_CASE("an extent that was never written is known to be without a read") {
  const TestRegion region({512, 4000, 1});
  const auto opened = open_raw(region, region.raw(), {4096});
  // The last slots are in one page with the metadata, which are not zero.
  const std::uint64_t unwritten = opened->reader->count_unwritten({0, 4000});
  CHECK(unwritten > 3900);
  CHECK(unwritten < 4000);
  CHECK(opened->reader->count_unwritten({100, 7}) == 7);
  CHECK(opened->log.reads.empty());
  CHECK(opened->log.questions < 10);
}

TEST_CASE("nothing is known of a file whose holes are not trusted") {
  const TestRegion region({512, 4096, 1});
  const auto opened = open_raw(region, region.raw(), {4096, /*trusts_holes=*/false});
  CHECK(opened->reader->count_unwritten({0, 4096}) == 0);
  CHECK(opened->log.questions == 0);
}

TEST_CASE("no block is counted that has data or a slot of any kind, wherever they are") {
  Random random(41);
  const TestRegion region({512, 300, 1});
  std::uint64_t counted = 0;
  std::uint64_t wrong = 0;
  for (int round = 0; round < 100; ++round) {
    RawExtentBuilder built = region.raw();
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      const std::uint64_t block = random.below(300);
      const ContextSlot slot = random.coin() ? ContextSlot::A : ContextSlot::B;
      if (random.coin()) built.set_data(block, region.data_for(block));
      if (random.coin()) built.set_slot_byte(slot, block, random.below(48), 1);
    }
    if (random.coin()) built.set_dirty();
    const auto plain = open_raw(region, built, {});
    const auto holed = open_raw(region, built, {random.coin() ? 512U : 4096U});
    const auto blocks = read_blocks_of(*plain->reader, {0, 300});
    for (std::uint64_t block = 0; block < 300; ++block) {
      const std::uint64_t count = holed->reader->count_unwritten({block, 300 - block});
      REQUIRE(block + count <= 300);
      counted += count;
      for (std::uint64_t i = block; i < block + count; ++i) wrong += is_blank(blocks[i]) ? 0U : 1U;
    }
    // And reading gives the same, holes or not.
    REQUIRE(same(read_blocks_of(*holed->reader, {0, 300}), blocks));
  }
  CHECK(wrong == 0);
  CHECK(counted > 0);
}

TEST_CASE("the data of blocks in a hole are not read, and are zeros with their hash") {
  const TestRegion region({512, 4096, 1});
  RawExtentBuilder built = region.raw();
  built.write(2000, ContextSlot::A);
  const auto opened = open_raw(region, built, {4096});
  const auto blocks = read_blocks_of(*opened->reader, {0, 4096});
  REQUIRE(blocks.size() == 4096);
  CHECK(blocks[2000].data == region.data_for(2000));
  CHECK(all_zero(blocks[3000].data));
  CHECK(blocks[3000].data_hash == on_disk_hash(Bytes(512)));
  CHECK(data_bytes_read(opened->log, region) == 512 << 10);  // one chunk of four
}

TEST_CASE("in a SQLite extent a block with a row is not counted, though its data is a hole") {
  TestRegion region({512, 64, 1});
  region.put_sqlite(0, 0);
  {
    auto service = region.continue_sqlite(0);
    service->write(40, region.data_for(40));
    service->flush(3, 6);
  }
  std::filesystem::resize_file(region.path_of(0), 0);
  std::filesystem::resize_file(region.path_of(0), 64 * 512);
  const auto leaf = open_leaf_of(region);
  const auto opening = SqliteExtent::open(*leaf, ExtentId{0}, parts_in(*leaf, 0), region.geometry(),
                                          Access::read, [](File& file) { file.trust_holes(); });
  REQUIRE(opening.extent != nullptr);
  if (opening.extent->data_file().next_data(0)) return;  // no holes here
  CHECK(opening.extent->count_unwritten({0, 64}) == 40);
  CHECK(opening.extent->count_unwritten({40, 24}) == 0);
  CHECK(opening.extent->count_unwritten({41, 23}) == 23);
}

// ---- views --------------------------------------------------------------------------------------

TEST_CASE("what is seen in a view is what is read") {
  const TestRegion region({512, 1500, 1});
  const auto read = open_raw(region, region.raw().write_all(), {});
  const auto viewed = open_raw(region, region.raw().write_all(), {.gives_views = true});
  viewed->reader->want_views();
  CHECK(same(read_blocks_of(*viewed->reader, {0, 1500}), read_blocks_of(*read->reader, {0, 1500})));
  CHECK(data_bytes_read(viewed->log, region) == 0);
  // Where there are none to be had they are read.
  const auto unseen = open_raw(region, region.raw().write_all(), {});
  unseen->reader->want_views();
  CHECK(same(read_blocks_of(*unseen->reader, {0, 1500}), read_blocks_of(*read->reader, {0, 1500})));
}

TEST_CASE("a view that tears is never shown: the data are read instead") {
  const TestRegion region({512, 1500, 1});
  const auto opened = open_raw(region, region.raw().write_all(), {.tears_views = true});
  opened->reader->want_views();
  for (const SeenBlock& seen : read_blocks_of(*opened->reader, {0, 1500})) {
    REQUIRE(seen.data == region.data_for(seen.block));
    REQUIRE(seen.data_hash == on_disk_hash(seen.data));
  }
}

// ---- large requests -----------------------------------------------------------------------------

TEST_CASE("who reads in order has everything read once, and in few requests") {
  const TestRegion region({32'768, 1024, 1});  // 32 MiB
  const auto opened = open_raw(region, region.raw(), {});
  // As an export does: chunk by chunk.
  for (std::uint64_t block = 0; block < 1024; block += 16) {
    opened->reader->read_blocks({block, 16}, [](const BlockRecord&) {});
  }
  std::uint64_t next = 0;
  for (const ByteRange& read : reads_of_data(opened->log, region)) {
    CHECK(read.offset_bytes == next);
    next = read.end_bytes();
  }
  CHECK(next == region.geometry().extent_data_bytes());
  // 16 of data; the slots, 48 KiB in each array, at once.
  CHECK(opened->log.reads.size() == 16 + 2);
}

TEST_CASE("who reads a block here and there has nothing else read") {
  const TestRegion region({4096, 1024, 1});
  const auto opened = open_raw(region, region.raw(), {});
  for (const std::uint64_t block : {5U, 900U, 17U}) {
    opened->reader->read_blocks({block, 1}, [](const BlockRecord&) {});
  }
  CHECK(opened->log.reads.size() == 9);
  for (const ByteRange& read : opened->log.reads) CHECK(read.length_bytes <= 4096);
}

TEST_CASE("nothing beyond the data is read along with them, be it a hole or the end") {
  const TestRegion region({4096, 1024, 1});
  RawExtentBuilder built = region.raw();
  for (std::uint64_t block = 0; block < 300; ++block) built.write(block, ContextSlot::A);
  const auto opened = open_raw(region, built, {4096});
  read_blocks_of(*opened->reader, {0, 1024});
  // Of the chunk that holds their end the part that follows is zeros; it is read whole.
  CHECK(data_bytes_read(opened->log, region) == 300 * 4096 + 128 * 4096);
}

// ---- integrity hashes ---------------------------------------------------------------------------

TEST_CASE("encrypted blocks whose data match have their integrity hash, where it is asked for") {
  const TestRegion region({512, 200, 1, /*encrypted=*/true});
  RawExtentBuilder built = region.raw();
  for (std::uint64_t block = 0; block < 200; ++block) {
    if (block % 5 != 4)
      built.write_encrypted(block, block % 2 == 0 ? ContextSlot::A : ContextSlot::B);
  }
  built.corrupt_data(10).write(20);
  const auto opened = open_raw(region, built, {});
  opened->reader->read_blocks({0, 200}, [](const BlockRecord& record) {
    REQUIRE_FALSE(record.integrity_hash.has_value());
  });
  opened->reader->want_integrity_hashes();
  std::uint64_t hashed = 0;
  opened->reader->read_blocks({0, 200}, [&](const BlockRecord& record) {
    const bool is_expected = record.block % 5 != 4 && record.block != 10 && record.block != 20;
    REQUIRE(record.integrity_hash.has_value() == is_expected);
    if (!is_expected) return;
    ++hashed;
    REQUIRE(*record.integrity_hash == integrity_hash(*record.context()->encryption, record.data));
    REQUIRE(*record.integrity_hash == record.context()->hash);
  });
  CHECK(hashed == 158);
}

}  // namespace
}  // namespace libregion
