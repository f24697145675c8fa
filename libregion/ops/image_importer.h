// Filling the extents of a new region with an image, one after the other.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/context_slot.h"
#include "libregion/format/units.h"
#include "libregion/io/file_system.h"
#include "libregion/io/input_stream.h"

namespace libregion {

// One for each block of an extent.
using Contexts = std::vector<std::optional<BlockContext>>;

class ImageImporter {
 public:
  // With `skip_zeros` blocks of zeros stay unwritten, without a context.
  ImageImporter(InputStream& image, const Geometry& geometry, bool skip_zeros)
      : image_(image), geometry_(geometry), skip_zeros_(skip_zeros) {}

  // Whether the image goes on: one byte is read ahead.
  bool has_more();

  // Writes the next extent's data and says what its contexts are. The rest of a block that the
  // image ends in is zero.
  Contexts import_extent(File& file);

  [[nodiscard]] std::uint64_t imported_bytes() const { return imported_bytes_; }
  [[nodiscard]] std::uint64_t written_blocks() const { return written_blocks_; }

 private:
  std::uint64_t import_chunk(File& file, std::uint64_t first, std::uint64_t count,
                             Contexts& contexts);
  void write_chunk(File& file, std::uint64_t first, Contexts& contexts);
  [[nodiscard]] bool is_skipped(std::uint64_t i) const;
  [[nodiscard]] ByteView blocks_of_chunk(std::uint64_t first, std::uint64_t end) const;

  InputStream& image_;
  Geometry geometry_;
  bool skip_zeros_;
  std::optional<std::byte> next_byte_;
  bool ended_ = false;
  Bytes chunk_;
  std::vector<std::uint64_t> hashes_;
  std::uint64_t imported_bytes_ = 0;
  std::uint64_t written_blocks_ = 0;
};

}  // namespace libregion
