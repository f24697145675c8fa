// Where things are in a raw extent, as sums: data, two arrays of 48 bytes a block, one bit a
// block, 32 bytes of metadata.

#include "libregion/format/raw_layout.h"

#include <doctest/doctest.h>

#include "tests/unit/base/throwing_assertions.h"

namespace libregion {
namespace {

RawLayout layout(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks) {
  return RawLayout(std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks)));
}

TEST_CASE("the parts of an extent follow one another without a gap") {
  const RawLayout small = layout(512, 10);
  CHECK(small.slot_array_offset_bytes(ContextSlot::A) == 5120);
  CHECK(small.slot_array_bytes() == 480);
  CHECK(small.slot_array_offset_bytes(ContextSlot::B) == 5120 + 480);
  CHECK(small.bits_offset_bytes() == 5120 + 960);
  CHECK(small.bits_bytes() == 2);
  CHECK(small.metadata_offset_bytes() == 5120 + 960 + 2);
  CHECK(small.tail_bytes() == 2 + 32);
  CHECK(small.file_bytes() == 5120 + 960 + 2 + 32);
}

TEST_CASE("the usual extent: 16384 blocks of 4096 bytes") {
  const RawLayout usual = layout(4096, 16384);
  CHECK(usual.slot_array_offset_bytes(ContextSlot::A) == 67108864);
  CHECK(usual.slot_array_offset_bytes(ContextSlot::B) == 67108864 + 786432);
  CHECK(usual.bits_offset_bytes() == 67108864 + 1572864);
  CHECK(usual.metadata_offset_bytes() == 67108864 + 1572864 + 2048);
  CHECK(usual.file_bytes() == 68683808);
}

TEST_CASE("a context slot is 48 bytes from its neighbour") {
  const RawLayout usual = layout(4096, 16384);
  CHECK(usual.slot_offset_bytes(ContextSlot::A, 0) == 67108864);
  CHECK(usual.slot_offset_bytes(ContextSlot::A, 1) == 67108864 + 48);
  CHECK(usual.slot_offset_bytes(ContextSlot::A, 16383) == 67108864 + 786432 - 48);
  CHECK(usual.slot_offset_bytes(ContextSlot::B, 0) == 67108864 + 786432);
  CHECK(usual.slot_offset_bytes(ContextSlot::B, 16383) == 67108864 + 1572864 - 48);
}

TEST_CASE("an extent's file has N * (B + 96) + ceil(N / 8) + 32 bytes") {
  CHECK(layout(512, 1).file_bytes() == 608 + 1 + 32);
  CHECK(layout(512, 7).file_bytes() == 4256 + 1 + 32);
  CHECK(layout(512, 8).file_bytes() == 4864 + 1 + 32);
  CHECK(layout(512, 9).file_bytes() == 5472 + 2 + 32);
  CHECK(layout(512, 133).file_bytes() == 80864 + 17 + 32);
  CHECK(layout(1024, 16).file_bytes() == 17920 + 2 + 32);
  CHECK(layout(4096, 14).file_bytes() == 58688 + 2 + 32);
  CHECK(layout(32768, 16384).file_bytes() == 538443776 + 2048 + 32);
  CHECK(layout(512, 1048576).file_bytes() == 637534208 + 131072 + 32);
}

TEST_CASE("metadata that a torn write of sectors can split is recognised") {
  // 133 * 608 + 17 = 80881 is 497 bytes into a sector: 15 bytes of metadata in it, 17 after it.
  CHECK(layout(512, 133).metadata_straddles_sector());
  // 5 * 608 + 1 = 3041 is 481 bytes into a sector: one byte too few is left.
  CHECK(layout(512, 5).metadata_straddles_sector());
  // 245 * 608 + 31 = 148991 is 511 bytes into a sector: only dirty is still in it.
  CHECK(layout(512, 245).metadata_straddles_sector());
  CHECK(layout(512, 133).metadata_bytes_in_first_sector() == 15);
  CHECK(layout(512, 5).metadata_bytes_in_first_sector() == 31);
  CHECK(layout(512, 245).metadata_bytes_in_first_sector() == 1);
}

TEST_CASE("metadata within one sector, up to its very end, is not split") {
  // 250 * 608 + 32 = 152032 is 480 bytes into a sector: its last 32 bytes are the metadata.
  CHECK_FALSE(layout(512, 250).metadata_straddles_sector());
  CHECK(layout(512, 250).metadata_bytes_in_first_sector() == 32);
  CHECK_FALSE(layout(512, 1).metadata_straddles_sector());
  CHECK_FALSE(layout(512, 7).metadata_straddles_sector());
  CHECK_FALSE(layout(512, 100).metadata_straddles_sector());
}

TEST_CASE("the usual geometries do not split their metadata") {
  for (std::uint64_t block_size = 512; block_size <= 32768; block_size *= 2) {
    for (std::uint64_t blocks = 4096; blocks * block_size <= 536870912; blocks *= 2) {
      CAPTURE(block_size);
      CAPTURE(blocks);
      CHECK_FALSE(layout(block_size, blocks).metadata_straddles_sector());
    }
  }
}

TEST_CASE("metadata is split exactly where fewer than 32 bytes of its sector are left") {
  for (std::uint64_t blocks = 1; blocks <= 2000; ++blocks) {
    const std::uint64_t into_sector = (blocks * (1024 + 96) + (blocks + 7) / 8) % 512;
    if (layout(1024, blocks).metadata_straddles_sector() != (into_sector > 480)) {
      FAIL(blocks, " blocks");
    }
  }
}

TEST_CASE("a block beyond the extent has no slot") {
  const ThrowingAssertions throwing;
  CHECK_THROWS_AS((void)layout(512, 7).slot_offset_bytes(ContextSlot::A, 7), BrokenInvariant);
}

TEST_CASE("two of every 32 slots lie in two sectors") {
  const RawLayout layout(std::get<Geometry>(Geometry::make(512, 64)));
  std::string found;
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    for (std::uint64_t block = 0; block < 64; ++block) {
      if (!layout.slot_straddles_sector(array, block)) continue;
      found += slot_letter(array) + std::to_string(block) + " ";
    }
  }
  CHECK(found == "A10 A21 A42 A53 B10 B21 B42 B53 ");
}

}  // namespace
}  // namespace libregion
