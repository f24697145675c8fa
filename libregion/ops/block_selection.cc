#include "libregion/ops/block_selection.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"

namespace libregion {
namespace {

std::uint64_t parse_one(std::string_view text) {
  const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const auto block = is_hexadecimal ? parse_hexadecimal(text.substr(2)) : parse_decimal(text);
  if (block) return *block;
  throw Error(ErrorKind::usage,
              fmt::format("'{}' is no block: expected a decimal number, or 0x and hexadecimal "
                          "digits",
                          printable(text)));
}

}  // namespace

BlockSelection BlockSelection::parse(std::string_view list, std::optional<ExtentId> within) {
  BlockSelection selection;
  selection.ranges_ = parse_number_ranges(list, parse_one);
  selection.within_ = within;
  return selection;
}

std::uint64_t BlockSelection::base_of(const Geometry& geometry, ExtentId extent) const {
  return within_ ? 0 : geometry.region_block(extent, 0);
}

std::vector<NumberRange>::const_iterator BlockSelection::find_from(std::uint64_t base) const {
  return std::partition_point(ranges_.begin(), ranges_.end(),
                              [&](const NumberRange& range) { return range.last < base; });
}

std::vector<BlockRange> BlockSelection::in_extent(const Geometry& geometry, ExtentId extent) const {
  const std::uint64_t block_count = geometry.extent_size_blocks();
  if (is_all()) return {{0, block_count}};
  if (within_ && *within_ != extent) return {};
  const std::uint64_t base = base_of(geometry, extent);
  std::vector<BlockRange> blocks;
  for (auto range = find_from(base); range != ranges_.end() && range->first < base + block_count;
       ++range) {
    const std::uint64_t first = std::max(range->first, base) - base;
    const std::uint64_t last = std::min(range->last, base + block_count - 1) - base;
    blocks.push_back({first, last - first + 1});
  }
  return blocks;
}

bool BlockSelection::touches(const Geometry& geometry, ExtentId extent) const {
  if (is_all()) return true;
  if (within_) return *within_ == extent;
  const std::uint64_t base = base_of(geometry, extent);
  const auto range = find_from(base);
  return range != ranges_.end() && range->first < base + geometry.extent_size_blocks();
}

void BlockSelection::check_against(const RegionDefinition& definition) const {
  if (is_all()) return;
  const std::uint64_t block_count =
      within_ ? definition.geometry.extent_size_blocks() : definition.block_count();
  if (ranges_.back().last < block_count) return;
  throw Error(ErrorKind::usage,
              fmt::format("block {} was named, but the {} has {} blocks", ranges_.back().last,
                          within_ ? "extent" : "region", block_count));
}

}  // namespace libregion
