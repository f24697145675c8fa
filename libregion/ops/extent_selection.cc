#include "libregion/ops/extent_selection.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/format/extent_names.h"

namespace libregion {
namespace {

std::uint64_t parse_one(std::string_view text) {
  if (const auto extent = parse_extent_reference(text)) return extent->value;
  throw Error(ErrorKind::usage,
              fmt::format("'{}' names no extent: expected a decimal number, 0x and hexadecimal "
                          "digits, or a file's name such as 67D or 00/000/67D",
                          printable(text)));
}

}  // namespace

ExtentSelection ExtentSelection::parse(std::string_view list) {
  ExtentSelection selection;
  selection.ranges_ = parse_number_ranges(list, parse_one);
  return selection;
}

bool ExtentSelection::contains(ExtentId extent) const {
  if (is_all()) return true;
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const NumberRange& range) {
    return range.first <= extent.value && extent.value <= range.last;
  });
}

std::uint64_t ExtentSelection::count_of(std::uint32_t extent_count) const {
  if (is_all()) return extent_count;
  std::uint64_t count = 0;
  for (const auto& [first, last] : ranges_) {
    if (first >= extent_count) continue;
    count += std::min<std::uint64_t>(last, extent_count - 1) - first + 1;
  }
  return count;
}

void ExtentSelection::check_against(std::uint32_t extent_count) const {
  if (is_all() || ranges_.back().last < extent_count) return;
  throw Error(ErrorKind::usage, fmt::format("extent {} was named, but the region has {} extents",
                                            ranges_.back().last, extent_count));
}

}  // namespace libregion
