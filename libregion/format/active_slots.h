// Which slot of each block is active: one bit a block, block i in bit i % 8 (bit 0 the least
// significant) of byte i / 8; 0 is slot A, 1 is slot B. Unused bits of the last byte are 0.
// On disk the bits are valid only while the extent is not dirty.

#pragma once

#include <cstddef>
#include <cstdint>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

[[nodiscard]] constexpr std::uint64_t active_slots_bytes(std::uint64_t block_count) {
  return (block_count + 7) / 8;
}

class ActiveSlots {
 public:
  // All blocks on slot A.
  explicit ActiveSlots(std::uint64_t block_count);

  // As read from disk; bits.size() must be active_slots_bytes(block_count).
  ActiveSlots(std::uint64_t block_count, ByteView bits);

  [[nodiscard]] std::uint64_t block_count() const { return block_count_; }
  [[nodiscard]] ContextSlot at(std::uint64_t block) const;
  void set(std::uint64_t block, ContextSlot slot);
  void set_all(ContextSlot slot);

  // Which of 64 blocks have their active slot in this array: block `first` + i in bit i. `first` is
  // a multiple of 64; behind the last block bits are 0.
  [[nodiscard]] std::uint64_t blocks_in(ContextSlot array, std::uint64_t first) const;

  // As they go to disk, unused bits included.
  [[nodiscard]] ByteView bytes() const { return bits_; }

  // The unused bits of the last byte, in place; 0 unless something wrote them.
  [[nodiscard]] std::uint8_t unused_bits() const;
  void clear_unused_bits();

 private:
  std::uint64_t block_count_;
  Bytes bits_;
};

}  // namespace libregion
