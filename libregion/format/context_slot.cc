#include "libregion/format/context_slot.h"

namespace libregion {
namespace {

constexpr std::uint8_t present_offset = 0;
constexpr std::uint8_t encrypted_offset = 1 + 8;

std::size_t encoded_bytes(SlotView slot) {
  if (find_bad_presence(slot)) return context_slot_bytes;  // Nothing is known of what follows.
  if (slot[present_offset] == std::byte{0}) return empty_slot_bytes;
  return slot[encrypted_offset] == std::byte{0} ? plain_slot_bytes : context_slot_bytes;
}

// Built where it is returned: a copy of what was written in small parts would wait for them.
SlotValue decode_present_slot(SlotView slot) {
  SlotValue value(std::in_place_type<BlockContext>);
  auto& context = *std::get_if<BlockContext>(&value);
  Decoder in(slot.subspan<1>());
  context.hash = in.u64();
  if (in.u8() == 1) {
    auto& encryption = context.encryption.emplace();
    encryption.nonce = in.take_array<12>();
    encryption.tag = in.take_array<16>();
  }
  context.on_disk_hash = in.u64();
  context.flush_id = in.u16();
  return value;
}

}  // namespace

std::optional<BadSlot> find_bad_presence(SlotView slot) {
  const auto present = std::to_integer<std::uint8_t>(slot[present_offset]);
  const auto encrypted = std::to_integer<std::uint8_t>(slot[encrypted_offset]);
  if (present > 1) return BadSlot{present_offset, present};
  if (present == 1 && encrypted > 1) return BadSlot{encrypted_offset, encrypted};
  return std::nullopt;
}

bool is_encrypted(SlotView slot) {
  return slot[present_offset] == std::byte{1} && slot[encrypted_offset] == std::byte{1};
}

SlotValue decode_context_slot(SlotView slot) {
  if (const auto bad = find_bad_presence(slot)) return *bad;
  if (slot[present_offset] == std::byte{0}) return EmptySlot{};
  return decode_present_slot(slot);
}

void encode_context_slot(const BlockContext& context,
                         std::span<std::byte, context_slot_bytes> slot) {
  Encoder out(slot);
  out.u8(1);
  out.u64(context.hash);
  out.u8(context.encryption ? 1 : 0);
  if (context.encryption) {
    out.put(context.encryption->nonce);
    out.put(context.encryption->tag);
  }
  out.u64(context.on_disk_hash);
  out.u16(context.flush_id);
  out.zeros();
}

std::optional<std::size_t> find_stray_byte(SlotView slot) {
  const std::size_t first = encoded_bytes(slot);
  if (all_zero(slot.subspan(first))) return std::nullopt;
  std::size_t stray = first;
  while (slot[stray] == std::byte{0}) ++stray;
  return stray;
}

}  // namespace libregion
