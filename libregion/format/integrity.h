// The two hashes of a block, both XXH64 with seed 0:
//   on-disk hash     of the block's bytes as they are on disk
//   integrity hash   not encrypted: the same; encrypted: of nonce, tag, data as one stream

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

// XXH64 with seed 0, of anything.
std::uint64_t xxh64(ByteView bytes);

std::uint64_t on_disk_hash(ByteView block);

// The hash that a writer of this block, encrypted like this, would have sent.
std::uint64_t integrity_hash(const EncryptionContext& encryption, ByteView block);

// The on-disk hash of each block in `data`: hashes.size() blocks of block_size_bytes each.
void on_disk_hashes(ByteView data, std::uint64_t block_size_bytes, std::span<std::uint64_t> hashes);

// XXH64, seed 0, of bytes that come piece by piece.
class HashStream {
 public:
  HashStream();
  ~HashStream();
  HashStream(const HashStream&) = delete;
  HashStream& operator=(const HashStream&) = delete;

  void add(ByteView bytes);
  [[nodiscard]] std::uint64_t hash() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A block of zeros: told by the on-disk hash first, which is known already where this is asked.
class ZeroBlock {
 public:
  explicit ZeroBlock(std::uint64_t block_size_bytes)
      : hash_(on_disk_hash(Bytes(block_size_bytes))) {}
  [[nodiscard]] bool equals(ByteView block, std::uint64_t block_hash) const {
    return block_hash == hash_ && all_zero(block);
  }

 private:
  std::uint64_t hash_;
};

}  // namespace libregion
