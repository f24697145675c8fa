#include "libregion/ops/slot_consolidation.h"

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

SlotConsolidation::SlotConsolidation(RawExtent& raw, const Geometry& geometry)
    : raw_(raw),
      layout_(geometry),
      fragmentation_(measure_fragmentation(raw.active_slots())),
      source_array_(fragmentation_.minor_array()),
      target_array_(other_slot(source_array_)) {
  LIBREGION_ASSERT(raw.metadata() && !raw.metadata()->dirty);
}

std::vector<SlotConsolidation::Group> SlotConsolidation::groups() const {
  std::vector<Group> groups;
  for (BlockRange rest : runs_of(raw_.active_slots(), source_array_)) {
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
    return raw_.data_file().read(layout_.slot_offset_bytes(array, group.span.first), length_bytes);
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

void SlotConsolidation::persist() {
  Bytes tail = raw_.data_file().read(layout_.bits_offset_bytes(), layout_.tail_bytes());
  ActiveSlots active = raw_.active_slots();
  for_each_block(runs_of(active, source_array_),
                 [&](std::uint64_t block) { active.set(block, target_array_); });
  std::copy(active.bytes().begin(), active.bytes().end(), tail.begin());
  encode_defrag_count(persisted_metadata().defrag_count,
                      MutableByteView(tail).last<metadata_bytes>());
  raw_.data_file().write(layout_.bits_offset_bytes(), tail);
}

ExtentMetadata SlotConsolidation::persisted_metadata() const {
  ExtentMetadata metadata = *raw_.metadata();
  if (metadata.defrag_count < std::numeric_limits<std::uint32_t>::max()) ++metadata.defrag_count;
  return metadata;
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
  raw_.data_file().write(layout_.slot_offset_bytes(target_array_, group.span.first), slots.target);
}

}  // namespace libregion
