// The extents whose crashes are looked at.

#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "libregion/format/units.h"

namespace libregion {

inline Geometry geometry(std::uint64_t block_size_bytes, std::uint64_t block_count) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, block_count));
}

// All of them: larger blocks only where they are few.
inline std::vector<Geometry> all_geometries() {
  std::vector<Geometry> geometries;
  for (const std::uint64_t block_count : {1U, 7U, 8U, 10U, 16U}) {
    geometries.push_back(geometry(512, block_count));
    geometries.push_back(geometry(4096, block_count));
  }
  for (const std::uint64_t block_count : {100U, 133U}) {
    geometries.push_back(geometry(512, block_count));
  }
  return geometries;
}

// Of the metadata all but the first byte, which says whether the extent is dirty, lies in another
// sector, and record.
inline Geometry torn_metadata_geometry() { return geometry(512, 245); }

}  // namespace libregion
