// Exporting a region: the data of its extents, one after the other, as an image. Raw and SQLite,
// clean and dirty alike; every block is checked against its context on the way. The region is not
// changed.
//
// The order of things, where the image is a file:
//   1. the image, its contexts and its manifest written under temporary names
//   2. each of them synced
//   3. contexts and manifest renamed, their directories synced
//   4. the image renamed, its directory synced     an image that is there is whole, and has them
// A crash leaves the names as they were, or some of contexts and manifest new and the image as it
// was, or all of them whole. Once a call in 2 to 4 has failed nothing is synced, renamed or
// removed.

#pragma once

#include <optional>

#include "libregion/format/encryption_key.h"
#include "libregion/io/image_target.h"
#include "libregion/ops/export_records.h"
#include "libregion/ops/walk.h"

namespace libregion {

// What becomes of a block whose data or context is in doubt, and of what cannot be read.
enum class OnBad : std::uint8_t {
  stop,  // the export ends there; no file is kept
  keep,  // the data as it is, and encrypted as it was; zeros for what cannot be read
  zero,  // zeros
};

struct ExportOptions {
  WalkOptions walk;
  // The part of the image that is wanted: of the data of the selected extents, one after the other.
  std::uint64_t offset_bytes = 0;
  std::optional<std::uint64_t> length_bytes = std::nullopt;  // all that follows
  bool check = true;
  OnBad on_bad = OnBad::stop;
  const EncryptionKey* key = nullptr;  // decrypts the blocks; a block whose tag fails is bad
  ExportRecords* records = nullptr;    // contexts and manifest
  Progress* progress = nullptr;
};

struct ExportSummary {
  std::uint64_t extent_count = 0;  // that the image has data of
  std::uint64_t block_count = 0;   // looked at, or copied
  std::uint64_t bad_count = 0;     // of these
  std::uint64_t image_bytes = 0;
  std::uint64_t data_bytes = 0;  // of these; the rest is zeros that were not written
  bool has_io_errors = false;    // something could not be read
  bool has_changed = false;      // somebody used an extent while it was read
  bool ended_at_bad = false;     // on_bad was stop
  bool stopped = false;          // on request, or nobody reads any more

  // Whether the image is whole: else no file is kept.
  [[nodiscard]] bool is_whole() const { return !has_changed && !ended_at_bad && !stopped; }
};

// How many bytes of image the options ask for. Throws Error (usage) where the image has no such
// part.
std::uint64_t exported_bytes(const RegionDefinition& definition, const ExportOptions& options);

// Throws Error: usage where the image would be written over a file of the region, failed where it
// cannot be written.
ExportSummary export_region(const Region& region, ImageTarget& image, const ExportOptions& options,
                            Reporter& reporter);

}  // namespace libregion
