#include "libregion/ops/import_range.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/error.h"

namespace libregion {

ImportRange::ImportRange(const RegionDefinition& definition, std::uint64_t first_block,
                         std::optional<std::uint64_t> image_bytes)
    : geometry_(definition.geometry),
      first_block_(first_block),
      end_block_(definition.block_count()),
      covered_end_block_(definition.block_count()) {
  const std::uint64_t region_blocks = definition.block_count();
  if (first_block > region_blocks) {
    throw Error(ErrorKind::usage,
                fmt::format("the image would begin at block {}: expected at most {}, the number of "
                            "blocks in the region",
                            first_block, region_blocks));
  }
  if (!image_bytes) return;
  const std::uint64_t room_blocks = region_blocks - first_block;
  const std::uint64_t image_blocks = divide_rounding_up(*image_bytes, geometry_.block_size_bytes());
  if (image_blocks > room_blocks) {
    throw Error(ErrorKind::usage,
                fmt::format("the image does not fit: expected at most {} bytes from block {} on, "
                            "found {}",
                            room_blocks << geometry_.shift(), first_block, *image_bytes));
  }
  end_block_ = first_block + image_blocks;
  covered_end_block_ = first_block + (*image_bytes >> geometry_.shift());
}

std::uint32_t ImportRange::first_extent() const {
  return static_cast<std::uint32_t>(first_block_ / geometry_.extent_size_blocks());
}

std::uint32_t ImportRange::end_extent() const {
  if (is_empty()) return first_extent();
  return static_cast<std::uint32_t>((end_block_ - 1) / geometry_.extent_size_blocks() + 1);
}

BlockRange ImportRange::blocks_of(ExtentId extent) const { return part_of(extent, end_block_); }

BlockRange ImportRange::covered_blocks_of(ExtentId extent) const {
  return part_of(extent, covered_end_block_);
}

BlockRange ImportRange::part_of(ExtentId extent, std::uint64_t end_block) const {
  const std::uint64_t extent_first = geometry_.region_block(extent, 0);
  const std::uint64_t extent_end = extent_first + geometry_.extent_size_blocks();
  const std::uint64_t first = std::clamp(first_block_, extent_first, extent_end);
  const std::uint64_t end = std::clamp(end_block, first, extent_end);
  return {first - extent_first, end - first};
}

}  // namespace libregion
