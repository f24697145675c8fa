// Opening a raw extent: what its size, its metadata and its bits are found to be.

#include "libregion/extent/raw_extent.h"

#include <doctest/doctest.h>

#include "tests/unit/extent/open_test_extent.h"

namespace libregion {
namespace {

// 12 blocks of 512 bytes: data 6144, slots A from 6144, slots B from 6720, bits 7296 and 7297,
// metadata from 7298; 7330 bytes.
constexpr TestRegionOptions twelve_blocks = {512, 12, 1};
constexpr std::uint64_t file_bytes = 12 * (512 + 96) + 2 + 32;
constexpr std::uint64_t metadata_at = file_bytes - 32;

struct RawOpening {
  explicit RawOpening(const RawExtentBuilder& built) : region(twelve_blocks) {
    region.put_raw(0, built);
    opened = open_extent_of(region, 0);
  }
  TestRegion region;
  OpenedExtent opened;
};

RawExtentBuilder new_extent() { return {512, 12}; }

void check_place(const Finding& finding, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  CHECK(finding.extent == ExtentId{0});
  CHECK(finding.file == "00/000/000");
  CHECK(finding.offset_bytes == offset_bytes);
  CHECK(finding.length_bytes == length_bytes);
  CHECK_FALSE(finding.blocks.has_value());
}

TEST_CASE("a sound extent is opened without a finding, with its numbers") {
  const RawOpening opening(new_extent().set_numbers(178, 614771307).set_counts(3, 4));
  CHECK(names_of(opening.opened.findings) == "");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->format() == ExtentFormat::raw);
  CHECK(opening.opened.reader->readable_blocks() == 12);
  CHECK(opening.opened.reader->metadata() == ExtentMetadata{false, 178, 614771307, 2, 3, 4});
  CHECK(opening.opened.reader->files().size() == 1);
}

TEST_CASE("a dirty extent is opened without a finding of its own") {
  const RawOpening opening(new_extent().set_dirty());
  CHECK(names_of(opening.opened.findings) == "");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->metadata()->dirty);
}

TEST_CASE("a file that is too short has no blocks to look at") {
  struct Case {
    std::uint64_t size_bytes;
    std::string found;
  };
  const std::vector<Case> cases = {
      {0,
       "0 bytes: the data of 0 of 12 blocks; the rest, with slots, bits and metadata, is cut "
       "off"},
      {31,
       "31 bytes: the data of 0 of 12 blocks; the rest, with slots, bits and metadata, is cut "
       "off"},
      {2048 + 511,
       "2559 bytes: the data of 4 of 12 blocks; the rest, with slots, bits and "
       "metadata, is cut off"},
      {6144,
       "6144 bytes: only the block data; slots, bits and metadata are cut off, or this is "
       "the data file of a SQLite extent whose .db is gone"},
      {6144 + 48 * 5,
       "6384 bytes: the data of all blocks, 5 of 12 slots A and 0 of 12 slots B; "
       "the rest, with the metadata, is cut off"},
      {6144 + 48 * 15 + 1,
       "6865 bytes: the data of all blocks, 12 of 12 slots A and 3 of 12 slots "
       "B; the rest, with the metadata, is cut off"},
      {file_bytes - 1,
       "7329 bytes: the data of all blocks, 12 of 12 slots A and 12 of 12 slots B; "
       "the rest, with the metadata, is cut off"},
  };
  for (const Case& expected : cases) {
    CAPTURE(expected.size_bytes);
    const RawOpening opening(new_extent().write_all().resize(expected.size_bytes));
    CHECK(opening.opened.reader == nullptr);
    REQUIRE(names_of(opening.opened.findings) == "wrong_size");
    const Finding& finding = opening.opened.findings[0];
    check_place(finding, expected.size_bytes, file_bytes - expected.size_bytes);
    CHECK(finding.expected == "7330 bytes");
    CHECK(finding.found == expected.found);
  }
}

TEST_CASE("a file that is too long is a finding, and read as far as the layout goes") {
  const RawOpening opening(
      new_extent().write_all().set_numbers(1, 2).resize(file_bytes + 1).set_byte(file_bytes, 0xFF));
  REQUIRE(names_of(opening.opened.findings) == "wrong_size");
  check_place(opening.opened.findings[0], file_bytes, 1);
  CHECK(opening.opened.findings[0].found ==
        "7331 bytes: 1 bytes follow the metadata; everything before them is in place");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->metadata() == ExtentMetadata{false, 1, 2, 2, 0, 0});
  CHECK(opening.opened.reader->readable_blocks() == 12);
}

