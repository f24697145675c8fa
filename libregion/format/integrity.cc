#include "libregion/format/integrity.h"

// The state of a stream, which may be moved to the stack: its layout is part of the library's ABI.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

namespace libregion {

std::uint64_t xxh64(ByteView bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::uint64_t on_disk_hash(ByteView block) { return xxh64(block); }

std::uint64_t integrity_hash(const EncryptionContext& encryption, ByteView block) {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  XXH64_update(&state, encryption.nonce.data(), encryption.nonce.size());
  XXH64_update(&state, encryption.tag.data(), encryption.tag.size());
  XXH64_update(&state, block.data(), block.size());
  return XXH64_digest(&state);
}

void on_disk_hashes(ByteView data, std::uint64_t block_size_bytes,
                    std::span<std::uint64_t> hashes) {
  LIBREGION_ASSERT(data.size() == hashes.size() * block_size_bytes);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    hashes[i] = on_disk_hash(data.subspan(i * block_size_bytes, block_size_bytes));
  }
}

struct HashStream::State {
  XXH64_state_t xxh64;
};

HashStream::HashStream() : state_(std::make_unique<State>()) { XXH64_reset(&state_->xxh64, 0); }

HashStream::~HashStream() = default;

void HashStream::add(ByteView bytes) { XXH64_update(&state_->xxh64, bytes.data(), bytes.size()); }

std::uint64_t HashStream::hash() const { return XXH64_digest(&state_->xxh64); }

}  // namespace libregion
