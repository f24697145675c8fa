#include "libregion/format/active_slots.h"

#include <algorithm>
#include <array>

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

void ActiveSlots::set_all(ContextSlot slot) {
  const std::byte unused{unused_bits()};
  std::fill(bits_.begin(), bits_.end(), slot == ContextSlot::B ? std::byte{0xFF} : std::byte{0});
  clear_unused_bits();
  if (!bits_.empty()) bits_.back() |= unused;
}

std::uint64_t ActiveSlots::blocks_in(ContextSlot array, std::uint64_t first) const {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  LIBREGION_ASSERT(first % 64 == 0 && first < block_count_);
  const ByteView bits = bytes().subspan(first / 8);
  std::array<std::byte, 8> word{};
  std::copy_n(bits.begin(), std::min(bits.size(), word.size()), word.begin());
  const std::uint64_t in_b = Decoder(word).u64();
  const std::uint64_t count = block_count_ - first;
  const std::uint64_t blocks = count < 64 ? ~(all << count) : all;
  return (array == ContextSlot::B ? in_b : ~in_b) & blocks;
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
