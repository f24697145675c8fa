// An image that is to be imported, a chunk of blocks at a time.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/units.h"
#include "libregion/io/input_stream.h"

namespace libregion {

// Blocks of the image, counted from 0. The last one that the image has it may have in part: the
// rest is zero.
class ImageChunk {
 public:
  explicit ImageChunk(const Geometry& geometry) : geometry_(geometry) {}

  [[nodiscard]] std::uint64_t block_count() const { return data_.size() >> geometry_.shift(); }
  [[nodiscard]] ByteView data(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] ByteView data(std::uint64_t block) const { return data(block, block + 1); }
  [[nodiscard]] bool is_zero(std::uint64_t block) const { return all_zero(data(block)); }

  void hash();
  // The on-disk hash of a block's data, once they are hashed.
  [[nodiscard]] std::uint64_t hash_of(std::uint64_t block) const { return hashes_[block]; }

  // How many bytes the image did not have for the last block.
  [[nodiscard]] std::uint64_t missing_bytes() const { return missing_bytes_; }
  // Puts the end of `block_data`, a whole block, there. Nothing is missing then. After hash().
  void fill_missing(ByteView block_data);

 private:
  friend class ImageReader;

  Geometry geometry_;
  Bytes data_;
  std::vector<std::uint64_t> hashes_;
  std::uint64_t missing_bytes_ = 0;
};

class ImageReader {
 public:
  ImageReader(InputStream& image, const Geometry& geometry) : image_(image), geometry_(geometry) {}

  // Whether the image goes on: one byte is read ahead.
  bool has_more();

  // Reads the next blocks, at most `count_max`. The image must go on.
  void read(ImageChunk& chunk, std::uint64_t count_max);

  // Of the image, without what it lacks of its last block.
  [[nodiscard]] std::uint64_t imported_bytes() const { return imported_bytes_; }

 private:
  InputStream& image_;
  Geometry geometry_;
  std::optional<std::byte> next_byte_;
  bool ended_ = false;
  std::uint64_t imported_bytes_ = 0;
};

}  // namespace libregion
