// Ranges of numbers as people list them: "5,7-9", both ends included.

#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace libregion {

struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  auto operator<=>(const NumberRange&) const = default;
};

// Parses a list, each number with `parse_one`; the ranges come back in order and apart from each
// other. Throws Error (usage), and whatever parse_one throws.
std::vector<NumberRange> parse_number_ranges(
    std::string_view list, const std::function<std::uint64_t(std::string_view)>& parse_one);

}  // namespace libregion
