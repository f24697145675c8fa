// Opening an extent for reading, whichever format it has.

#pragma once

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"

namespace libregion {

// The presence of .db is the mark of a SQLite extent.
[[nodiscard]] inline ExtentFormat format_of(const ExtentParts& parts) {
  return parts.has(ExtentPart::db) ? ExtentFormat::sqlite : ExtentFormat::raw;
}

// Without its blocks.
ExtentSummary read_extent_summary(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                                  const Geometry& geometry, const FileClaim& claim);

OpenedExtent open_extent(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                         const Geometry& geometry, const FileClaim& claim);

}  // namespace libregion
