// An inventory as people read it.

#pragma once

#include <string>

#include "libregion/format/region_definition.h"
#include "libregion/ops/dump_inventory.h"

namespace region_tools {

// Several lines, the last without its end.
std::string inventory_text(const libregion::RegionDefinition& definition,
                           const libregion::VisitTotals& totals,
                           const libregion::Inventory& inventory);

}  // namespace region_tools
