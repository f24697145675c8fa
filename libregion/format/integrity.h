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

struct EncryptedBlock {
  const EncryptionContext* encryption = nullptr;
  const std::byte* data = nullptr;
};

// The integrity hash of each block; all are of one size.
void integrity_hashes(std::span<const EncryptedBlock> blocks, std::uint64_t block_size_bytes,
                      std::span<std::uint64_t> hashes);

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

// The on-disk hash of a block of zeros, of a size that blocks have: computed once.
std::uint64_t zero_block_hash(std::uint64_t block_size_bytes);

// A block of zeros: told by the on-disk hash first, which is known already where this is asked.
class ZeroBlock {
 public:
  explicit ZeroBlock(std::uint64_t block_size_bytes) : hash_(zero_block_hash(block_size_bytes)) {}
  [[nodiscard]] bool equals(ByteView block, std::uint64_t block_hash) const {
    return block_hash == hash_ && all_zero(block);
  }

 private:
  std::uint64_t hash_;
};

}  // namespace libregion
