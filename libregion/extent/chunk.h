// Both backends read block data in chunks: large enough for few system calls, small enough to stay
// in the processor's cache until the data has been hashed and looked at.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "libregion/format/bytes.h"
#include "libregion/format/integrity.h"
#include "libregion/format/units.h"
#include "libregion/io/file_system.h"

namespace libregion {

class BlockChunk {
 public:
  explicit BlockChunk(const Geometry& geometry) : geometry_(geometry) {}

  // How many of `range`'s blocks, from its first on, one chunk takes.
  [[nodiscard]] std::uint64_t blocks_of(BlockRange range) const {
    return std::min(range.count, std::max<std::uint64_t>(1, chunk_bytes >> geometry_.shift()));
  }

  // Reads the blocks' data and hashes it; range.count must be at most blocks_of(range).
  void load(const File& file, BlockRange range) {
    first_block_ = range.first;
    data_.resize(range.count << geometry_.shift());
    hashes_.resize(range.count);
    file.read(geometry_.block_offset_bytes(range.first), data_);
    on_disk_hashes(data_, geometry_.block_size_bytes(), hashes_);
  }

  [[nodiscard]] ByteView data(std::uint64_t block) const {
    return ByteView(data_).subspan((block - first_block_) << geometry_.shift(),
                                   geometry_.block_size_bytes());
  }
  [[nodiscard]] std::uint64_t hash(std::uint64_t block) const {
    return hashes_[block - first_block_];
  }

 private:
  static constexpr std::uint64_t chunk_bytes = std::uint64_t{512} << 10;

  Geometry geometry_;
  std::uint64_t first_block_ = 0;
  Bytes data_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace libregion
