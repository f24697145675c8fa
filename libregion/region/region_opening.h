// Opening all extents of a region for writing, as region_writer.h says it is done.

#pragma once

#include <memory>
#include <vector>

#include "libregion/extent/raw_extent_writer.h"
#include "libregion/region/region.h"

namespace libregion {

// By their numbers. The region must be open for read_write.
std::vector<std::unique_ptr<RawExtentWriter>> open_extents_for_writing(
    const Region& region, const RawWriterOptions& options);

}  // namespace libregion
