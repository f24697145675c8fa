// A region's directory and definition. Opening it changes nothing.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/file_system.h"
#include "libregion/region/region_use.h"
#include "libregion/report/finding.h"

namespace libregion {

struct Region {
  std::string path;  // as the user named it
  RegionDefinition definition;
  std::unique_ptr<Directory> root;
  std::unique_ptr<RegionUse> use;  // held as long as the region is open
};

struct OpenedRegion {
  std::optional<Region> region;   // none where region.json cannot be used
  std::vector<Finding> findings;  // of region.json
};

// The definition alone, without a lock; nullopt where it cannot be read or used.
std::optional<RegionDefinition> peek_at_definition(FileSystem& file_system,
                                                   const std::string& path);

// Locks the directory, then reads region.json. Throws Error: not_a_region where `path` is no
// directory; in_use where somebody has the region; stopped.
OpenedRegion open_region(FileSystem& file_system, const std::string& path,
                         const UseOptions& options);

}  // namespace libregion
