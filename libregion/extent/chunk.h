// Both backends read block data in chunks: large enough for few system calls, small enough to stay
// in the processor's cache until the data has been hashed and looked at.

#pragma once

#include <cstdint>
#include <vector>

#include "libregion/extent/block_record.h"
#include "libregion/extent/known_zeros.h"
#include "libregion/format/units.h"
#include "libregion/io/read_window.h"

namespace libregion {

// The data of some blocks of one file, and their hashes.
class BlockChunk {
 public:
  explicit BlockChunk(const Geometry& geometry) : geometry_(geometry) {}

  // How many of `range`'s blocks, from its first on, one chunk takes.
  [[nodiscard]] std::uint64_t blocks_of(BlockRange range) const;

  // Reads the blocks' data and hashes it, unless it is known to be zero; range.count must be at
  // most blocks_of(range). Who takes whole chunks goes on: what follows is read with them.
  void load(const File& file, BlockRange range);
  // The same with data that are a view of the file, and may be torn: see File::view.
  void load_view(const File& file, BlockRange range);

  // How many of `range`'s blocks, from its first on, are known to be zero without being read.
  [[nodiscard]] std::uint64_t known_zero_blocks(const File& file, BlockRange range);

  [[nodiscard]] ByteView data(std::uint64_t block) const {
    return data_.subspan((block - first_block_) << geometry_.shift(), geometry_.block_size_bytes());
  }
  [[nodiscard]] std::uint64_t hash(std::uint64_t block) const {
    return hashes_[block - first_block_];
  }

 private:
  [[nodiscard]] ByteRange bytes_of(BlockRange range) const;
  bool load_zeros(const File& file, BlockRange range);
  ByteView read(const File& file, BlockRange range);
  void hash(ByteView data);

  Geometry geometry_;
  std::uint64_t first_block_ = 0;
  ByteView data_;
  std::vector<std::uint64_t> hashes_;
  KnownZeros zeros_;
  ReadWindow window_{std::uint64_t{2} << 20};
};

// Zeros, at most as many as a chunk has bytes of data.
ByteView zero_bytes(std::uint64_t length_bytes);

// Gives the integrity hash to the records of encrypted blocks whose data are what was written.
void add_integrity_hashes(std::span<BlockRecord> records);

}  // namespace libregion
