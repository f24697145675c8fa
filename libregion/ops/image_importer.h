// Filling the extents of a new region with an image, one after the other.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/context_slot.h"
#include "libregion/io/file_system.h"
#include "libregion/ops/image_reader.h"

namespace libregion {

// One for each block of an extent.
using Contexts = std::vector<std::optional<BlockContext>>;

class ImageImporter {
 public:
  // With `skip_zeros` blocks of zeros stay unwritten, without a context.
  ImageImporter(InputStream& image, const Geometry& geometry, bool skip_zeros)
      : image_(image, geometry), geometry_(geometry), skip_zeros_(skip_zeros) {}

  bool has_more() { return image_.has_more(); }

  // Writes the next extent's data and says what its contexts are. The rest of a block that the
  // image ends in is zero.
  Contexts import_extent(File& file);

  [[nodiscard]] std::uint64_t imported_bytes() const { return image_.imported_bytes(); }
  [[nodiscard]] std::uint64_t written_blocks() const { return written_blocks_; }

 private:
  void write_chunk(File& file, std::uint64_t first, std::uint64_t count, Contexts& contexts);
  [[nodiscard]] bool is_skipped(std::uint64_t i) const { return skip_zeros_ && image_.is_zero(i); }

  ImageReader image_;
  Geometry geometry_;
  bool skip_zeros_;
  std::uint64_t written_blocks_ = 0;
};

}  // namespace libregion
