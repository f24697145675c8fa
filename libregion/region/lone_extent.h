// The files of a single extent, copied out of a region or left without one: NAME, and NAME.db and
// so on of a SQLite extent. They are shown as a region that has this one extent and nothing else.
//
// The region is for reading: whatever would change it throws Error (usage).

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libregion/format/units.h"
#include "libregion/region/region.h"

namespace libregion {

// The files, found but not opened yet.
struct LoneExtent {
  std::string path;                // of the data file, as the user named it
  std::optional<ExtentId> extent;  // which it is, where its name says so
  std::uint64_t size_bytes = 0;    // of the data file
  bool is_sqlite = false;
  // Every geometry that an extent of this size and format can have. Of a raw one only where its
  // metadata is what stands at its end.
  std::vector<Geometry> geometries;
};

// nullopt where the path is a directory. Throws Error where it is neither that nor a regular file,
// or cannot be read.
std::optional<LoneExtent> find_lone_extent(FileSystem& file_system, const std::string& path);

// Every geometry that makes a raw extent's file of this size.
std::vector<Geometry> raw_geometries(std::uint64_t file_bytes);

// What a lone extent's region has for a UUID, since it has none: all zeros.
[[nodiscard]] inline bool is_lone_extent(const RegionDefinition& definition) {
  return definition.uuid == Uuid{};
}

// As a region, in which it is the extent of this number. Whether blocks are encrypted their
// contexts say: the definition's member means nothing. Throws as open_region does.
Region open_lone_extent(FileSystem& file_system, const LoneExtent& found, const Geometry& geometry,
                        ExtentId extent, const UseOptions& options);

}  // namespace libregion
