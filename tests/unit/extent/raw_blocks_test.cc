// Reading the blocks of a raw extent: which slot is the active one.

#include <array>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/format/integrity.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/extent/open_test_extent.h"

namespace libregion {
namespace {

// What a slot holds, seen from the block's data.
enum class Content { empty, matching, stale, bad };
constexpr std::array contents = {Content::empty, Content::matching, Content::stale, Content::bad};

void fill_slot(RawExtentBuilder& built, ContextSlot slot, Content content) {
  switch (content) {
    case Content::empty: return;
    case Content::matching: built.set_slot(slot, 0, plain_context(built.data_for(0))); return;
    case Content::stale: built.set_slot(slot, 0, plain_context(built.data_for(0, 1))); return;
    case Content::bad: built.set_slot_tag(slot, 0, 0x80); return;
  }
}

RawExtentBuilder one_block(Content slot_a, Content slot_b) {
  RawExtentBuilder built(512, 1);
  built.set_data(0, built.data_for(0));
  fill_slot(built, ContextSlot::A, slot_a);
  fill_slot(built, ContextSlot::B, slot_b);
  return built;
}

std::optional<std::size_t> selected_of(const RawExtentBuilder& built) {
  TestRegion region({512, 1, 1});
  region.put_raw(0, built);
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  const auto blocks = read_blocks_of(*opened.reader, {0, 1});
  REQUIRE(blocks.size() == 1);
  return blocks[0].selected;
}

TEST_CASE("in a clean extent the bit alone decides, whatever the slots hold") {
  for (const Content slot_a : contents) {
    for (const Content slot_b : contents) {
      CAPTURE(static_cast<int>(slot_a));
      CAPTURE(static_cast<int>(slot_b));
      RawExtentBuilder built = one_block(slot_a, slot_b);
      CHECK(selected_of(built.select(0, ContextSlot::A)) == 0);
      CHECK(selected_of(built.select(0, ContextSlot::B)) == 1);
    }
  }
}

// Rows: slot A; columns: slot B empty, matching, stale, bad. 0 is A, 1 is B, -1 neither.
constexpr std::array<std::array<int, 4>, 4> dirty_choice = {{
    {0, 1, 0, 0},    // A empty
    {0, 1, 0, 0},    // A matching
    {1, 1, -1, -1},  // A stale
    {1, 1, -1, -1},  // A bad
}};

void check_dirty_choices(const std::function<void(RawExtentBuilder&)>& make_dirty) {
  for (std::size_t a = 0; a < contents.size(); ++a) {
    for (std::size_t b = 0; b < contents.size(); ++b) {
      for (const ContextSlot bit : {ContextSlot::A, ContextSlot::B}) {
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(slot_letter(bit));
        RawExtentBuilder built = one_block(contents[a], contents[b]);
        built.select(0, bit);
        make_dirty(built);
        const auto selected = selected_of(built);
        CHECK((selected ? static_cast<int>(*selected) : -1) == dirty_choice[a][b]);
      }
    }
  }
}

TEST_CASE("in a dirty extent the data decides, whatever the bit says") {
  check_dirty_choices([](RawExtentBuilder& built) { built.set_dirty(); });
}

TEST_CASE("an extent with damaged metadata is read like a dirty one") {
  SUBCASE("a bad dirty byte") {
    check_dirty_choices([](RawExtentBuilder& built) { built.set_dirty(0xFF); });
  }
  SUBCASE("an unknown version") {
    check_dirty_choices([](RawExtentBuilder& built) { built.set_version(3); });
  }
}

TEST_CASE("a block with no slot at all is on slot A, its data not asked") {
  RawExtentBuilder built(512, 1);
  built.set_data(0, built.data_for(0)).set_dirty();
  CHECK(selected_of(built) == 0);
}

TEST_CASE("each block comes with its data, its hash, both slots and their bytes, in order") {
  TestRegion region({512, 12, 1});
  RawExtentBuilder built = region.raw();
  built.write(3, ContextSlot::A)
      .write_encrypted(4, ContextSlot::B)
      .set_slot_tag(ContextSlot::A, 5, 9);
  region.put_raw(0, built);
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  const auto blocks = read_blocks_of(*opened.reader, {2, 4});
  REQUIRE(blocks.size() == 4);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(blocks[i].block == 2 + i);

  CHECK(blocks[0].data == Bytes(512));
  CHECK(blocks[0].slots == std::vector<SlotValue>{EmptySlot{}, EmptySlot{}});
  CHECK(blocks[1].data == built.data_for(3));
  CHECK(blocks[1].data_hash == on_disk_hash(built.data_for(3)));
  CHECK(blocks[1].slots == std::vector<SlotValue>{plain_context(built.data_for(3)), EmptySlot{}});
  CHECK(blocks[1].selected == 0);
  CHECK(blocks[2].slots ==
        std::vector<SlotValue>{EmptySlot{},
                               encrypted_context(built.data_for(4), some_encryption(4))});
  CHECK(blocks[2].selected == 1);
  CHECK(blocks[3].slots == std::vector<SlotValue>{BadSlot{0, 9}, EmptySlot{}});
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto bytes_at = [&](std::uint64_t offset) {
      const ByteView view = ByteView(built.bytes()).subspan(offset, 48);
      return Bytes(view.begin(), view.end());
    };
    CHECK(blocks[i].slot_a == bytes_at(12 * 512UL + 48 * (2 + i)));
    CHECK(blocks[i].slot_b == bytes_at(12 * 512UL + 48UL * 12 + 48 * (2 + i)));
  }
}

TEST_CASE("an extent larger than is read at once is read whole, in order") {
  // 1100 blocks of 1 KiB: more than two chunks of 512 KiB.
  TestRegion region({1024, 1100, 1});
  RawExtentBuilder built = region.raw();
  for (std::uint64_t block = 0; block < 1100; ++block) {
    built.write(block, block % 3 == 0 ? ContextSlot::A : ContextSlot::B);
  }
  region.put_raw(0, built);
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  const auto blocks = read_blocks_of(*opened.reader, {0, 1100});
  REQUIRE(blocks.size() == 1100);
  std::uint64_t wrong = 0;
  for (std::uint64_t block = 0; block < 1100; ++block) {
    const SeenBlock& seen = blocks[block];
    const bool right = seen.block == block && seen.data == built.data_for(block) &&
                       seen.selected == (block % 3 == 0 ? 0U : 1U) &&
                       seen.slots[*seen.selected] == SlotValue(plain_context(seen.data));
    if (!right) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a disk that cannot be read is an error, and the blocks before stand") {
  TestRegion region({1024, 2100, 1});
  region.put_raw(0, region.raw().write_all());
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  const auto leaf = expect_opened(disk.open_directory("/r/00/000"), "/r/00/000");
  const OpenedExtent opened =
      open_extent(*leaf, ExtentId{0}, parts_in(*leaf, 0), region.geometry(), [](File&) {});
  REQUIRE(opened.reader != nullptr);
  // Three large reads, data, slots A and slots B, then slots A of what begins at block 1024.
  disk.add_fault({EIO, CallKind::read, "/r/00/000/000", 3});
  std::uint64_t seen = 0;
  CHECK_THROWS_AS(opened.reader->read_blocks({0, 2100}, [&](const BlockRecord&) { ++seen; }),
                  SystemError);
  CHECK(seen == 1024);
}

TEST_CASE("an extent that is cut off while it is read is an error, not a crash") {
  TestRegion region({512, 12, 1});
  region.put_raw(0, region.raw().write_all());
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  region.put_raw(0, region.raw().resize(100));
  CHECK_THROWS_AS(opened.reader->read_blocks({0, 12}, [](const BlockRecord&) {}), Error);
}

}  // namespace
}  // namespace libregion
