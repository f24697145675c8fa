#include "libregion/ops/extent_selection.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/assert.h"
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

ExtentSelection ExtentSelection::slice(std::uint64_t first, std::uint64_t count,
                                       std::uint32_t extent_count) const {
  LIBREGION_ASSERT(count > 0 && first < count_of(extent_count));
  const std::vector<NumberRange> everything{{0, std::uint64_t{extent_count} - 1}};
  ExtentSelection sliced;
  std::uint64_t number = 0;  // of a range's first extent
  for (const auto& [range_first, range_last] : is_all() ? everything : ranges_) {
    if (range_first >= extent_count) break;
    const std::uint64_t end =
        number + std::min<std::uint64_t>(range_last, extent_count - 1) - range_first + 1;
    const std::uint64_t begin = std::max(first, number);
    const std::uint64_t sliced_end = std::min(first + count, end);
    if (begin < sliced_end) {
      sliced.ranges_.push_back(
          {range_first + begin - number, range_first + sliced_end - 1 - number});
    }
    number = end;
  }
  return sliced;
}

void ExtentSelection::check_against(std::uint32_t extent_count) const {
  if (is_all() || ranges_.back().last < extent_count) return;
  throw Error(ErrorKind::usage, fmt::format("extent {} was named, but the region has {} extents",
                                            ranges_.back().last, extent_count));
}

}  // namespace libregion
