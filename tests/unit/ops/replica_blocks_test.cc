// All replicas of an extent, block by block: every state there is, both formats, and the disk's
// failures.

#include "libregion/ops/replica_blocks.h"

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/extent/open_test_extent.h"
#include "tests/unit/ops/hooked_file_system.h"

namespace libregion {
namespace {

using Texts = std::vector<std::string>;

std::string text_of(const ReplicaBlock& block) {
  std::string text(block_state_name(block.state));
  if (block.proof) text += " by " + std::to_string(*block.proof);
  return text;
}

// "3: valid by 1 | absent" for each block of the range.
Texts read(const std::vector<ExtentReader*>& readers, const Geometry& geometry, BlockRange range,
           Texts* skipped = nullptr) {
  Texts seen;
  ReplicaBlocks blocks(readers, geometry);
  blocks.read(
      range,
      [&](std::uint64_t block, std::span<const ReplicaBlock> replicas) {
        std::string text = std::to_string(block) + ":";
        for (const ReplicaBlock& replica : replicas) {
          CHECK(replica.record.block == block);
          CHECK(replica.has_data() == !replica.record.data.empty());
          text += (text.ends_with(":") ? " " : " | ") + text_of(replica);
        }
        seen.push_back(text);
      },
      [&](std::size_t replica, std::uint64_t block, const Error&) {
        if (skipped == nullptr) FAIL("the disk failed");
        skipped->push_back(std::to_string(replica) + "/" + std::to_string(block));
      });
  return seen;
}

// The states of the first blocks of a raw extent, each damaged in its way.
RawExtentBuilder every_state(const TestRegion& region) {
  RawExtentBuilder built = region.raw();
  built.write(0, ContextSlot::B);
  // Block 1 was never written.
  built.write(2, ContextSlot::A).flip_active_bit(2);
  built.write_encrypted(3, ContextSlot::A).corrupt_slot_byte(ContextSlot::A, 3, 1);
  built.write(4, ContextSlot::B).corrupt_data(4);
  built.set_data(5, region.data_for(5));
  built.write(6, ContextSlot::A).set_slot_tag(ContextSlot::A, 6, 2);
  built.write_encrypted(7, ContextSlot::B);
  return built;
}

TEST_CASE("every state of a block of a clean raw extent") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, every_state(region));
  const auto opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  CHECK(read({opened.reader.get(), nullptr}, region.geometry(), {0, 8}) ==
        Texts{"0: valid by 1 | absent", "1: unwritten | absent", "2: wrong_slot by 0 | absent",
              "3: integrity_mismatch | absent", "4: no_match | absent",
              "5: data_without_context | absent", "6: no_match | absent",
              "7: valid by 1 | absent"});
}

TEST_CASE("a dirty raw extent is judged by its data alone") {
  TestRegion region({512, 8, 1});
  RawExtentBuilder built = region.raw();
  built.write(0, ContextSlot::A).flip_active_bit(0);
  built.write(1, ContextSlot::A).corrupt_data(1);
  built.write(2, ContextSlot::A).write(2, ContextSlot::B, 1).corrupt_data(2);
  built.set_dirty();
  region.put_raw(0, built);
  const auto opened = open_extent_of(region, 0);
  CHECK(read({opened.reader.get()}, region.geometry(), {0, 4}) ==
        Texts{"0: valid by 0", "1: data_without_context", "2: no_match", "3: unwritten"});
}

TEST_CASE("what is shown of a block is what its reader shows") {
  TestRegion region({512, 8, 2});
  region.put_raw(0, every_state(region));
  region.put_sqlite(1, 5);
  const auto raw = open_extent_of(region, 0);
  const auto sqlite = open_extent_of(region, 1);
  const std::vector<std::vector<SeenBlock>> expected = {read_blocks_of(*raw.reader, {0, 8}),
                                                        read_blocks_of(*sqlite.reader, {0, 8})};
  ReplicaBlocks blocks({raw.reader.get(), sqlite.reader.get()}, region.geometry());
  std::uint64_t count = 0;
  blocks.read(
      {0, 8},
      [&](std::uint64_t block, std::span<const ReplicaBlock> replicas) {
        ++count;
        CHECK(replicas[0].is_raw);
        CHECK_FALSE(replicas[1].is_raw);
        for (std::size_t i = 0; i < 2; ++i) {
          const BlockRecord& record = replicas[i].record;
          const SeenBlock& seen = expected[i][block];
          CHECK(std::equal(record.slots.begin(), record.slots.end(), seen.slots.begin(),
                           seen.slots.end()));
          CHECK(record.selected == seen.selected);
          CHECK(record.data_hash == seen.data_hash);
          CHECK(to_text(record.data) == to_text(seen.data));
          CHECK(to_text(record.slot_bytes[0]) == to_text(seen.slot_a));
          CHECK(to_text(record.slot_bytes[1]) == to_text(seen.slot_b));
        }
      },
      [](std::size_t, std::uint64_t, const Error&) { FAIL("the disk failed"); });
  CHECK(count == 8);
}

