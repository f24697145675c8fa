// What becomes of the blocks, contexts and numbers of extents that an image is written into.

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using enum ContextSlot;
constexpr std::size_t block_bytes = 512;

// Blocks of bytes that no builder makes.
Bytes image_of(std::size_t size_bytes) { return Random(4711).bytes(size_bytes); }

ByteView block_of(const Bytes& image, std::size_t block) {
  return ByteView(image).subspan(block * block_bytes, block_bytes);
}

void put_block(RawExtentBuilder& built, std::uint64_t block, ByteView data,
               std::uint16_t flush_id) {
  built.set_data(block, data).set_slot(A, block, plain_context(data, flush_id));
}

ImportOptions at(std::uint64_t first_block) {
  ImportOptions options;
  options.first_block = first_block;
  return options;
}

TEST_CASE("blocks of the image get new contexts in array A, the others keep theirs, in A too") {
  TestRegion region({512, 8, 1});
  RawExtentBuilder old = region.raw().set_numbers(7, 0x1'0009).set_counts(3, 4);
  for (std::uint64_t block = 0; block < 7; ++block) {
    const ContextSlot slot = block % 2 == 0 ? A : B;
    old.write(block, slot).set_slot(slot, block, plain_context(region.data_for(block), 5));
    // The other slot holds the context of an older version.
    old.set_slot(slot == A ? B : A, block, plain_context(region.data_for(block, 9), 4));
  }
  region.put_raw(0, old);
  const Bytes image = image_of(3 * block_bytes);

  const Imported imported = import(region, image, at(2));

  RawExtentBuilder expected = region.raw().set_numbers(7, 0x1'000A).set_counts(3, 4);
  for (const std::uint64_t block : {0U, 1U, 5U, 6U}) {
    put_block(expected, block, region.data_for(block), 5);
  }
  for (std::uint64_t i = 0; i < 3; ++i) put_block(expected, 2 + i, block_of(image, i), 9);
  CHECK(region.file("00/000/000") == expected.bytes());
  CHECK(fields_of(imported.reports.extents.at(0)) ==
        "action=replaced changed=true replaced=false first_block=2 blocks=3 written=3 findings=0");
  CHECK(imported.reports.extents[0].metadata == ExtentMetadata{false, 7, 0x1'000A, 2, 3, 4});
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("a block that holds the image's data already keeps its context") {
  TestRegion region({512, 8, 1});
  RawExtentBuilder old = region.raw().set_numbers(1, 20).write_all();
  for (std::uint64_t block = 0; block < 8; ++block) {
    old.set_slot(B, block, plain_context(region.data_for(block), 11));
  }
  region.put_raw(0, old);
  Bytes image = region.data_for(3);
  const Bytes other = image_of(block_bytes);
  image.insert(image.end(), other.begin(), other.end());

  const Imported imported = import(region, image, at(3));

  RawExtentBuilder expected = region.raw().set_numbers(1, 21);
  for (std::uint64_t block = 0; block < 8; ++block) {
    put_block(expected, block, region.data_for(block), 11);
  }
  put_block(expected, 4, other, 20);
  CHECK(region.file("00/000/000") == expected.bytes());
  CHECK(imported.summary.image_blocks == 2);
  CHECK(imported.summary.written_blocks == 1);
}

TEST_CASE("an extent that holds the image already is left as it is") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  const auto before = region.snapshot();
  Bytes image = region.data_for(5);
  for (std::uint64_t block = 6; block < 8; ++block) {
    const Bytes data = region.data_for(block);
    image.insert(image.end(), data.begin(), data.end());
  }
  const Imported imported = import(region, image, at(5));
  CHECK(region.snapshot() == before);
  CHECK(fields_of(imported.reports.extents.at(0)) ==
        "action=none changed=false replaced=false first_block=5 blocks=3 written=0 findings=0");
  CHECK(imported.summary.changed_count() == 0);
}

TEST_CASE("the rest of a block that the image ends in stays") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, region.raw().write_all());
  const Bytes image = image_of(block_bytes + 77);
  import(region, image, at(1));
  Bytes last = region.data_for(2);
  std::copy(image.begin() + block_bytes, image.end(), last.begin());
  const Bytes found = region.file("00/000/000");
  CHECK(Bytes(found.begin() + 2 * block_bytes, found.begin() + 3 * block_bytes) == last);
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("the rest of a block that was never written is zeros") {
  TestRegion region({512, 8, 1});
  region.put_raw(0);
  const Bytes image = image_of(77);
  import(region, image, at(6));
  Bytes last = image;
  last.resize(block_bytes);
  RawExtentBuilder expected = region.raw().set_numbers(0, 1);
  put_block(expected, 6, last, 0);
  CHECK(region.file("00/000/000") == expected.bytes());
}

TEST_CASE("zeros are written like anything else") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, region.raw().write(1));
  const Bytes zeros(3 * block_bytes);
  import(region, zeros, at(0));
  RawExtentBuilder expected = region.raw().set_numbers(0, 1);
  for (std::uint64_t block = 0; block < 3; ++block) {
    put_block(expected, block, block_of(zeros, block), 0);
  }
  CHECK(region.file("00/000/000") == expected.bytes());
}

TEST_CASE("with skip_zeros they leave unwritten blocks unwritten, and overwrite the others") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, region.raw().write(1));
  ImportOptions options = at(0);
  options.skip_zeros = true;
  const Bytes zeros(3 * block_bytes);
  const Imported imported = import(region, zeros, options);
  RawExtentBuilder expected = region.raw().set_numbers(0, 1);
  put_block(expected, 1, block_of(zeros, 1), 0);
  CHECK(region.file("00/000/000") == expected.bytes());
  CHECK(imported.summary.image_blocks == 3);
  CHECK(imported.summary.written_blocks == 1);
}