// The last 32 bytes of the proposed version 3: dirty, numbers, version 3, counts, no padding.
RawExtentBuilder version_3_of(std::uint64_t size_bytes) {
  RawExtentBuilder built = new_extent();
  built.set_version(0xFFFFFFFF).resize(size_bytes);
  for (std::uint64_t i = size_bytes - 32; i < size_bytes; ++i) built.set_byte(i, 0);
  built.set_byte(size_bytes - 32, 1).set_byte(size_bytes - 32 + 17, 3);
  return built;
}

TEST_CASE("an extent of version 3 is named and refused, whatever its size") {
  for (const std::uint64_t size_bytes : {std::uint64_t{6144 + 1024}, file_bytes + 4096}) {
    CAPTURE(size_bytes);
    const RawOpening opening(version_3_of(size_bytes));
    CHECK(names_of(opening.opened.findings) == "unknown_version");
    CHECK(opening.opened.reader == nullptr);
    REQUIRE_FALSE(opening.opened.findings.empty());
    check_place(opening.opened.findings[0], size_bytes - 32, 32);
    CHECK(opening.opened.findings[0].expected == "version 2");
    CHECK(opening.opened.findings[0].found == "version 3");
  }
}

TEST_CASE("what only resembles version 3 is an extent of the wrong size") {
  constexpr std::uint64_t size_bytes = 6144 + 1024;
  SUBCASE("dirty is neither 0 nor 1") {
    const RawOpening opening(version_3_of(size_bytes).set_byte(size_bytes - 32, 2));
    CHECK(names_of(opening.opened.findings) == "wrong_size");
  }
  SUBCASE("another version") {
    const RawOpening opening(version_3_of(size_bytes).set_byte(size_bytes - 32 + 17, 4));
    CHECK(names_of(opening.opened.findings) == "wrong_size");
  }
  SUBCASE("the version's high bytes are not zero") {
    const RawOpening opening(version_3_of(size_bytes).set_byte(size_bytes - 32 + 20, 1));
    CHECK(names_of(opening.opened.findings) == "wrong_size");
  }
  SUBCASE("the padding is not zero") {
    const RawOpening opening(version_3_of(size_bytes).set_byte(size_bytes - 1, 1));
    CHECK(names_of(opening.opened.findings) == "wrong_size");
  }
  SUBCASE("good metadata stand where version 2 has them") {
    const RawOpening opening(version_3_of(file_bytes + 4096).set_version(2).set_dirty(0));
    CHECK(names_of(opening.opened.findings) == "wrong_size");
    CHECK(opening.opened.reader != nullptr);
  }
}

TEST_CASE("version 3 in a file of the right size is a damaged or unknown version") {
  const RawOpening opening(new_extent().set_version(3));
  REQUIRE(names_of(opening.opened.findings) == "unknown_version");
  check_place(opening.opened.findings[0], metadata_at + 17, 4);
  CHECK(opening.opened.findings[0].expected == "ext_version 2");
  CHECK(opening.opened.findings[0].found == "ext_version 3");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->metadata() == std::nullopt);
}

TEST_CASE("a dirty byte other than 0 and 1 is damage, and the blocks can still be read") {
  const RawOpening opening(new_extent().set_dirty(2));
  REQUIRE(names_of(opening.opened.findings) == "bad_metadata");
  check_place(opening.opened.findings[0], metadata_at, 1);
  CHECK(opening.opened.findings[0].expected == "dirty 0 or 1");
  CHECK(opening.opened.findings[0].found == "dirty 2");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->metadata() == std::nullopt);
}

TEST_CASE("padding of the metadata that is not zero is a finding, and ignored") {
  const RawOpening opening(new_extent().set_numbers(7, 8).set_metadata_padding(0xAA));
  REQUIRE(names_of(opening.opened.findings) == "metadata_padding");
  check_place(opening.opened.findings[0], metadata_at + 29, 3);
  CHECK(opening.opened.findings[0].expected == "000000");
  CHECK(opening.opened.findings[0].found == "aaaaaa");
  REQUIRE(opening.opened.reader != nullptr);
  CHECK(opening.opened.reader->metadata() == ExtentMetadata{false, 7, 8, 2, 0, 0});
}

TEST_CASE("unused bits that are set are a finding, and ignored") {
  const RawOpening opening(new_extent().write_all().set_unused_bits(0xF0));
  REQUIRE(names_of(opening.opened.findings) == "unused_bits_set");
  check_place(opening.opened.findings[0], metadata_at - 1, 1);
  CHECK(opening.opened.findings[0].expected == "00");
  CHECK(opening.opened.findings[0].found == "f0");
  CHECK(opening.opened.reader != nullptr);
}

TEST_CASE("an extent whose blocks fill the bytes of bits has no unused ones") {
  TestRegion region({512, 16, 1});
  RawExtentBuilder full(512, 16);
  region.put_raw(0, full.write_all());
  CHECK(names_of(open_extent_of(region, 0).findings) == "");
}

}  // namespace
}  // namespace libregion
