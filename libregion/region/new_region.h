// The directory of a region that is being made, or was left half made: no region.json, and only
// names that a create builds. Where region.json.incomplete is there and holds a definition, there
// may be any name, and any number in an extent: nothing in it has ever been in use (see
// region/region_in_making.h).

#pragma once

#include <optional>
#include <string>

#include "libregion/format/region_definition.h"
#include "libregion/io/file_system.h"

namespace libregion {

// What stands at a path where a region is to be made.
struct TargetState {
  enum class Kind {
    missing,
    empty,
    leftovers,        // of an interrupted create, or of a region made of another or of a bundle
    region,           // region.json is there
    lost_definition,  // it is not, but extents have been written since they were made
    something_else,
  };
  Kind kind = Kind::missing;
  std::string offender;  // for the last two: the file that tells
};
TargetState look_at_target(FileSystem& file_system, const std::string& path);

// Looks whether a region can be made at a path. Throws Error (failed) where it cannot: there is a
// region, or something that is none, or without `force` what an interrupted create left. Returns
// whether there is anything to be cleared first.
bool check_create_target(FileSystem& file_system, const std::string& path, bool force);

// What a new file takes at least: its metadata, and what the file system keeps of it.
inline constexpr std::uint64_t new_file_overhead_bytes = 8192;

// Throws Error (failed) where less is free for a new region at this path.
void check_free_space(FileSystem& file_system, const std::string& path, std::uint64_t needed_bytes);

// The directory that `path` is in, and the name in it. Throws Error (failed) where there is none.
struct ParentAndName {
  std::unique_ptr<Directory> parent;
  std::string name;
};
ParentAndName open_parent(FileSystem& file_system, const std::string& path);

// Removes everything that a create builds, and whatever stands beside a region.json.incomplete with
// a definition in it: that goes last, when all else is gone for good. `root` must be empty or have
// leftovers only; whatever else turns up is left, and an Error.
void clear_leftovers(Directory& root);

}  // namespace libregion
