// Creating a region, empty or with the content of an image.
//
// The order of things: extents, then a sync of them all, then the directories from the leaves up,
// then region.json last (written beside, synced, renamed, directory synced), then the directory
// that the region is in. A crash before the rename leaves a directory without region.json, which
// no tool takes for a region and which `force` clears; after it every extent is there.

#pragma once

#include <atomic>
#include <functional>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/input_stream.h"
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

// Where a region could be created. Throws Error (failed) where one cannot: there is a region, or
// something that is none, or without `force` what an interrupted create left.
// Returns whether there is anything to be cleared first.
bool check_create_target(FileSystem& file_system, const std::string& path, bool force);

// Throws Error (failed) where there is less space than the region takes at first.
void check_create_space(FileSystem& file_system, const std::string& path,
                        const CreateOptions& options);

// What it takes to make a region somewhere, whatever goes into it.
struct NewRegionOptions {
  bool force = false;
  std::uint64_t lock_wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;
};

// Makes the directory if it is not there, locks it, clears what may be cleared, and has it filled
// by `build`, whose last act is to make region.json durable. Where `build` throws, what it made is
// removed again. Throws Error: stopped, in_use, failed.
void make_region(FileSystem& file_system, const std::string& path, const NewRegionOptions& options,
                 const std::function<void(Directory& root)>& build);

// The region appears whole or not at all: what an error or a stop leaves is removed again.
// Throws Error: stopped, in_use, failed.
CreateSummary create_region(FileSystem& file_system, const std::string& path,
                            const CreateOptions& options);

}  // namespace libregion
