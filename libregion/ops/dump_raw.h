// The bytes of raw extents that are not block data, each field by its name: metadata, active-slot
// bits, and both slots of blocks. What is damaged is shown as it is, and a file of the wrong size
// as far as it goes.

#pragma once

#include "libregion/ops/extent_visit.h"

namespace libregion {

// Reports records of the type "bytes", one for each field. SQLite extents have a record that says
// so and nothing else.
VisitTotals dump_raw(const Region& region, const WalkOptions& walk, Progress* progress,
                     Reporter& reporter);

}  // namespace libregion
