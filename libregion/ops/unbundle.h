// Making a region of a bundle: sparse, without data, and with the same findings as the region that
// was bundled. What of them does not show: ops/bundle.h.
//
// Every name, every size, and everything behind the data is as it was; contexts stand to the zeros
// as they stood to the data (format/bundle_records.h). In place of what only a disk can have, a
// symbolic link for instance, stands something that is not what should be there either: a directory
// for a file, an empty file for a directory.
//
// Its extents have numbers of their own, and there may be strays, so that what is half made could
// not be told from a region that lost its region.json. So it is marked from the first: the order of
// things is that of region/region_in_making.h.

#pragma once

#include "libregion/ops/bundle_reader.h"
#include "libregion/region/region_in_making.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct UnbundleOptions {
  NewRegionOptions target;
  Progress* progress = nullptr;
};

struct UnbundleSummary {
  std::uint64_t file_count = 0;
  std::uint64_t apparent_bytes = 0;  // of all files, holes counted in
};

// Throws Error (failed) where there is less space than the extents' files take at least.
void check_unbundle_space(FileSystem& file_system, const std::string& path,
                          const BundleReader& bundle);

// `bundle` must not have been read from. The region appears whole or not at all: what an error or a
// stop leaves is removed again, unless the error is a sync that failed. How much space it takes
// shows only while it is made, as zeros of the bundle become holes. Throws Error: stopped, in_use,
// failed.
UnbundleSummary create_from_bundle(FileSystem& file_system, const std::string& path,
                                   BundleReader& bundle, const UnbundleOptions& options);

}  // namespace libregion
