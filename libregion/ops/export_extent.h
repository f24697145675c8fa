// One extent's part of an image.

#pragma once

#include <atomic>

#include "libregion/ops/export.h"
#include "libregion/region/leaf.h"

namespace libregion {

// Where an extent's data goes.
struct ExtentPlace {
  ByteRange source;                       // of the extent's data
  std::uint64_t target_offset_bytes = 0;  // in the image
};

// Copies the part to its place in the image, checks it, reports findings and the extent's record.
// Ends early, with a summary that says why, once `is_ended` is set.
ExportSummary export_extent(const Region& region, const Leaf& leaf, ExtentId extent,
                            const ExtentPlace& place, ImageTarget& image,
                            const ExportOptions& options, const std::atomic<bool>& is_ended,
                            Reporter& reporter);

}  // namespace libregion
