// The record of one extent in several regions.

#pragma once

#include <vector>

#include "libregion/ops/dump.h"
#include "tools/common/renderer.h"

namespace region_tools {

// `sides` are those of the regions; what each says of the extent is added.
ComparisonRecord extent_comparison(const libregion::DumpRow& row,
                                   std::vector<ComparisonRecord::Side> sides);

}  // namespace region_tools
