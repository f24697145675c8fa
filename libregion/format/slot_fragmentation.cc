#include "libregion/format/slot_fragmentation.h"

#include <bit>

namespace libregion {

SlotFragmentation measure_fragmentation(const ActiveSlots& slots) {
  SlotFragmentation measured;
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    SlotFragmentation::Usage& usage = array == ContextSlot::A ? measured.a : measured.b;
    std::uint64_t block_before = 0;  // whether it is in the array: 0 or 1
    for (std::uint64_t first = 0; first < slots.block_count(); first += 64) {
      const std::uint64_t blocks = slots.blocks_in(array, first);
      // A run begins where the block before is in the other one.
      const std::uint64_t begins = blocks & ~(blocks << 1U | block_before);
      usage.block_count += static_cast<unsigned>(std::popcount(blocks));
      usage.run_count += static_cast<unsigned>(std::popcount(begins));
      block_before = blocks >> 63U;
    }
  }
  return measured;
}

}  // namespace libregion
