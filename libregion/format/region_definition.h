// region.json: what a region is. Pretty-printed JSON, two spaces of indent, a newline at the end,
// with exactly these members in this order (members that are not known are accepted and kept):
//
//   {
//     "block_size": 4096,                            1 << extent_size.shift
//     "extent_size": { "value": 16384, "shift": 12 },  blocks per extent; shift 9 .. 15
//     "extent_count": 2048,
//     "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
//     "encrypted": false,
//     "database_read_version": 1,
//     "database_write_version": 1
//   }
//
// Numbers are unsigned integers of at most 32 bits (block_size and value: 64). A member that is
// missing, named twice, of another type or out of range makes the definition unusable. Regions of
// before mid-2023 lack both database versions, and before 2022-01-20 `encrypted` too.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "libregion/format/units.h"
#include "libregion/format/uuid.h"

namespace libregion {

constexpr std::size_t definition_bytes_max = std::size_t{64} << 10;

struct RegionDefinition {
  Geometry geometry;
  std::uint32_t extent_count = 0;
  Uuid uuid;
  bool encrypted = false;
  // Name and JSON text of each member that is not known, at the top and in extent_size.
  using OtherMembers = std::vector<std::pair<std::string, std::string>>;
  OtherMembers other_members = {};
  OtherMembers other_extent_size_members = {};
  // Which of the members that came later are missing, as text: "" where all are there. The region
  // is of an older generation then, and only for reading.
  std::string older_without = {};
  bool operator==(const RegionDefinition&) const = default;

  [[nodiscard]] std::uint64_t block_count() const {
    return geometry.extent_size_blocks() * extent_count;
  }
};

struct DefinitionProblem {
  std::string member;  // "extent_size.shift"; empty where the text is no JSON object at all
  std::string expected;
  std::string found;
};

// Every problem there is, not just the first.
std::variant<RegionDefinition, std::vector<DefinitionProblem>> parse_region_definition(
    std::string_view text);

std::string to_json_text(const RegionDefinition& definition);

}  // namespace libregion
