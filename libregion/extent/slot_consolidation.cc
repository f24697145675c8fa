#include "libregion/extent/slot_consolidation.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace libregion {
namespace {

// Blocks to be moved with less than a page of slots between them go out in one write, and what is
// between them as it is: a disk is given whole pages anyway.
constexpr std::uint64_t gap_slots_max = 4096 / context_slot_bytes;
static_assert(gap_slots_max >= 64, "a gap between blocks of one word of bits is no gap");
// So much of an array is in memory at a time: all of it, as most extents are.
constexpr std::uint64_t span_slots_max = 16'384;

}  // namespace

SlotConsolidation::SlotConsolidation(File& file, const Geometry& geometry,
                                     const ActiveSlots& active_slots)
    : file_(file),
      layout_(geometry),
      active_slots_(active_slots),
      fragmentation_(measure_fragmentation(active_slots)),
      source_array_(fragmentation_.minor_array()),
      target_array_(other_slot(source_array_)) {}

// The blocks from the first to the last that are read and written together, in ascending order. A
// word of 64 bits is never divided between two.
std::vector<BlockRange> SlotConsolidation::spans() const {
  std::vector<BlockRange> spans;
  for (std::uint64_t first = 0; first < active_slots_.block_count(); first += 64) {
    const std::uint64_t moved = active_slots_.blocks_in(source_array_, first);
    if (moved == 0) continue;
    const std::uint64_t begin = first + static_cast<unsigned>(std::countr_zero(moved));
    const std::uint64_t end = first + static_cast<unsigned>(std::bit_width(moved));
    const bool joins = !spans.empty() && begin - spans.back().end() < gap_slots_max &&
                       end - spans.back().first <= span_slots_max;
    if (!joins) spans.push_back({begin, 0});
    spans.back().count = end - spans.back().first;
  }
  return spans;
}

// Calls visit(block, source, target) for each block of the span that is to be moved, with its
// slots.
template <class Visit>
void SlotConsolidation::for_each_moved(Slots& slots, Visit visit) const {
  const BlockRange& span = slots.span;
  for (std::uint64_t first = span.first / 64 * 64; first < span.end(); first += 64) {
    std::uint64_t moved = active_slots_.blocks_in(source_array_, first);
    for (; moved != 0; moved &= moved - 1) {
      const std::uint64_t block = first + static_cast<unsigned>(std::countr_zero(moved));
      const std::uint64_t at = (block - span.first) * context_slot_bytes;
      visit(block, SlotView(slots.source.subspan(at, context_slot_bytes)),
            slots.target.subspan(at, context_slot_bytes));
    }
  }
}

SlotConsolidation::Slots& SlotConsolidation::load(const BlockRange& span) {
  if (slots_.span == span) return slots_;
  slots_ = {};
  const std::uint64_t length_bytes = span.count * context_slot_bytes;
  // Not filled with zeros first: it is a good part of all the work.
  slots_.bytes = std::make_unique_for_overwrite<std::byte[]>(2 * length_bytes);
  slots_.source = {slots_.bytes.get(), length_bytes};
  slots_.target = {slots_.bytes.get() + length_bytes, length_bytes};
  file_.read(layout_.slot_offset_bytes(source_array_, span.first), slots_.source);
  file_.read(layout_.slot_offset_bytes(target_array_, span.first), slots_.target);
  slots_.span = span;
  return slots_;
}

SlotConsolidation::Plan SlotConsolidation::plan() {
  Plan plan;
  const std::vector<BlockRange> all = spans();
  for (const BlockRange& span : all) {
    Slots& slots = load(span);
    bool clears = false;
    for_each_moved(slots, [&](std::uint64_t block, SlotView source, MutableByteView /*target*/) {
      if (const auto bad = find_bad_presence(source)) plan.bad_sources.push_back({block, *bad});
      clears = clears || may_match_half_written(block, source);
    });
    plan.clears |= clears;
    plan.written_bytes += (clears ? 2 : 1) * slots.target.size();
  }
  plan.written_bytes += layout_.tail_bytes();
  if (all.size() > 1) slots_ = {};
  return plan;
}

void SlotConsolidation::clear() {
  if (target_array_ == ContextSlot::A) return;
  for (const BlockRange& span : spans()) {
    Slots& slots = load(span);
    if (clear_in(slots)) write_target(slots);
  }
  slots_ = {};
}

void SlotConsolidation::copy() {
  for (const BlockRange& span : spans()) {
    Slots& slots = load(span);
    for_each_moved(slots, [](std::uint64_t /*block*/, SlotView source, MutableByteView target) {
      std::copy(source.begin(), source.end(), target.begin());
    });
    write_target(slots);
  }
  slots_ = {};
}

ActiveSlots SlotConsolidation::consolidated_slots() const {
  ActiveSlots slots = active_slots_;
  slots.set_all(target_array_);
  return slots;
}

ExtentMetadata SlotConsolidation::counted_in(ExtentMetadata metadata) {
  if (metadata.defrag_count < std::numeric_limits<std::uint32_t>::max()) ++metadata.defrag_count;
  return metadata;
}

void SlotConsolidation::persist(const ExtentMetadata& metadata) {
  Bytes tail = file_.read(layout_.bits_offset_bytes(), layout_.tail_bytes());
  const ActiveSlots slots = consolidated_slots();
  std::copy(slots.bytes().begin(), slots.bytes().end(), tail.begin());
  encode_defrag_count(counted_in(metadata).defrag_count,
                      MutableByteView(tail).last<metadata_bytes>());
  file_.write(layout_.bits_offset_bytes(), tail);
}

// Empties the slots of the target that might match half written. False where there are none.
bool SlotConsolidation::clear_in(Slots& slots) const {
  bool changes = false;
  for_each_moved(slots, [&](std::uint64_t block, SlotView source, MutableByteView target) {
    if (!may_match_half_written(block, source)) return;
    std::fill(target.begin(), target.end(), std::byte{0});
    changes = true;
  });
  return changes;
}

bool SlotConsolidation::may_match_half_written(std::uint64_t block, SlotView source) const {
  return target_array_ == ContextSlot::B && layout_.slot_straddles_sector(target_array_, block) &&
         is_encrypted(source);
}

void SlotConsolidation::write_target(const Slots& slots) {
  const std::uint64_t offset_bytes = layout_.slot_offset_bytes(target_array_, slots.span.first);
  file_.write(offset_bytes, slots.target);
  file_.will_sync({offset_bytes, slots.target.size()});
}

}  // namespace libregion
