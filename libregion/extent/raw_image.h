// Writing what stands behind the data of a raw extent, in a file that nobody relies on yet.

#pragma once

#include <optional>
#include <span>

#include "libregion/format/active_slots.h"
#include "libregion/format/raw_layout.h"
#include "libregion/io/file_system.h"

namespace libregion {

// Cuts the file behind the block data, or extends it to there, and writes `contexts` (one for each
// block) into the slots of `array`, the other array empty, that slot active for every block that
// has a context, and `metadata`. What is zero stays a hole. Nothing is synced.
void write_raw_tail(File& file, const Geometry& geometry,
                    std::span<const std::optional<BlockContext>> contexts, ContextSlot array,
                    const ExtentMetadata& metadata);

// Makes a new, empty file an extent that was never written: two calls, whatever its size.
void write_empty_raw_extent(File& file, const Geometry& geometry, const ExtentMetadata& metadata);

}  // namespace libregion
