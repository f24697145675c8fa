// Bundling a region as a file, which appears whole or not at all.
//
// The order of things is that of io/staged_file.h: whatever ends it before the last, an error, a
// stop or a crash, leaves the name as it was.

#pragma once

#include <string>

#include "libregion/ops/bundle.h"

namespace libregion {

struct BundleFileOptions {
  std::string path;      // must not be below the region
  bool replace = false;  // a file that is there
};

// Throws Error: as write_bundle() and StagedFile do.
BundleSummary write_bundle_file(FileSystem& file_system, const Region& region,
                                const BundleOptions& options, const BundleFileOptions& file,
                                Reporter& reporter);

}  // namespace libregion
