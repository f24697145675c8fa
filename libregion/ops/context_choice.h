// Which context each block of a SQLite extent takes with it when it becomes a raw extent.

#pragma once

#include <vector>

#include "libregion/extent/sqlite_extent.h"
#include "libregion/format/region_definition.h"
#include "libregion/format/slot_array.h"
#include "libregion/report/finding.h"

namespace libregion {

struct ContextChoice {
  SlotArray contexts;
  std::vector<Finding> findings;  // what the hashing found
};

// Clean, one row a block: the rows as they are. Dirty, or several rows for any block: the data of
// every block with rows is hashed, and the row that matches is taken, or none. With `check` every
// block is hashed and looked at as region-verify does.
ContextChoice choose_contexts(SqliteExtent& extent, ExtentId id, const RegionDefinition& definition,
                              bool check);

}  // namespace libregion
