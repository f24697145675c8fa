// Creating a region from an image.

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

// Extent `number` of an imported image: every block of it on slot B, flush number 1.
RawExtentBuilder imported(const Bytes& image, std::uint64_t number, bool skip_zeros = false) {
  RawExtentBuilder built(512, 4);
  Bytes padded = image;
  padded.resize((image.size() + 511) / 512 * 512UL);
  bool written = false;
  for (std::uint64_t block = 0; block < 4; ++block) {
    const std::uint64_t at = (number * 4 + block) * 512;
    if (at >= padded.size()) break;
    const ByteView data = ByteView(padded).subspan(at, 512);
    if (skip_zeros && Bytes(data.begin(), data.end()) == Bytes(512)) continue;
    built.set_data(block, data);
    built.set_slot(ContextSlot::B, block, plain_context(data)).select(block, ContextSlot::B);
    written = true;
  }
  return written ? built.set_numbers(0, 1) : built;
}

TEST_CASE("an image goes into slots B, and counts as the first flush") {
  for (const std::uint64_t size_bytes :
       {0U, 1U, 511U, 512U, 2047U, 2048U, 2049U, 4096U, 5000U, 12U * 512U}) {
    CAPTURE(size_bytes);
    Workshop workshop;
    const Bytes image = Random(size_bytes).bytes(size_bytes);
    const CreateSummary summary = workshop.import(image, options_of(definition_of(512, 4, 3)));
    CHECK(summary.imported_bytes == size_bytes);
    CHECK(summary.written_blocks == (size_bytes + 511) / 512);
    CHECK(summary.definition.extent_count == 3);
    for (std::uint32_t extent = 0; extent < 3; ++extent) {
      CAPTURE(extent);
      CHECK(workshop.file(extent_path(ExtentId{extent})) == imported(image, extent).bytes());
    }
    CHECK(names_of(verify_on(workshop.file_system, workshop.region).reports.findings) == "");
  }
}

TEST_CASE("an image that needs more extents gets them") {
  Workshop workshop;
  const Bytes image = Random(1).bytes(9 * 512UL);
  CHECK(workshop.import(image, options_of(definition_of(512, 4, 1))).definition.extent_count == 3);
  CHECK(workshop.file("00/000/002") == imported(image, 2).bytes());
  PosixFileSystem file_system;
  CHECK(open_region(file_system, workshop.region, {}).region->definition.extent_count == 3);
}

TEST_CASE("the extents that an image needs are known beforehand") {
  const RegionDefinition definition = definition_of(512, 4, 2);
  CHECK(extend_to_fit(definition, 0).extent_count == 2);
  CHECK(extend_to_fit(definition, 4096).extent_count == 2);
  CHECK(extend_to_fit(definition, 4097).extent_count == 3);
  CHECK(extend_to_fit(definition, std::uint64_t{2048} * 0xFFFFFFFF).extent_count == 0xFFFFFFFF);
  CHECK(error_of([&] { (void)extend_to_fit(definition, std::uint64_t{2048} * 0xFFFFFFFF + 1); }) ==
        ErrorKind::usage);
}

TEST_CASE("blocks of zeros can stay unwritten") {
  Workshop workshop;
  Bytes image = Random(1).bytes(12 * 512UL);
  std::fill(image.begin() + 2 * 512UL, image.begin() + 8 * 512UL, std::byte{0});
  image[3 * 512UL + 511] = std::byte{1};
  CreateOptions options = options_of(definition_of(512, 4, 3));
  options.skip_zeros = true;
  const CreateSummary summary = workshop.import(image, options);
  CHECK(summary.written_blocks == 7);
  for (std::uint32_t extent = 0; extent < 3; ++extent) {
    CHECK(workshop.file(extent_path(ExtentId{extent})) == imported(image, extent, true).bytes());
  }
}

TEST_CASE("an image of many chunks: the same region, on however many threads") {
  // Two chunks and a part of one for each extent, and an end within a block.
  const RegionDefinition definition = definition_of(4096, 600, 1);
  const Bytes image = Random(7).bytes(5 * 600 * 4096UL + 1'500'001);
  Workshop alone;
  CreateOptions options = options_of(definition);
  options.jobs = 1;
  const CreateSummary one = alone.import(image, options);
  Workshop together;
  options.jobs = 4;
  const CreateSummary four = together.import(image, options);
  CHECK(one.imported_bytes == image.size());
  CHECK(four.imported_bytes == image.size());
  CHECK(four.written_blocks == one.written_blocks);
  CHECK(four.definition.extent_count == 6);
  CHECK(names_of(verify_on(together.file_system, together.region).reports.findings) == "");
  CHECK(together.names() == alone.names());
  for (std::uint32_t extent = 0; extent < 6; ++extent) {
    CAPTURE(extent);
    const bool same =
        together.file(extent_path(ExtentId{extent})) == alone.file(extent_path(ExtentId{extent}));
    CHECK(same);
  }
}

TEST_CASE("an image goes into databases, one row a block") {
  Workshop workshop;
  const Bytes image = Random(1).bytes(5 * 512UL + 100);
  CreateOptions options = options_of(definition_of(512, 4, 2));
  options.format = ExtentFormat::sqlite;
  workshop.import(image, options);
  const Verified verified = verify_on(workshop.file_system, workshop.region);
  CHECK(names_of(verified.reports.findings) == "");
  CHECK(verified.summary.written_count == 6);
  CHECK(verified.reports.extents[1].metadata == ExtentMetadata{false, 0, 1, 1, 0, 0});
  const ByteView block = ByteView(image).subspan(4 * 512UL, 512);
  const auto rows = rows_by_sqlite(workshop.region + "/00/000/001.db");
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[0] == row_text(0, plain_context(block)));
}

}  // namespace
}  // namespace libregion
