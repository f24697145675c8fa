// Which blocks an operation looks at: of the whole region, or of one extent.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "libregion/format/region_definition.h"
#include "libregion/format/units.h"
#include "libregion/ops/number_ranges.h"

namespace libregion {

class BlockSelection {
 public:
  // All of them.
  BlockSelection() = default;

  // "5,7-9,0x10": decimal or 0x and hexadecimal, ranges with both ends included. The numbers count
  // over the region, or within one extent where there is one. Throws Error (usage).
  static BlockSelection parse(std::string_view list, std::optional<ExtentId> within);

  [[nodiscard]] bool is_all() const { return ranges_.empty(); }

  // The selected blocks of an extent, in order.
  [[nodiscard]] std::vector<BlockRange> in_extent(const Geometry& geometry, ExtentId extent) const;

  // Whether an extent has any of them.
  [[nodiscard]] bool touches(const Geometry& geometry, ExtentId extent) const;

  // Throws Error (usage) where a block is named that the region, or the extent, does not have.
  void check_against(const RegionDefinition& definition) const;

 private:
  // The number that the extent's first block has in the list.
  [[nodiscard]] std::uint64_t base_of(const Geometry& geometry, ExtentId extent) const;
  // The first range that does not end before this block.
  [[nodiscard]] std::vector<NumberRange>::const_iterator find_from(std::uint64_t base) const;

  std::vector<NumberRange> ranges_;  // none means all
  std::optional<ExtentId> within_;
};

}  // namespace libregion
