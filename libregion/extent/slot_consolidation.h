// Moving the active slots of a raw extent into one of its two arrays: for each block whose active
// slot is in the array that fewer blocks use, that slot's 48 bytes are copied into the block's
// other slot. The extent is clean, claimed, and what is in the system's cache of it is on disk.
//
// The extent stays clean all the time. What the steps do, and what a torn step leaves:
//   clear    Some slots that will be written over are emptied first, see below. They are inactive:
//            in a clean extent nobody reads them.
//   copy     So are the slots that are written here. Both slots of each moved block hold the same
//            context afterwards, so whichever of them its bit names is right.
//   persist  The bits, turned over; of the metadata only the defragmentation count changes. All
//            other bytes are written as they are, so no tear can change them, and a count that is
//            torn (it may lie in two sectors) is a wrong statistic and nothing else. A run that is
//            interrupted here may be counted twice, or not at all.
// Each step must be durable before the next begins; the last, or where there is no persist the
// copies, before a slot they were copied from is written over.
//
// An offline tool does all of them (ops/defragment.h); a running service leaves the bits to its
// next flush (extent/raw_extent_writer.h).
//
// Why slots are emptied: a slot that lies in two sectors can be half written by a crash. If it is
// of an encrypted block, its on-disk hash is in its last 10 bytes: they may be new, nonce and tag
// old. Were the extent to become dirty and its service to die before the slot is written again,
// that slot would match the data as the right one does; and where both match, B is taken. So where
// B is the target, such a slot is emptied first: half of nothing and half of a context is an empty
// slot, or one whose hash does not match. Other halves of slots cannot match: not encrypted, six
// bytes of the on-disk hash lie in the first half and two in the second, so the two halves are of
// one hash or do not match; and where A is the target, B, which is whole, is taken.
//
// Slots are emptied and copied whether or not they are seen to be empty or copies already: after a
// sync that failed the cache may show what never reached the disk, and only what is written again
// will.

#pragma once

#include <memory>
#include <vector>

#include "libregion/format/metadata.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/slot_fragmentation.h"
#include "libregion/io/file_system.h"

namespace libregion {

class SlotConsolidation {
 public:
  // Of the extent in `file`, which must outlive this object, with these slots active.
  SlotConsolidation(File& file, const Geometry& geometry, const ActiveSlots& active_slots);

  [[nodiscard]] const SlotFragmentation& fragmentation() const { return fragmentation_; }
  [[nodiscard]] bool is_needed() const { return fragmentation_.minor_block_count() > 0; }

  // What the next steps will do. Reads all that they will read, and keeps it for the step that
  // follows where it is not too much.
  struct Plan {
    struct BadSource {
      std::uint64_t block = 0;
      BadSlot slot;
    };
    std::vector<BadSource> bad_sources;  // then nothing may be moved
    std::uint64_t written_bytes = 0;     // by all steps
    bool clears = false;
  };
  [[nodiscard]] Plan plan();

  void clear();
  void copy();
  // Which slots are active once they are copied.
  [[nodiscard]] ActiveSlots consolidated_slots() const;
  // The metadata with one more defragmentation counted.
  [[nodiscard]] static ExtentMetadata counted_in(ExtentMetadata metadata);
  // Writes both; `metadata` is what the extent has.
  void persist(const ExtentMetadata& metadata);

 private:
  // Both slots of every block of a span.
  struct Slots {
    BlockRange span;
    std::unique_ptr<std::byte[]> bytes;
    MutableByteView source;
    MutableByteView target;
  };

  [[nodiscard]] std::vector<BlockRange> spans() const;
  Slots& load(const BlockRange& span);
  template <class Visit>
  void for_each_moved(Slots& slots, Visit visit) const;
  bool clear_in(Slots& slots) const;
  [[nodiscard]] bool may_match_half_written(std::uint64_t block, SlotView source) const;
  void write_target(const Slots& slots);

  File& file_;
  RawLayout layout_;
  ActiveSlots active_slots_;
  SlotFragmentation fragmentation_;
  ContextSlot source_array_;
  ContextSlot target_array_;
  Slots slots_;  // that were read last
};

}  // namespace libregion