TEST_CASE("rows of a SQLite extent: one that matches, none, stale ones, a single wrong one") {
  TestRegion region({512, 8, 2});
  auto writer = region.make_sqlite(0);
  writer->write(0, region.data_for(0));
  writer->flush(1, 1);
  writer->write(0, region.data_for(0, 1));
  writer->write(1, region.data_for(1), std::nullopt, /*data_arrives=*/false);
  writer->write(2, region.data_for(2), some_encryption(4));
  writer->die();
  const auto dirty = open_extent_of(region, 0);
  CHECK(read({dirty.reader.get()}, region.geometry(), {0, 4}) ==
        Texts{"0: valid by 1", "1: unwritten", "2: valid by 0", "3: unwritten"});

  region.put_sqlite(1, 4);
  Bytes data = region.file("00/000/001");
  data[512] ^= std::byte{1};
  data[5 * 512] = std::byte{1};
  region.put_file("00/000/001", data);
  const auto clean = open_extent_of(region, 1);
  CHECK(read({clean.reader.get()}, region.geometry(), {0, 8}) ==
        Texts{"0: valid by 0", "1: no_match", "2: valid by 0", "3: valid by 0", "4: unwritten",
              "5: data_without_context", "6: unwritten", "7: unwritten"});
}

TEST_CASE("a short data file: the blocks behind its end are absent") {
  TestRegion region({512, 8, 1});
  region.put_sqlite(0, 8);
  Bytes data = region.file("00/000/000");
  data.resize(6 * 512);
  region.put_file("00/000/000", data);
  const auto opened = open_extent_of(region, 0);
  CHECK(read({opened.reader.get()}, region.geometry(), {5, 3}) ==
        Texts{"5: valid by 0", "6: absent", "7: absent"});
}

TEST_CASE("more blocks than are in hand at a time, of any stretch of the extent") {
  TestRegion region({32768, 40, 2});
  region.put_raw(0, region.raw().write_all());
  region.put_raw(1, region.raw().write_all(ContextSlot::A).corrupt_data(17));
  const auto left = open_extent_of(region, 0);
  const auto right = open_extent_of(region, 1);
  const Texts seen = read({left.reader.get(), right.reader.get()}, region.geometry(), {3, 30});
  REQUIRE(seen.size() == 30);
  CHECK(seen.front() == "3: valid by 1 | valid by 0");
  CHECK(seen[14] == "17: valid by 1 | no_match");
  CHECK(seen.back() == "32: valid by 1 | valid by 0");
}

TEST_CASE("a block that the disk does not give hides no other block and no other replica") {
  TestRegion region({512, 8, 2});
  region.put_raw(0, region.raw().write_all());
  region.put_raw(1, region.raw().write_all());
  PosixFileSystem posix;
  HookedFileSystem file_system(posix);
  file_system.hooks.before_read = [](const std::string& path, std::uint64_t offset_bytes) {
    const bool is_bad = path.ends_with("001") && offset_bytes <= 1024 && offset_bytes % 512 == 0;
    if (is_bad && offset_bytes != 512) throw Error(ErrorKind::failed, "bad sector");
  };
  const std::string path = region.path_of("00/000");
  const auto leaf = expect_opened(file_system.open_directory(path), path);
  const auto open = [&](std::uint32_t extent) {
    return open_extent(*leaf, ExtentId{extent}, parts_in(*leaf, extent), region.geometry(),
                       [](File&) {});
  };
  const auto left = open(0);
  const auto right = open(1);
  Texts skipped;
  CHECK(read({left.reader.get(), right.reader.get()}, region.geometry(), {0, 4}, &skipped) ==
        Texts{"0: valid by 1 | unreadable", "1: valid by 1 | valid by 1",
              "2: valid by 1 | unreadable", "3: valid by 1 | valid by 1"});
  CHECK(skipped == Texts{"1/0", "1/2"});
}

}  // namespace
}  // namespace libregion
