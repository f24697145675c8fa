// An image that is to be imported, a chunk of blocks at a time.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/units.h"
#include "libregion/io/input_stream.h"

namespace libregion {

class ImageReader {
 public:
  ImageReader(InputStream& image, const Geometry& geometry) : image_(image), geometry_(geometry) {}

  // Whether the image goes on: one byte is read ahead.
  bool has_more();

  // Reads and hashes the next blocks: a chunk of them, at most `count_max`. Returns how many the
  // image still filled, the last one perhaps in part: its rest is zero. The image must go on.
  std::uint64_t read_blocks(std::uint64_t count_max);

  // ---- the blocks that were read last, counted from 0 -------------------------------------------

  [[nodiscard]] ByteView data(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] ByteView data(std::uint64_t block) const { return data(block, block + 1); }
  // The on-disk hash of its data.
  [[nodiscard]] std::uint64_t hash(std::uint64_t block) const { return hashes_[block]; }
  [[nodiscard]] bool is_zero(std::uint64_t block) const;

  // How many bytes the image did not have for the last block.
  [[nodiscard]] std::uint64_t missing_bytes() const { return missing_bytes_; }
  // Puts the end of `block_data`, a whole block, there. Nothing is missing then.
  void fill_missing(ByteView block_data);

  // Of the image, without what it lacks of its last block.
  [[nodiscard]] std::uint64_t imported_bytes() const { return imported_bytes_; }

 private:
  InputStream& image_;
  Geometry geometry_;
  std::optional<std::byte> next_byte_;
  bool ended_ = false;
  Bytes chunk_;
  std::vector<std::uint64_t> hashes_;
  std::uint64_t missing_bytes_ = 0;
  std::uint64_t imported_bytes_ = 0;
};

}  // namespace libregion
