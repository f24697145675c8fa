#include "libregion/format/integrity.h"

#include <bit>
#include <type_traits>

#include "libregion/format/hash_kernels/block_hashes.h"
#include "libregion/format/units.h"

// The state of a stream, which may be moved to the stack: its layout is part of the library's ABI.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

namespace libregion {
namespace {

constexpr std::size_t streams_at_once = 64;

// Nonce and tag stand side by side, in the order in which they are hashed.
static_assert(std::is_standard_layout_v<EncryptionContext> &&
              sizeof(EncryptionContext) == block_head_bytes &&
              offsetof(EncryptionContext, nonce) == 0 && offsetof(EncryptionContext, tag) == 12);

}  // namespace

std::uint64_t xxh64(ByteView bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::uint64_t on_disk_hash(ByteView block) { return xxh64(block); }

std::uint64_t integrity_hash(const EncryptionContext& encryption, ByteView block) {
  std::uint64_t hash = 0;
  const EncryptedBlock one{&encryption, block.data()};
  integrity_hashes({&one, 1}, block.size(), {&hash, 1});
  return hash;
}

void on_disk_hashes(ByteView data, std::uint64_t block_size_bytes,
                    std::span<std::uint64_t> hashes) {
  LIBREGION_ASSERT(data.size() == hashes.size() * block_size_bytes);
  std::array<BlockStream, streams_at_once> streams;
  for (std::size_t first = 0; first < hashes.size(); first += streams_at_once) {
    const std::size_t count = std::min(streams_at_once, hashes.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      streams[i].data = data.data() + (first + i) * block_size_bytes;
    }
    hash_block_streams(std::span(streams).first(count), block_size_bytes,
                       hashes.subspan(first, count));
  }
}

void integrity_hashes(std::span<const EncryptedBlock> blocks, std::uint64_t block_size_bytes,
                      std::span<std::uint64_t> hashes) {
  LIBREGION_ASSERT(blocks.size() == hashes.size());
  std::array<BlockStream, streams_at_once> streams;
  for (std::size_t first = 0; first < blocks.size(); first += streams_at_once) {
    const std::size_t count = std::min(streams_at_once, blocks.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      const EncryptedBlock& block = blocks[first + i];
      streams[i] = {std::as_bytes(std::span(block.encryption, 1)).data(), block.data};
    }
    hash_block_streams(std::span(streams).first(count), block_size_bytes,
                       hashes.subspan(first, count));
  }
}

std::uint64_t zero_block_hash(std::uint64_t block_size_bytes) {
  constexpr std::uint32_t shift_count = Geometry::shift_max - Geometry::shift_min + 1;
  static const auto hashes = [] {
    const Bytes zeros(std::size_t{1} << Geometry::shift_max);
    std::array<std::uint64_t, shift_count> of_shift{};
    for (std::uint32_t i = 0; i < shift_count; ++i) {
      of_shift[i] =
          on_disk_hash(ByteView(zeros).first(std::size_t{1} << (Geometry::shift_min + i)));
    }
    return of_shift;
  }();
  const auto shift = static_cast<std::uint32_t>(std::countr_zero(block_size_bytes));
  LIBREGION_ASSERT(std::has_single_bit(block_size_bytes) && shift >= Geometry::shift_min &&
                   shift <= Geometry::shift_max);
  return hashes[shift - Geometry::shift_min];
}

struct HashStream::State {
  XXH64_state_t xxh64;
};

HashStream::HashStream() : state_(std::make_unique<State>()) { XXH64_reset(&state_->xxh64, 0); }

HashStream::~HashStream() = default;

void HashStream::add(ByteView bytes) { XXH64_update(&state_->xxh64, bytes.data(), bytes.size()); }

std::uint64_t HashStream::hash() const { return XXH64_digest(&state_->xxh64); }

}  // namespace libregion
