#include "libregion/format/context_slot.h"

namespace libregion {
namespace {

std::size_t encoded_bytes(const SlotValue& value) {
  if (std::holds_alternative<EmptySlot>(value)) return empty_slot_bytes;
  if (const auto* context = std::get_if<BlockContext>(&value)) {
    return context->encryption ? context_slot_bytes : plain_slot_bytes;
  }
  return context_slot_bytes;  // Nothing is known of what follows a bad presence byte.
}

}  // namespace

SlotValue decode_context_slot(SlotView slot) {
  Decoder in(slot);
  const std::uint8_t present = in.u8();
  if (present > 1) return BadSlot{0, present};
  if (present == 0) return EmptySlot{};

  BlockContext context;
  context.hash = in.u64();
  const std::uint8_t encrypted = in.u8();
  if (encrypted > 1) return BadSlot{9, encrypted};
  if (encrypted == 1) {
    context.encryption.emplace();
    context.encryption->nonce = in.take_array<12>();
    context.encryption->tag = in.take_array<16>();
  }
  context.on_disk_hash = in.u64();
  context.flush_id = in.u16();
  return context;
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
  for (std::size_t i = encoded_bytes(decode_context_slot(slot)); i < slot.size(); ++i) {
    if (slot[i] != std::byte{0}) return i;
  }
  return std::nullopt;
}

}  // namespace libregion
