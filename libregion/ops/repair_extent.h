// Repairing one extent; the order of things is in repair.h.

#pragma once

#include <string_view>

#include "libregion/ops/repair_context.h"
#include "libregion/ops/repair_job.h"

namespace libregion {

// Does, or with dry_run says, what there is to do. The job must have its extent and parts. Returns
// "repaired", "put_back", "left" or "none".
std::string_view repair_extent(RepairContext& context, Directory& leaf, RepairJob& job);

}  // namespace libregion
