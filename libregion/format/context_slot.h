// A context slot: 48 bytes that say what a block's data must be. Every block has two, A and B.
//
//   empty (block never written)
//     0  u8  00          then zeros
//   present, not encrypted
//     0  u8  01          present
//     1  u64 hash        integrity hash
//     9  u8  00          no encryption context
//    10  u64 on-disk hash
//    18  u16 flush id    low 16 bits of the extent's flush number at the time; 0 if unknown
//    20      zeros
//   present, encrypted
//     0  u8  01          present
//     1  u64 hash        integrity hash
//     9  u8  01          an encryption context follows
//    10      nonce       12 bytes
//    22      tag         16 bytes
//    38  u64 on-disk hash
//    46  u16 flush id
//
// Integers are little-endian (Rust's bincode 1.x, default options). A presence byte other than 0
// and 1, at either place, is damage. Bytes after the encoded value are ignored on reading and
// written as zero.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "libregion/format/bytes.h"

namespace libregion {

// Which of a block's two slots, as the active-slot bits name them.
enum class ContextSlot : std::uint8_t { A = 0, B = 1 };

[[nodiscard]] constexpr ContextSlot other_slot(ContextSlot slot) {
  return slot == ContextSlot::A ? ContextSlot::B : ContextSlot::A;
}
[[nodiscard]] constexpr char slot_letter(ContextSlot slot) {
  return slot == ContextSlot::A ? 'A' : 'B';
}

struct EncryptionContext {
  std::array<std::byte, 12> nonce{};
  std::array<std::byte, 16> tag{};
  bool operator==(const EncryptionContext&) const = default;
};

struct BlockContext {
  std::uint64_t hash = 0;
  std::optional<EncryptionContext> encryption;
  std::uint64_t on_disk_hash = 0;
  std::uint16_t flush_id = 0;
  bool operator==(const BlockContext&) const = default;
};

struct EmptySlot {
  bool operator==(const EmptySlot&) const = default;
};

// A presence byte that is neither 0 nor 1.
struct BadSlot {
  std::uint8_t offset_bytes = 0;  // in the slot: 0 or 9
  std::uint8_t found = 0;
  bool operator==(const BadSlot&) const = default;
};

using SlotValue = std::variant<EmptySlot, BlockContext, BadSlot>;

constexpr std::size_t empty_slot_bytes = 1;
constexpr std::size_t plain_slot_bytes = 1 + 8 + 1 + 8 + 2;
constexpr std::size_t context_slot_bytes = 1 + 8 + 1 + 12 + 16 + 8 + 2;
static_assert(plain_slot_bytes == 20 && context_slot_bytes == 48);

using SlotView = std::span<const std::byte, context_slot_bytes>;

SlotValue decode_context_slot(SlotView slot);

// What decoding it has against a slot, without decoding it.
std::optional<BadSlot> find_bad_presence(SlotView slot);

// Whether it holds the context of an encrypted block.
bool is_encrypted(SlotView slot);

// Encodes a present slot; an empty one is all zeros.
void encode_context_slot(const BlockContext& context,
                         std::span<std::byte, context_slot_bytes> slot);

// The offset in the slot of the first byte after the encoded value that is not zero.
std::optional<std::size_t> find_stray_byte(SlotView slot);

}  // namespace libregion