TEST_CASE("blocks larger than a chunk of the image, and images of many chunks") {
  for (const std::uint64_t block_size : {512U, 32768U}) {
    CAPTURE(block_size);
    const std::uint64_t blocks = (5U << 20U) / block_size;
    TestRegion region({block_size, blocks, 2});
    region.put_raw(0, region.raw().write(3));
    region.put_raw(1, region.raw().write(blocks - 1));
    const Bytes image = image_of((8U << 20U) + 1234);
    const Imported imported = import(region, image, at(7));
    CHECK(imported.summary.imported_bytes == image.size());
    CHECK(names_of(verify(region).reports.findings) == "");
    const Bytes first = region.file("00/000/000");
    const Bytes second = region.file("00/000/001");
    const std::size_t in_first = (blocks - 7) * block_size;
    CHECK(std::equal(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(in_first),
                     first.begin() + static_cast<std::ptrdiff_t>(7 * block_size)));
    CHECK(std::equal(image.begin() + static_cast<std::ptrdiff_t>(in_first), image.end(),
                     second.begin()));
    CHECK(Bytes(first.begin() + static_cast<std::ptrdiff_t>(3 * block_size),
                first.begin() + static_cast<std::ptrdiff_t>(4 * block_size)) == region.data_for(3));
  }
}

TEST_CASE("blocks that the image covers may be damaged") {
  TestRegion region({512, 8, 2});
  region.put_raw(0, region.raw().write_all());
  region.put_raw(1, region.raw().write_all().corrupt_data(3).set_slot_tag(B, 4, 7));
  const Bytes image = image_of(5 * block_bytes);
  import(region, image, at(8));
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("an empty image changes nothing") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  const auto before = region.snapshot();
  for (const std::uint64_t first_block : {0U, 5U, 16U}) {
    CAPTURE(first_block);
    const Imported imported = import(region, {}, at(first_block));
    CHECK(imported.summary.extent_count == 0);
    CHECK(region.snapshot() == before);
  }
}

TEST_CASE("what is pending on an extent is finished first, as a migration would") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  RawExtentBuilder replacement = region.raw().write(2).set_numbers(5, 6);
  region.make_directory("00/000/000.replace");
  region.put_file("00/000/000.replace/000", replacement.bytes());
  region.make_directory("00/000/000.copy");
  region.make_directory("00/000/001.copy");
  const Bytes image = image_of(block_bytes);
  const Imported imported = import(region, image, at(7));
  RawExtentBuilder expected = region.raw().set_numbers(5, 7);
  put_block(expected, 2, region.data_for(2), 0);
  put_block(expected, 7, image, 6);
  CHECK(region.file("00/000/000") == expected.bytes());
  CHECK_FALSE(region.has("00/000/000.copy"));
  CHECK_FALSE(region.has("00/000/000.replace"));
  CHECK_FALSE(region.has("00/000/000.completed"));
  // The image does not touch this one.
  CHECK(region.has("00/000/001.copy"));
  CHECK(imported.reports.extents.size() == 1);
}

// ---- dry runs -----------------------------------------------------------------------------------

TEST_CASE("a dry run changes nothing and says what a real run does") {
  TestRegion region({512, 8, 5});
  region.put_raw_everywhere();
  const Bytes replacement = region.raw().write(2).set_numbers(5, 6).bytes();
  region.make_directory("00/000/001.replace");
  region.put_file("00/000/001.replace/001", replacement);
  region.make_directory("00/000/003.copy");
  Bytes image = image_of(4 * block_bytes);
  // Extent 3 holds its part already.
  image.resize(20 * block_bytes);
  for (std::uint64_t block = 0; block < 8; ++block) {
    const Bytes data = region.data_for(block);
    image.insert(image.end(), data.begin(), data.end());
  }
  ImportOptions options = at(4);
  options.dry_run = true;
  const auto before = region.snapshot();
  const Imported foretold = import(region, image, options);
  CHECK(region.snapshot() == before);
  const Imported done = import(region, image, at(4));
  REQUIRE(done.reports.extents.size() == 4);
  REQUIRE(foretold.reports.extents.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    std::string would = fields_of(foretold.reports.extents[i]);
    would.replace(would.find("would_change"), 12, "changed");
    CHECK(would == fields_of(done.reports.extents[i]));
    CHECK(foretold.reports.extents[i].metadata == done.reports.extents[i].metadata);
  }
  CHECK(foretold.summary.replaced_count == 3);
  CHECK(foretold.summary.cleaned_count == 1);
  CHECK(foretold.summary.written_blocks == done.summary.written_blocks);
}

}  // namespace
}  // namespace libregion
