// Putting an extent that is built anew in the place of the old one; the order of things is in
// repair.h.

#pragma once

#include "libregion/ops/repair_context.h"
#include "libregion/ops/repair_job.h"
#include "libregion/ops/repair_rebuild.h"

namespace libregion {

// What may be written over: every file of the extent is a regular one with one name, and data file
// and database, where they are there, were opened for what they are.
bool may_be_replaced(const Directory& leaf, const RepairJob& job);

// Builds it, saves what is replaced, and puts it in place. The extent's files are closed by then.
// Throws Error: in_use where somebody has opened a replica meanwhile, failed.
void replace_extent(RepairContext& context, Directory& leaf, RepairJob& job,
                    const RebuildSources& sources);

}  // namespace libregion
