// Writing what stands behind the data of a raw extent: byte for byte what the builder spells out.

#include "libregion/extent/raw_image.h"

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

Geometry geometry_of(std::uint64_t block_size_bytes, std::uint64_t block_count) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, block_count));
}

// The file's bytes afterwards, of a file that held `before`.
Bytes write_tail(ByteView before, const Geometry& geometry, const SlotArray& contexts,
                 ContextSlot array, const ExtentMetadata& metadata) {
  MemoryFileSystem disk;
  disk.add_file("/000", before);
  const auto root = expect_opened(disk.open_directory("/"), "/");
  const auto file = expect_opened(root->open_file("000", Access::read_write), "000");
  write_raw_tail(*file, geometry, contexts, array, metadata);
  return disk.content_of("/000");
}

TEST_CASE("contexts in array A leave the other array empty and all bits 0") {
  RawExtentBuilder expected(512, 10);
  expected.write(1, ContextSlot::A).write_encrypted(9, ContextSlot::A);
  expected.set_numbers(3, 5).set_dirty().set_counts(6, 7);
  SlotArray contexts(10);
  contexts.set(1, plain_context(expected.data_for(1)));
  contexts.set(9, encrypted_context(expected.data_for(9), some_encryption(9)));

  const ByteView data = ByteView(expected.bytes()).first(10 * 512UL);
  CHECK(write_tail(data, geometry_of(512, 10), contexts, ContextSlot::A, {true, 3, 5, 2, 6, 7}) ==
        expected.bytes());
}

TEST_CASE("contexts in array B are selected by their bits, empty blocks are not") {
  RawExtentBuilder expected(512, 10);
  expected.write(0, ContextSlot::B).write(8, ContextSlot::B).set_numbers(0, 1);
  SlotArray contexts(10);
  contexts.set(0, plain_context(expected.data_for(0)));
  contexts.set(8, plain_context(expected.data_for(8)));

  const ByteView data = ByteView(expected.bytes()).first(10 * 512UL);
  CHECK(write_tail(data, geometry_of(512, 10), contexts, ContextSlot::B, {false, 0, 1}) ==
        expected.bytes());
}

TEST_CASE("whatever was behind the data is gone") {
  const RawExtentBuilder expected(512, 10);
  const Bytes zeros(10 * 512UL);
  for (const std::uint64_t stale_bytes : {1U, 500U, 960U, 994U, 995U, 5000U}) {
    CAPTURE(stale_bytes);
    Bytes before = zeros;
    before.resize(zeros.size() + stale_bytes, std::byte{0xEE});
    for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
      CHECK(write_tail(before, geometry_of(512, 10), SlotArray(10), array, {}) == expected.bytes());
    }
  }
}

TEST_CASE("a data file that is too short is filled up with zeros") {
  RawExtentBuilder expected(512, 10);
  expected.set_data(0, expected.data_for(0));
  CHECK(write_tail(expected.data_for(0), geometry_of(512, 10), SlotArray(10), ContextSlot::A, {}) ==
        expected.bytes());
}

TEST_CASE("more slots than are written at once all arrive") {
  // 16384 slots go out in one write.
  constexpr std::uint64_t block_count = 40'000;
  RawExtentBuilder expected(512, block_count);
  SlotArray contexts(block_count);
  const Bytes zeros(512);
  for (const std::uint64_t block : {0U, 1U, 16'383U, 32'768U, 39'999U}) {
    contexts.set(block, plain_context(zeros, static_cast<std::uint16_t>(block)));
    expected.set_slot(ContextSlot::B, block, *contexts.at(block)).select(block, ContextSlot::B);
  }
  const bool same = write_tail(Bytes(512 * block_count), geometry_of(512, block_count), contexts,
                               ContextSlot::B, {}) == expected.bytes();
  CHECK(same);
}

}  // namespace
}  // namespace libregion
