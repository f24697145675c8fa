#include "libregion/format/slot_array.h"

namespace libregion {

std::optional<BlockContext> SlotArray::at(std::uint64_t block) const {
  if (!has(block)) return std::nullopt;
  const ByteView slot = bytes().subspan(block * context_slot_bytes, context_slot_bytes);
  return std::get<BlockContext>(decode_context_slot(SlotView(slot)));
}

std::uint64_t SlotArray::context_count() const {
  std::uint64_t count = 0;
  for (std::uint64_t block = 0; block < block_count(); ++block) count += has(block) ? 1U : 0U;
  return count;
}

}  // namespace libregion
