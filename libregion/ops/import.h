// Writing an image into an existing raw region.
//
// Every extent that the image touches is looked at before anything is changed: where one is
// refused, nothing is. Then, for a batch of extents at a time:
//   0. the leaf directory synced                          what is found is there, what is gone
//   stays
//                                                         gone
//   1. replacements finished, .copy and .completed        each survives a crash by itself, see
//      removed                                            region/staging.h
//   2. ZZZ.copy/ZZZ built: what the extent holds, with    .copy is worth nothing
//      the image's blocks in it
//   3. the built files synced, then the .copy directories
//   4. .copy renamed to .replace, the leaf directory      from here on the extent must become what
//      synced                                             was built
//   5. copied over the extents' files, those synced       .replace is still there: done again
//   6. .replace renamed to .completed, the directory      .completed needs only to be removed
//      synced; .completed removed, the directory synced
// A crash anywhere leaves each extent as it was or with the image's blocks, or with a pending
// replacement that Crucible, region-migrate and the next import finish. Running it again goes on:
// an extent that holds the image already is left as it is. After a sync that fails nothing more is
// renamed, removed or synced.

#pragma once

#include <atomic>

#include "libregion/io/input_stream.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct ImportOptions {
  InputStream* image = nullptr;   // from where it stands to its end
  std::uint64_t first_block = 0;  // in the region: where the image begins
  bool skip_zeros = false;        // its zeros do not write blocks that were never written
  bool dry_run = false;           // say what would be done, change nothing
  unsigned jobs = 1;
  const std::atomic<bool>* stop = nullptr;
  Progress* progress = nullptr;
};

struct ImportSummary {
  std::uint64_t extent_count = 0;    // that the image touches
  std::uint64_t replaced_count = 0;  // built anew, or a pending replacement put in place
  std::uint64_t cleaned_count = 0;   // nothing but leftovers of repairs removed
  std::uint64_t left_count = 0;      // left alone
  std::uint64_t image_blocks = 0;    // that the extents took, or had already
  std::uint64_t written_blocks = 0;  // of them, those that were not there already
  std::uint64_t imported_bytes = 0;  // of the image
  bool has_io_errors = false;
  bool stopped = false;

  [[nodiscard]] std::uint64_t changed_count() const { return replaced_count + cleaned_count; }
};

// How many extents the image touches; all from its first on where its size is not known. Throws
// Error (usage) where it does not fit.
std::uint64_t count_import_extents(const RegionDefinition& definition,
                                   const ImportOptions& options);

// The region must be open for read_write, or for read with dry_run. Throws Error: usage where the
// image does not fit, or the region is encrypted or has SQLite extents there; in_use where somebody
// has one of its files open; failed where space is short, a read, write or sync fails, or an image
// of unknown size goes on behind the region's end.
ImportSummary import_image(const Region& region, const ImportOptions& options, Reporter& reporter);

}  // namespace libregion
