// Opening an extent of a test's region.

#pragma once

#include <vector>

#include "libregion/extent/open_extent.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {

inline std::unique_ptr<Directory> open_leaf_of(const TestRegion& region) {
  PosixFileSystem file_system;
  const std::string path = region.path_of("00/000");
  return expect_opened(file_system.open_directory(path), path);
}

// What stands beside or instead of the extent's data file.
inline ExtentParts parts_in(const Directory& leaf, std::uint32_t extent) {
  ExtentParts parts;
  for (const ExtentPart part : all_extent_parts) {
    if (leaf.status_of(extent_file_name(ExtentId{extent}, part))) parts.add(part);
  }
  return parts;
}

inline OpenedExtent open_extent_of(const TestRegion& region, std::uint32_t extent) {
  const auto leaf = open_leaf_of(region);
  return open_extent(*leaf, ExtentId{extent}, parts_in(*leaf, extent), region.geometry(),
                     [](File&) {});
}

// A block record that outlives its visit.
struct SeenBlock {
  std::uint64_t block = 0;
  std::vector<SlotValue> slots;
  std::optional<std::size_t> selected;
  Bytes data;
  std::uint64_t data_hash = 0;
  Bytes slot_a;
  Bytes slot_b;
};

inline std::vector<SeenBlock> read_blocks_of(ExtentReader& reader, BlockRange range) {
  std::vector<SeenBlock> seen;
  const auto copy = [](ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); };
  reader.read_blocks(range, [&](const BlockRecord& record) {
    seen.push_back({record.block,
                    {record.slots.begin(), record.slots.end()},
                    record.selected,
                    copy(record.data),
                    record.data_hash,
                    copy(record.slot_bytes[0]),
                    copy(record.slot_bytes[1])});
  });
  return seen;
}

}  // namespace libregion
