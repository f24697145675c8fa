// Creating a region, empty or with the content of an image.
//
// The order of things is that of region/region_in_making.h, without a mark.

#pragma once

#include <atomic>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/input_stream.h"
#include "libregion/region/new_region.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct CreateOptions {
  RegionDefinition definition;  // extent_count grows where the image needs more
  ExtentFormat format = ExtentFormat::raw;
  InputStream* image = nullptr;  // to import; not for encrypted regions
  bool skip_zeros = false;       // blocks of zeros stay unwritten
  bool force = false;            // clear what an interrupted create left
  std::uint64_t lock_wait_seconds = 0;
  unsigned jobs = 1;
  const std::atomic<bool>* stop = nullptr;
  Progress* progress = nullptr;
};

struct CreateSummary {
  RegionDefinition definition;       // as created
  std::uint64_t imported_bytes = 0;  // of the image, without padding
  std::uint64_t written_blocks = 0;
  std::uint64_t apparent_bytes = 0;  // of all files
};

// The bytes of all files of a new region with an image of this size in it, holes counted in. Exact,
// but for the databases of an imported image: a few hashes in a million take fewer bytes.
std::uint64_t apparent_region_bytes(const RegionDefinition& definition, ExtentFormat format,
                                    std::uint64_t image_bytes = 0);

// The definition with as many extents as an image of this size needs, or more.
RegionDefinition extend_to_fit(const RegionDefinition& definition, std::uint64_t image_bytes);

// Throws Error (failed) where there is less space than the region takes at first.
void check_create_space(FileSystem& file_system, const std::string& path,
                        const CreateOptions& options);

// The region appears whole or not at all: what an error or a stop leaves is removed again, unless
// the error is a sync that failed. Throws Error: stopped, in_use, failed.
CreateSummary create_region(FileSystem& file_system, const std::string& path,
                            const CreateOptions& options);

}  // namespace libregion
