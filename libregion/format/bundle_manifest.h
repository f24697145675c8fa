// manifest.json of a bundle: what it is, in a form that people and programs read. Only the number
// of the format decides how the rest of the bundle is read; the others are for people.
//
//   {
//     "bundle": 1,                        the number of the format
//     "tool": "region-dump",              who made it
//     "tool_version": "0.1.0",
//     "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
//     "block_size": 4096,                 the region's geometry, as region.json has it
//     "extent_size": 16384,
//     "extent_count": 2048,
//     "encrypted": false,
//     "blinded": ["nonce", "tag"],        or []
//     "left_out": ["data"]
//   }

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libregion/format/region_definition.h"

namespace libregion {

constexpr std::uint64_t bundle_format = 1;
constexpr std::size_t manifest_bytes_max = std::size_t{64} << 10;

struct BundleManifest {
  std::string tool;
  std::string tool_version;
  bool is_blinded = false;
  RegionDefinition definition;
};

std::string to_json_text(const BundleManifest& manifest);

// What this text says the number of the format is: a number, or what stands in its place, in words.
std::string found_bundle_format(std::string_view text);

}  // namespace libregion
