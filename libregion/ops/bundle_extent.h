// Bundling the files of an extent, or of its replacement.

#pragma once

#include "libregion/ops/bundle.h"
#include "libregion/ops/bundle_listing.h"
#include "libregion/ops/bundle_notes.h"
#include "libregion/ops/bundle_writer.h"

namespace libregion {

// What a bundling works with.
struct BundleWork {
  const Region& region;
  const BundleOptions& options;
  BundleWriter& writer;
  BundleNotes& notes;
};

// Writes the members that hold what is in the files there. What cannot be read is told, and zeros
// or left out. Throws what ends the bundling: SinkFailure, Error where it is no failure to read.
void bundle_files(const BundleWork& work, const BundledPlace& place, const ExtentParts& parts);

}  // namespace libregion
