// Which of a region's extents an operation looks at.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libregion/format/units.h"
#include "libregion/ops/number_ranges.h"

namespace libregion {

class ExtentSelection {
 public:
  // All of them.
  ExtentSelection() = default;

  // "7,0x10-0x1F,67D,00/000/064": references as in parse_extent_reference, ranges with both ends
  // included, separated by commas. Throws Error (usage).
  static ExtentSelection parse(std::string_view list);

  [[nodiscard]] bool is_all() const { return ranges_.empty(); }
  [[nodiscard]] bool contains(ExtentId extent) const;

  // The selected extents among the first `extent_count`.
  [[nodiscard]] std::uint64_t count_of(std::uint32_t extent_count) const;

  // Of the selected extents among the first `extent_count`, in their order: `count` (at least 1)
  // from number `first` on.
  [[nodiscard]] ExtentSelection slice(std::uint64_t first, std::uint64_t count,
                                      std::uint32_t extent_count) const;

  // Throws Error (usage) where an extent is named that a region of this many does not have.
  void check_against(std::uint32_t extent_count) const;

 private:
  std::vector<NumberRange> ranges_;  // none means all
};

}  // namespace libregion
