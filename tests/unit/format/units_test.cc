#include "libregion/format/units.h"

#include <limits>

#include <doctest/doctest.h>

#include "tests/unit/base/throwing_assertions.h"

namespace libregion {
namespace {

Geometry geometry(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks));
}

GeometryProblem problem(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks) {
  const auto made = Geometry::make(block_size_bytes, extent_size_blocks);
  REQUIRE(std::holds_alternative<GeometryProblem>(made));
  return std::get<GeometryProblem>(made);
}

constexpr auto block_size_words =
    "a block size of 512, 1024, 2048, 4096, 8192, 16384 or 32768 bytes";

TEST_CASE("a geometry knows its block size, shift and sizes") {
  const Geometry usual = geometry(4096, 16384);
  CHECK(usual.block_size_bytes() == 4096);
  CHECK(usual.shift() == 12);
  CHECK(usual.extent_size_blocks() == 16384);
  CHECK(usual.extent_data_bytes() == 67108864);
  CHECK(usual.block_offset_bytes(0) == 0);
  CHECK(usual.block_offset_bytes(3) == 12288);
  CHECK(usual.block_offset_bytes(16384) == 67108864);
}

TEST_CASE("block sizes are the powers of two from 512 to 32768, shift 9 to 15") {
  for (std::uint32_t shift = 9; shift <= 15; ++shift) {
    CAPTURE(shift);
    CHECK(geometry(std::uint64_t{1} << shift, 1).shift() == shift);
  }
  for (const std::uint64_t size :
       {0UL, 1UL, 256UL, 511UL, 513UL, 768UL, 1000UL, 4095UL, 4097UL, 12288UL, 32767UL, 32769UL,
        65536UL, 1UL << 32U, (1UL << 32U) + 512, 1UL << 63U, ~0UL}) {
    CAPTURE(size);
    CHECK(problem(size, 16).expected == block_size_words);
    CHECK(problem(size, 16).found == std::to_string(size));
  }
}

TEST_CASE("an extent has at least one block") {
  CHECK(geometry(512, 1).extent_size_blocks() == 1);
  CHECK(problem(512, 0).expected == "an extent size of 1 to 1048576 blocks of 512 bytes (512 MiB)");
  CHECK(problem(512, 0).found == "0");
}

TEST_CASE("an extent has at most 512 MiB of blocks, exactly") {
  for (std::uint32_t shift = 9; shift <= 15; ++shift) {
    CAPTURE(shift);
    const std::uint64_t block_size = std::uint64_t{1} << shift;
    const std::uint64_t most = 536870912 / block_size;
    CHECK(geometry(block_size, most).extent_data_bytes() == 536870912);
    CHECK(problem(block_size, most + 1).found == std::to_string(most + 1));
  }
  CHECK(problem(4096, 131073).expected ==
        "an extent size of 1 to 131072 blocks of 4096 bytes (512 MiB)");
}

TEST_CASE("an extent size whose bytes would overflow 64 bits is refused, not wrapped") {
  const std::uint64_t wraps_to_one_block = (std::uint64_t{1} << 52) + 1;
  CHECK(problem(4096, wraps_to_one_block).found == "4503599627370497");
  CHECK(problem(32768, std::numeric_limits<std::uint64_t>::max()).found == "18446744073709551615");
}

TEST_CASE("where both numbers are wrong, the block size is named: the other follows from it") {
  CHECK(problem(100, 0).expected == block_size_words);
}

TEST_CASE("region blocks count over all extents, the largest region's too") {
  CHECK(geometry(512, 7).region_block({0}, 6) == 6);
  CHECK(geometry(512, 7).region_block({1}, 0) == 7);
  CHECK(geometry(4096, 16384).region_block({1661}, 15022) == 27228846);
  CHECK(geometry(512, 1048576).region_block({4294967295}, 1048575) == 4503599627370495);
}

TEST_CASE("a block beyond the extent has no offset") {
  const ThrowingAssertions throwing;
  CHECK_THROWS_AS((void)geometry(512, 7).block_offset_bytes(8), BrokenInvariant);
}

TEST_CASE("a range of blocks ends before its end") {
  CHECK(BlockRange{3, 4}.end() == 7);
  CHECK(BlockRange{0, 0}.end() == 0);
  CHECK(BlockRange{3, 4} == BlockRange{3, 4});
  CHECK(BlockRange{3, 4} != BlockRange{3, 5});
}

TEST_CASE("extents are ordered by number") {
  CHECK(ExtentId{1} < ExtentId{2});
  CHECK(ExtentId{0xFFFFFFFF} > ExtentId{0});
  CHECK(ExtentId{7} == ExtentId{7});
}

}  // namespace
}  // namespace libregion
