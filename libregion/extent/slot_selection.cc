#include "libregion/extent/slot_selection.h"

namespace libregion {
namespace {

bool matches(const SlotValue& slot, std::uint64_t data_hash) {
  const auto* context = std::get_if<BlockContext>(&slot);
  return context != nullptr && context->on_disk_hash == data_hash;
}

}  // namespace

std::optional<ContextSlot> select_dirty_slot(const SlotValue& slot_a, const SlotValue& slot_b,
                                             std::uint64_t data_hash) {
  if (matches(slot_b, data_hash)) return ContextSlot::B;
  if (matches(slot_a, data_hash)) return ContextSlot::A;
  if (std::holds_alternative<EmptySlot>(slot_a)) return ContextSlot::A;
  if (std::holds_alternative<EmptySlot>(slot_b)) return ContextSlot::B;
  return std::nullopt;
}

std::optional<std::size_t> select_row(std::span<const SlotValue> rows, std::uint64_t data_hash) {
  if (rows.size() == 1) return 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (matches(rows[i], data_hash)) return i;
  }
  return std::nullopt;
}

}  // namespace libregion
