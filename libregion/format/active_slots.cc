#include "libregion/format/active_slots.h"

namespace libregion {
namespace {

std::byte bit_of(std::uint64_t block) { return std::byte{1} << (block % 8); }

}  // namespace

ActiveSlots::ActiveSlots(std::uint64_t block_count)
    : block_count_(block_count), bits_(active_slots_bytes(block_count)) {}

ActiveSlots::ActiveSlots(std::uint64_t block_count, ByteView bits)
    : block_count_(block_count), bits_(bits.begin(), bits.end()) {
  LIBREGION_ASSERT(bits.size() == active_slots_bytes(block_count));
}

ContextSlot ActiveSlots::at(std::uint64_t block) const {
  LIBREGION_ASSERT(block < block_count_);
  const bool is_set = (bits_[block / 8] & bit_of(block)) != std::byte{0};
  return is_set ? ContextSlot::B : ContextSlot::A;
}

void ActiveSlots::set(std::uint64_t block, ContextSlot slot) {
  LIBREGION_ASSERT(block < block_count_);
  if (slot == ContextSlot::B) {
    bits_[block / 8] |= bit_of(block);
  } else {
    bits_[block / 8] &= ~bit_of(block);
  }
}

std::uint8_t ActiveSlots::unused_bits() const {
  const std::uint64_t used = block_count_ % 8;
  if (used == 0) return 0;
  return static_cast<std::uint8_t>(std::to_integer<unsigned>(bits_.back()) >> used << used);
}

void ActiveSlots::clear_unused_bits() {
  if (!bits_.empty()) bits_.back() &= ~std::byte{unused_bits()};
}

}  // namespace libregion
