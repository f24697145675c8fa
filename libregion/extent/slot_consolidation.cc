#include "libregion/extent/slot_consolidation.h"

#include <algorithm>
#include <limits>

namespace libregion {
namespace {

// Runs with less than a page between them go out in one write, and what is between them as it is: a
// disk is given whole pages anyway.
constexpr std::uint64_t gap_slots_max = 4096 / context_slot_bytes;
// So much of an array is in memory at a time: few system calls, and it stays in the cache.
constexpr std::uint64_t group_slots_max = 2048;

// The slot's bytes, in those of a group that begins with the block `first`.
MutableByteView slot_in(Bytes& slots, std::uint64_t first, std::uint64_t block) {
  return MutableByteView(slots).subspan((block - first) * context_slot_bytes, context_slot_bytes);
}

template <class Visit>
void for_each_block(const std::vector<BlockRange>& runs, Visit visit) {
  for (const BlockRange& run : runs) {
    for (std::uint64_t block = run.first; block < run.end(); ++block) visit(block);
  }
}

}  // namespace

SlotConsolidation::SlotConsolidation(File& file, const Geometry& geometry,
                                     const ActiveSlots& active_slots)
    : file_(file),
      layout_(geometry),
      active_slots_(active_slots),
      fragmentation_(measure_fragmentation(active_slots)),
      source_array_(fragmentation_.minor_array()),
      target_array_(other_slot(source_array_)) {}

std::vector<SlotConsolidation::Group> SlotConsolidation::groups() const {
  std::vector<Group> groups;
  for (BlockRange rest : runs_of(active_slots_, source_array_)) {
    while (rest.count > 0) {
      const BlockRange run{rest.first, std::min(rest.count, group_slots_max)};
      rest = {run.end(), rest.count - run.count};
      const bool joins = !groups.empty() && run.first - groups.back().span.end() < gap_slots_max &&
                         run.end() - groups.back().span.first <= group_slots_max;
      if (!joins) groups.push_back({{run.first, 0}, {}});
      Group& group = groups.back();
      group.span.count = run.end() - group.span.first;
      group.runs.push_back(run);
    }
  }
  return groups;
}

SlotConsolidation::Slots SlotConsolidation::read_slots(const Group& group) const {
  const std::uint64_t length_bytes = group.span.count * context_slot_bytes;
  const auto read = [&](ContextSlot array) {
    return file_.read(layout_.slot_offset_bytes(array, group.span.first), length_bytes);
  };
  return {read(source_array_), read(target_array_)};
}

SlotConsolidation::Plan SlotConsolidation::plan() const {
  Plan plan;
  for (const Group& group : groups()) {
    Slots slots = read_slots(group);
    for_each_block(group.runs, [&](std::uint64_t block) {
      const SlotView source(slot_in(slots.source, group.span.first, block));
      if (const auto bad = find_bad_presence(source)) plan.bad_sources.push_back({block, *bad});
    });
    const bool clears = clear_in(group, slots);
    plan.clears |= clears;
    plan.written_bytes += (clears ? 2 : 1) * slots.target.size();
  }
  plan.written_bytes += layout_.tail_bytes();
  return plan;
}

void SlotConsolidation::clear() {
  if (target_array_ == ContextSlot::A) return;
  for (const Group& group : groups()) {
    Slots slots = read_slots(group);
    if (clear_in(group, slots)) write_target(group, slots);
  }
}

void SlotConsolidation::copy() {
  for (const Group& group : groups()) {
    Slots slots = read_slots(group);
    for (const BlockRange& run : group.runs) {
      const std::uint64_t at = (run.first - group.span.first) * context_slot_bytes;
      const ByteView source = ByteView(slots.source).subspan(at, run.count * context_slot_bytes);
      std::copy(source.begin(), source.end(),
                slots.target.begin() + static_cast<std::ptrdiff_t>(at));
    }
    write_target(group, slots);
  }
}

ActiveSlots SlotConsolidation::consolidated_slots() const {
  ActiveSlots slots = active_slots_;
  for_each_block(runs_of(active_slots_, source_array_),
                 [&](std::uint64_t block) { slots.set(block, target_array_); });
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
bool SlotConsolidation::clear_in(const Group& group, Slots& slots) const {
  bool changes = false;
  for_each_block(group.runs, [&](std::uint64_t block) {
    const SlotView source(slot_in(slots.source, group.span.first, block));
    if (!may_match_half_written(block, source)) return;
    const MutableByteView target = slot_in(slots.target, group.span.first, block);
    std::fill(target.begin(), target.end(), std::byte{0});
    changes = true;
  });
  return changes;
}

bool SlotConsolidation::may_match_half_written(std::uint64_t block, SlotView source) const {
  if (target_array_ == ContextSlot::A || !layout_.slot_straddles_sector(target_array_, block)) {
    return false;
  }
  const SlotValue value = decode_context_slot(source);
  const auto* context = std::get_if<BlockContext>(&value);
  return context != nullptr && context->encryption.has_value();
}

void SlotConsolidation::write_target(const Group& group, const Slots& slots) {
  file_.write(layout_.slot_offset_bytes(target_array_, group.span.first), slots.target);
}

}  // namespace libregion
