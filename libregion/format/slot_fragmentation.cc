#include "libregion/format/slot_fragmentation.h"

#include <algorithm>
#include <bit>

namespace libregion {
namespace {

// The first block from `block` on whose active slot is not in this array; a byte of bits at a time.
std::uint64_t end_of_run(const ActiveSlots& slots, std::uint64_t block, ContextSlot array) {
  const unsigned same = array == ContextSlot::A ? 0x00 : 0xFF;
  while (block < slots.block_count()) {
    const auto bits = std::to_integer<unsigned>(slots.bytes()[block / 8]);
    const unsigned others = (bits ^ same) >> (block % 8);
    if (others != 0) {
      return std::min(block + static_cast<unsigned>(std::countr_zero(others)), slots.block_count());
    }
    block = (block / 8 + 1) * 8;
  }
  return slots.block_count();
}

// Calls visit(array, run) for each run of the extent, in ascending order.
template <class Visit>
void for_each_run(const ActiveSlots& slots, Visit visit) {
  std::uint64_t first = 0;
  while (first < slots.block_count()) {
    const ContextSlot array = slots.at(first);
    const std::uint64_t end = end_of_run(slots, first, array);
    visit(array, BlockRange{first, end - first});
    first = end;
  }
}

}  // namespace

SlotFragmentation measure_fragmentation(const ActiveSlots& slots) {
  SlotFragmentation measured;
  for_each_run(slots, [&](ContextSlot array, BlockRange run) {
    SlotFragmentation::Usage& usage = array == ContextSlot::A ? measured.a : measured.b;
    usage.block_count += run.count;
    ++usage.run_count;
  });
  return measured;
}

std::vector<BlockRange> runs_of(const ActiveSlots& slots, ContextSlot array) {
  std::vector<BlockRange> runs;
  for_each_run(slots, [&](ContextSlot run_array, BlockRange run) {
    if (run_array == array) runs.push_back(run);
  });
  return runs;
}

}  // namespace libregion
