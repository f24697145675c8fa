// Whether an extent can take blocks of an image: found out before anything is changed.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/metadata.h"
#include "libregion/ops/import_range.h"
#include "libregion/region/leaf.h"
#include "libregion/region/region.h"

namespace libregion {

struct ImportCheck {
  bool is_refused = false;
  std::vector<Finding> findings;  // what it is refused for
  std::optional<ExtentMetadata> metadata;
  bool has_io_errors = false;
};

// The extent, or what a pending replacement would make of it, must be a clean raw extent with
// nothing wrong as a whole, and so must be the blocks that the image does not cover. Claims the
// extent's file, and lets go of it again. Throws Error in_use.
ImportCheck check_import(const Region& region, const Leaf& leaf, ExtentId extent,
                         const ImportRange& range);

// An extent that cannot be rebuilt because of what it is as a whole: dirty, or its flush number
// the last there is. nullopt where it can.
std::optional<Finding> find_obstacle(ExtentId extent, const ExtentMetadata& metadata);

}  // namespace libregion
