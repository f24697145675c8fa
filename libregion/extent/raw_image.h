// Writing what stands behind the data of a raw extent, in a file that nobody relies on yet.

#pragma once

#include "libregion/format/active_slots.h"
#include "libregion/format/metadata.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/slot_array.h"
#include "libregion/io/file_system.h"

namespace libregion {

// Cuts the file behind the block data, or extends it to there, and writes `slots` as `array`, the
// other array empty, that slot active for every block that has a context, and `metadata`. What is
// zero stays a hole. Nothing is synced.
void write_raw_tail(File& file, const Geometry& geometry, const SlotArray& slots, ContextSlot array,
                    const ExtentMetadata& metadata);

// Makes a new, empty file an extent that was never written: two calls, whatever its size.
void write_empty_raw_extent(File& file, const Geometry& geometry, const ExtentMetadata& metadata);

}  // namespace libregion
