// The directory of a region that is being made, or was left half made: only names that a create
// builds, and no region.json. Where it is made of a bundle there may be any name, and any number in
// an extent, as in the region that was bundled: then region.json.from-bundle is there from before
// the first of them until it becomes region.json.

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
    leftovers,        // of an interrupted create
    region,           // region.json is there
    lost_definition,  // it is not, but extents have been written since they were made
    something_else,
  };
  Kind kind = Kind::missing;
  std::string offender;  // for the last two: the file that tells
};
TargetState look_at_target(FileSystem& file_system, const std::string& path);

// The directory that `path` is in, and the name in it. Throws Error (failed) where there is none.
struct ParentAndName {
  std::unique_ptr<Directory> parent;
  std::string name;
};
ParentAndName open_parent(FileSystem& file_system, const std::string& path);

// Removes everything that a create builds. `root` must be empty or have leftovers only; whatever
// else turns up is left, and an Error. region.json.from-bundle goes last; durable: when all else is
// gone for good, so that after a crash the rest can still be told from a region.
enum class ClearOrder : std::uint8_t { any, durable };
void clear_leftovers(Directory& root, ClearOrder order);

}  // namespace libregion
