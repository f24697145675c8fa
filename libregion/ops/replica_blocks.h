// All replicas of one extent, block by block: what each of them says of a block, and whether a
// context proves its data. Replicas may be of different formats; their geometry is one.
//
// Each replica's files are read once, in order, a few hundred KiB at a time of one after the other,
// so that any number of replicas of any size takes constant memory.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/extent/extent_reader.h"
#include "libregion/format/integrity.h"

namespace libregion {

enum class BlockState : std::uint8_t {
  valid,                 // the selected context is that of the data
  unwritten,             // never written: no context is selected, and the data is zero
  wrong_slot,            // another context than the selected one is that of the data
  integrity_mismatch,    // a context has the data's on-disk hash, but its integrity hash is wrong
  no_match,              // there are contexts, and none is that of the data
  data_without_context,  // an empty slot is selected, or there is no row; the data is not zero
  unreadable,            // the disk could not give it
  absent,                // the extent cannot be looked at, or its file ends before the block
};
std::string_view block_state_name(BlockState state);  // as above

// Neither damaged nor lost: what Crucible would read is what was written.
[[nodiscard]] constexpr bool is_sound(BlockState state) {
  return state == BlockState::valid || state == BlockState::unwritten;
}

// What one replica says of a block. Valid during the visit only.
struct ReplicaBlock {
  BlockState state = BlockState::absent;
  BlockRecord record;  // with nothing but its number where the state is unreadable or absent
  bool is_raw = true;
  bool data_is_zero = false;

  // Which of record.slots proves the data, with both hashes: of a block that is `valid` the
  // selected one, of one that is `wrong_slot` the one that should be.
  std::optional<std::size_t> proof;

  [[nodiscard]] bool has_data() const {
    return state != BlockState::unreadable && state != BlockState::absent;
  }
  // Whether the replica still has what was written, or that nothing was.
  [[nodiscard]] bool is_held() const { return proof || state == BlockState::unwritten; }
  // The context that proves the data; nullptr where there is none.
  [[nodiscard]] const BlockContext* proven_context() const {
    return proof ? std::get_if<BlockContext>(&record.slots[*proof]) : nullptr;
  }
};

// Judges one block of one replica; `metadata` is that of its extent.
ReplicaBlock judge_block(const BlockRecord& record, ExtentFormat format,
                         const std::optional<ExtentMetadata>& metadata,
                         const ZeroBlock& zero_block);

class ReplicaBlocks {
 public:
  // A replica whose extent cannot be looked at is nullptr. The readers must outlive this.
  ReplicaBlocks(std::vector<ExtentReader*> replicas, const Geometry& geometry);

  // Every block of the range in order, each with an element for every replica.
  using Visit = std::function<void(std::uint64_t block, std::span<const ReplicaBlock> replicas)>;
  // A block that the disk did not give, of one replica; before the block is visited.
  using Skip = std::function<void(std::size_t replica, std::uint64_t block, const Error&)>;
  void read(BlockRange range, const Visit& visit, const Skip& skip);

 private:
  // A stretch of one replica, copied out of what its reader shows.
  struct Stretch {
    struct Block {
      BlockState state = BlockState::absent;
      std::optional<std::size_t> selected;
      std::optional<std::size_t> proof;
      std::uint64_t data_hash = 0;
      bool data_is_zero = false;
      bool has_data = false;
      std::size_t first_slot = 0;
      std::size_t slot_count = 0;
      std::size_t slot_bytes_at = 0;  // of both slots of a raw extent, one behind the other
    };
    std::vector<Block> blocks;
    std::vector<SlotValue> slots;
    Bytes slot_bytes;
    Bytes data;
  };

  void load(std::size_t replica, BlockRange range, const Skip& skip);
  void take(std::size_t replica, BlockRange range, const BlockRecord& record);
  [[nodiscard]] ReplicaBlock block_of(std::size_t replica, BlockRange range,
                                      std::uint64_t block) const;

  std::vector<ExtentReader*> replicas_;
  Geometry geometry_;
  ZeroBlock zero_block_;
  std::vector<Stretch> stretches_;   // one of each replica: the blocks in hand
  std::vector<ReplicaBlock> shown_;  // of the block that is visited
};

}  // namespace libregion
