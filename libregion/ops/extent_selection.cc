#include "libregion/ops/extent_selection.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/format/extent_names.h"

namespace libregion {
namespace {

using Range = std::pair<std::uint32_t, std::uint32_t>;

std::uint32_t parse_one(std::string_view text) {
  if (const auto extent = parse_extent_reference(text)) return extent->value;
  throw Error(ErrorKind::usage,
              fmt::format("'{}' names no extent: expected a decimal number, 0x and hexadecimal "
                          "digits, or a file's name such as 67D or 00/000/67D",
                          printable(text)));
}

Range parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::uint32_t first = parse_one(text.substr(0, dash));
  const std::uint32_t last =
      dash == std::string_view::npos ? first : parse_one(text.substr(dash + 1));
  if (last < first) {
    throw Error(ErrorKind::usage, fmt::format("'{}': a range runs upwards", printable(text)));
  }
  return {first, last};
}

std::vector<Range> merge_overlapping(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<Range> merged;
  for (const Range& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

ExtentSelection ExtentSelection::parse(std::string_view list) {
  std::vector<Range> ranges;
  while (true) {
    const std::size_t comma = list.find(',');
    ranges.push_back(parse_range(list.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  ExtentSelection selection;
  selection.ranges_ = merge_overlapping(std::move(ranges));
  return selection;
}

bool ExtentSelection::contains(ExtentId extent) const {
  if (is_all()) return true;
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return range.first <= extent.value && extent.value <= range.second;
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
  const std::vector<Range> everything{{0, extent_count - 1}};
  ExtentSelection sliced;
  std::uint64_t number = 0;  // of a range's first extent
  for (const auto& [range_first, range_last] : is_all() ? everything : ranges_) {
    if (range_first >= extent_count) break;
    const std::uint64_t end = number + std::min(range_last, extent_count - 1) - range_first + 1;
    const std::uint64_t begin = std::max(first, number);
    const std::uint64_t sliced_end = std::min(first + count, end);
    if (begin < sliced_end) {
      sliced.ranges_.emplace_back(
          static_cast<std::uint32_t>(range_first + begin - number),
          static_cast<std::uint32_t>(range_first + sliced_end - 1 - number));
    }
    number = end;
  }
  return sliced;
}

void ExtentSelection::check_against(std::uint32_t extent_count) const {
  if (is_all() || ranges_.back().second < extent_count) return;
  throw Error(ErrorKind::usage, fmt::format("extent {} was named, but the region has {} extents",
                                            ranges_.back().second, extent_count));
}

}  // namespace libregion
