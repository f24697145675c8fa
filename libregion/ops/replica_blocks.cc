#include "libregion/ops/replica_blocks.h"

#include <algorithm>

#include "libregion/ops/extent_visit.h"

namespace libregion {
namespace {

// What is in hand of each replica: small, for its reader holds as much again.
constexpr std::uint64_t stretch_bytes = std::uint64_t{256} << 10;

// The first slot with the data's on-disk hash, the selected one before the others.
std::optional<std::size_t> find_match(const BlockRecord& record) {
  if (record.selected && record.matches(record.slots[*record.selected])) return record.selected;
  for (std::size_t i = 0; i < record.slots.size(); ++i) {
    if (record.matches(record.slots[i])) return i;
  }
  return std::nullopt;
}

bool has_right_integrity(const BlockContext& context, const BlockRecord& record) {
  const std::uint64_t expected =
      context.encryption ? integrity_hash(*context.encryption, record.data) : record.data_hash;
  return context.hash == expected;
}

// The state of a block that has no context with its data's hash.
BlockState state_without_match(const ReplicaBlock& block,
                               const std::optional<ExtentMetadata>& metadata) {
  const BlockRecord& record = block.record;
  if (block.is_raw) {
    const bool is_empty =
        record.selected && std::holds_alternative<EmptySlot>(record.slots[*record.selected]);
    if (!is_empty) return BlockState::no_match;
  } else if (!record.slots.empty()) {
    // Rows go in before the data: alone they make a block written only in a clean extent.
    const bool may_be_stale = !metadata || metadata->dirty || record.slots.size() > 1;
    const bool is_stale = may_be_stale && block.data_is_zero;
    return is_stale ? BlockState::unwritten : BlockState::no_match;
  }
  return block.data_is_zero ? BlockState::unwritten : BlockState::data_without_context;
}

}  // namespace

std::string_view block_state_name(BlockState state) {
  switch (state) {
    case BlockState::valid: return "valid";
    case BlockState::unwritten: return "unwritten";
    case BlockState::wrong_slot: return "wrong_slot";
    case BlockState::integrity_mismatch: return "integrity_mismatch";
    case BlockState::no_match: return "no_match";
    case BlockState::data_without_context: return "data_without_context";
    case BlockState::unreadable: return "unreadable";
    case BlockState::absent: break;
  }
  return "absent";
}

ReplicaBlock judge_block(const BlockRecord& record, ExtentFormat format,
                         const std::optional<ExtentMetadata>& metadata,
                         const ZeroBlock& zero_block) {
  ReplicaBlock block;
  block.record = record;
  block.is_raw = format == ExtentFormat::raw;
  block.data_is_zero = zero_block.equals(record.data, record.data_hash);
  const auto match = find_match(record);
  if (!match) {
    block.state = state_without_match(block, metadata);
  } else if (!has_right_integrity(std::get<BlockContext>(record.slots[*match]), record)) {
    block.state = BlockState::integrity_mismatch;
  } else {
    block.state = match == record.selected ? BlockState::valid : BlockState::wrong_slot;
    block.proof = match;
  }
  return block;
}

ReplicaBlocks::ReplicaBlocks(std::vector<ExtentReader*> replicas, const Geometry& geometry)
    : replicas_(std::move(replicas)),
      geometry_(geometry),
      zero_block_(geometry.block_size_bytes()),
      stretches_(replicas_.size()),
      shown_(replicas_.size()) {}

void ReplicaBlocks::read(BlockRange range, const Visit& visit, const Skip& skip) {
  LIBREGION_ASSERT(range.end() <= geometry_.extent_size_blocks());
  const std::uint64_t blocks_max = std::max<std::uint64_t>(1, stretch_bytes >> geometry_.shift());
  while (range.count > 0) {
    const BlockRange now{range.first, std::min(range.count, blocks_max)};
    for (std::size_t i = 0; i < replicas_.size(); ++i) load(i, now, skip);
    for (std::uint64_t block = now.first; block < now.end(); ++block) {
      for (std::size_t i = 0; i < replicas_.size(); ++i) shown_[i] = block_of(i, now, block);
      visit(block, shown_);
    }
    range = {now.end(), range.count - now.count};
  }
}

void ReplicaBlocks::load(std::size_t replica, BlockRange range, const Skip& skip) {
  Stretch& stretch = stretches_[replica];
  stretch.blocks.assign(range.count, {});
  stretch.slots.clear();
  stretch.slot_bytes.clear();
  ExtentReader* reader = replicas_[replica];
  if (reader == nullptr || range.first >= reader->readable_blocks()) return;
  stretch.data.resize(range.count << geometry_.shift());
  const std::uint64_t end = std::min(range.end(), reader->readable_blocks());
  read_past_errors(
      *reader, {range.first, end - range.first},
      [&](const BlockRecord& record) { take(replica, range, record); },
      [&](std::uint64_t block, const Error& error) {
        stretch.blocks[block - range.first].state = BlockState::unreadable;
        skip(replica, block, error);
      });
}

void ReplicaBlocks::take(std::size_t replica, BlockRange range, const BlockRecord& record) {
  Stretch& stretch = stretches_[replica];
  const ExtentReader& reader = *replicas_[replica];
  const ReplicaBlock judged = judge_block(record, reader.format(), reader.metadata(), zero_block_);
  Stretch::Block& block = stretch.blocks[record.block - range.first];
  block.state = judged.state;
  block.selected = record.selected;
  block.proof = judged.proof;
  block.data_hash = record.data_hash;
  block.data_is_zero = judged.data_is_zero;
  block.has_data = true;
  block.first_slot = stretch.slots.size();
  block.slot_count = record.slots.size();
  stretch.slots.insert(stretch.slots.end(), record.slots.begin(), record.slots.end());
  block.slot_bytes_at = stretch.slot_bytes.size();
  for (const ByteView bytes : record.slot_bytes) {
    stretch.slot_bytes.insert(stretch.slot_bytes.end(), bytes.begin(), bytes.end());
  }
  std::copy(record.data.begin(), record.data.end(),
            stretch.data.begin() +
                static_cast<std::ptrdiff_t>((record.block - range.first) << geometry_.shift()));
}

ReplicaBlock ReplicaBlocks::block_of(std::size_t replica, BlockRange range,
                                     std::uint64_t block) const {
  const Stretch& stretch = stretches_[replica];
  const Stretch::Block& taken = stretch.blocks[block - range.first];
  ReplicaBlock shown;
  shown.state = taken.state;
  shown.record.block = block;
  const ExtentReader* reader = replicas_[replica];
  if (reader != nullptr) shown.is_raw = reader->format() == ExtentFormat::raw;
  if (!taken.has_data) return shown;
  shown.record.slots = std::span(stretch.slots).subspan(taken.first_slot, taken.slot_count);
  shown.record.selected = taken.selected;
  shown.record.data_hash = taken.data_hash;
  shown.record.data =
      ByteView(stretch.data)
          .subspan((block - range.first) << geometry_.shift(), geometry_.block_size_bytes());
  if (shown.is_raw) {
    const ByteView both =
        ByteView(stretch.slot_bytes).subspan(taken.slot_bytes_at, 2 * context_slot_bytes);
    shown.record.slot_bytes = {both.first(context_slot_bytes), both.last(context_slot_bytes)};
  }
  shown.data_is_zero = taken.data_is_zero;
  shown.proof = taken.proof;
  return shown;
}

}  // namespace libregion
