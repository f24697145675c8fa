// The part of a region that an image goes into.

#pragma once

#include <cstdint>
#include <optional>

#include "libregion/format/region_definition.h"

namespace libregion {

class ImportRange {
 public:
  // `first_block` counts over the region. An image of unknown size may reach to the region's end.
  // Throws Error (usage) where the image does not fit.
  ImportRange(const RegionDefinition& definition, std::uint64_t first_block,
              std::optional<std::uint64_t> image_bytes);

  [[nodiscard]] bool is_empty() const { return first_block_ == end_block_; }
  [[nodiscard]] std::uint64_t end_block() const { return end_block_; }
  // Extents [first, end) have blocks of the range; none where it is empty.
  [[nodiscard]] std::uint32_t first_extent() const;
  [[nodiscard]] std::uint32_t end_extent() const;
  [[nodiscard]] bool has(ExtentId extent) const {
    return extent.value >= first_extent() && extent.value < end_extent();
  }

  // Blocks of one of these extents: those that the range has, and those of them that the image is
  // sure to cover whole, as far as that is known.
  [[nodiscard]] BlockRange blocks_of(ExtentId extent) const;
  [[nodiscard]] BlockRange covered_blocks_of(ExtentId extent) const;

 private:
  [[nodiscard]] BlockRange part_of(ExtentId extent, std::uint64_t end_block) const;

  Geometry geometry_;
  std::uint64_t first_block_;
  std::uint64_t end_block_;
  std::uint64_t covered_end_block_;
};

}  // namespace libregion
