#include "libregion/ops/number_ranges.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"

namespace libregion {
namespace {

std::vector<NumberRange> merge_overlapping(std::vector<NumberRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<NumberRange> merged;
  for (const NumberRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

std::vector<NumberRange> parse_number_ranges(
    std::string_view list, const std::function<std::uint64_t(std::string_view)>& parse_one) {
  std::vector<NumberRange> ranges;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view text = list.substr(0, comma);
    const std::size_t dash = text.find('-');
    const std::uint64_t first = parse_one(text.substr(0, dash));
    const std::uint64_t last =
        dash == std::string_view::npos ? first : parse_one(text.substr(dash + 1));
    if (last < first) {
      throw Error(ErrorKind::usage, fmt::format("'{}': a range runs upwards", printable(text)));
    }
    ranges.push_back({first, last});
    if (comma == std::string_view::npos) return merge_overlapping(std::move(ranges));
    list.remove_prefix(comma + 1);
  }
}

}  // namespace libregion
