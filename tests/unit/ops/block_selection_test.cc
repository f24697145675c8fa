// Lists of blocks, of the region or of one extent, and shares of the work.

#include "libregion/ops/block_selection.h"

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/ops/shard.h"
#include "libregion/ops/walk.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

const Geometry ten_blocks = std::get<Geometry>(Geometry::make(512, 10));

RegionDefinition definition_of(std::uint32_t extent_count) {
  return {ten_blocks, extent_count, Uuid{}, false};
}

// "3-4,7-7" for each range of an extent.
std::string ranges_of(const BlockSelection& selection, std::uint32_t extent) {
  std::string text;
  for (const BlockRange& range : selection.in_extent(ten_blocks, ExtentId{extent})) {
    if (!text.empty()) text += ",";
    text += std::to_string(range.first) + "-" + std::to_string(range.end() - 1);
  }
  CHECK(selection.touches(ten_blocks, ExtentId{extent}) == !text.empty());
  return text;
}

std::string usage_error(std::string_view list) {
  try {
    (void)BlockSelection::parse(list, std::nullopt);
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.what();
  }
}

TEST_CASE("without a list all blocks are selected") {
  CHECK(BlockSelection().is_all());
  CHECK(ranges_of(BlockSelection(), 3) == "0-9");
  CHECK_NOTHROW(BlockSelection().check_against(definition_of(0)));
}

TEST_CASE("blocks of the region are cut at the borders of extents") {
  const auto selection = BlockSelection::parse("8-21,5,0X1D,40", std::nullopt);
  CHECK(ranges_of(selection, 0) == "5-5,8-9");
  CHECK(ranges_of(selection, 1) == "0-9");
  CHECK(ranges_of(selection, 2) == "0-1,9-9");
  CHECK(ranges_of(selection, 3).empty());
  CHECK(ranges_of(selection, 4) == "0-0");
  CHECK(ranges_of(selection, 0xFFFFFFFF).empty());
  CHECK_NOTHROW(selection.check_against(definition_of(5)));
  CHECK_THROWS_AS(selection.check_against(definition_of(4)), Error);
}

TEST_CASE("blocks of one extent are no other's") {
  const auto selection = BlockSelection::parse("0,9", ExtentId{2});
  CHECK(ranges_of(selection, 2) == "0-0,9-9");
  CHECK(ranges_of(selection, 0).empty());
  CHECK_NOTHROW(selection.check_against(definition_of(3)));
  CHECK_THROWS_AS(BlockSelection::parse("10", ExtentId{2}).check_against(definition_of(3)), Error);
}

TEST_CASE("the largest number is a block that no region has") {
  const auto selection = BlockSelection::parse("18446744073709551615", std::nullopt);
  CHECK(ranges_of(selection, 0xFFFFFFFF).empty());
  CHECK_THROWS_AS(selection.check_against(definition_of(0xFFFFFFFF)), Error);
}

TEST_CASE("what is no list of blocks is refused by name") {
  for (const std::string_view list : {"", "5,", "67D", "1-", "-1", "0x", "00/000/001"}) {
    CAPTURE(list);
    CHECK(usage_error(list).find("no block") != std::string::npos);
  }
  CHECK(usage_error("9-3") == "'9-3': a range runs upwards");
}

TEST_CASE("the totals of a walk are those of what it looks at") {
  const RegionDefinition definition = definition_of(5);
  WalkOptions options;
  CHECK(walk_totals(definition, options).extent_count == 5);
  CHECK(walk_totals(definition, options).data_bytes == 5 * 10 * 512);
  options.blocks = BlockSelection::parse("8-21", std::nullopt);
  CHECK(walk_totals(definition, options).extent_count == 3);
  CHECK(walk_totals(definition, options).data_bytes == 14 * 512);
  options.extents = ExtentSelection::parse("2-4");
  CHECK(walk_totals(definition, options).extent_count == 1);
  CHECK(walk_totals(definition, options).data_bytes == 2 * 512);
}

TEST_CASE("a share is XXH64 of UUID and extent, modulo their number") {
  // As another implementation of XXH64 shares them out.
  const Uuid uuid = *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592");
  std::string shares;
  for (std::uint32_t extent = 0; extent < 16; ++extent) {
    for (std::uint64_t index = 0; index < 3; ++index) {
      if (Shard{index, 3}.has(uuid, ExtentId{extent})) shares += std::to_string(index);
    }
  }
  CHECK(shares.size() == 16);
  CHECK(shares == "0010001210102112");
  CHECK(Shard{0, 1}.has(uuid));
}

TEST_CASE("the shares cover everything once") {
  Random random(7);
  for (const std::uint64_t count : {1ULL, 2ULL, 3ULL, 10ULL, 64ULL}) {
    for (int i = 0; i < 50; ++i) {
      Uuid uuid;
      random.fill(uuid.bytes);
      const ExtentId extent{static_cast<std::uint32_t>(random.below(1U << 31U))};
      std::uint64_t regions = 0;
      std::uint64_t extents = 0;
      for (std::uint64_t index = 0; index < count; ++index) {
        regions += Shard{index, count}.has(uuid) ? 1U : 0U;
        extents += Shard{index, count}.has(uuid, extent) ? 1U : 0U;
      }
      CHECK(regions == 1);
      CHECK(extents == 1);
    }
  }
}

}  // namespace
}  // namespace libregion
