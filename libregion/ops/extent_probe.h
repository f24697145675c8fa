// Whether somebody else uses an extent: asked before a job's first change, and again where somebody
// waited for an extent while it was being changed.

#pragma once

#include <optional>
#include <span>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"
#include "libregion/region/region.h"

namespace libregion {

// The finding for an extent that could not be read.
Finding unreadable_finding(ExtentId extent, const Error& error);

// Claims a file of an extent, and lets go of it again. A finding where it cannot be opened: nobody
// knows who uses it. Throws Error in_use.
std::optional<Finding> probe_extent_file(const Region& region, const Directory& leaf,
                                         ExtentId extent, ExtentPart part);

// Whether somebody waits for one of the extent's files.
bool has_broken_lease(const ExtentReader& extent);

// Somebody waited for these extents, which are closed now, and has them in a moment. If it is there
// to use the region, the claim is refused, and this throws Error in_use.
void yield_to_others(const Region& region, const Directory& leaf,
                     std::span<const ExtentId> awaited);

}  // namespace libregion
