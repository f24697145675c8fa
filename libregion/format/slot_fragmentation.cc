#include "libregion/format/slot_fragmentation.h"

namespace libregion {
namespace {

// Calls visit(array, run) for each run of the extent, in ascending order.
template <class Visit>
void for_each_run(const ActiveSlots& slots, Visit visit) {
  std::uint64_t first = 0;
  while (first < slots.block_count()) {
    const ContextSlot array = slots.at(first);
    std::uint64_t end = first + 1;
    while (end < slots.block_count() && slots.at(end) == array) ++end;
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
