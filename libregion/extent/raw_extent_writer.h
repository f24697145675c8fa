// A raw extent that is written in place, as the service that holds a region writes it. No tool
// overwrites live blocks with this: it is for who serves a region, for tests and benchmarks.
//
// The order of a write, and the crash that each step survives:
//   1. if the extent is clean: the byte 1 at `dirty`, sync
//          from here nobody trusts the bits: each block's slot is found by its data. In both
//          orderings nothing may be written before that is durable: after a defragmentation the
//          bits on disk may still name the slots that step 3 writes over
//   2. if a block was written since the last sync: sync; this counts in bonus_sync_count
//          before a slot is reused, the data of the other one is durable
//   3. the new contexts into the inactive slots, in runs
//          a reader finds the old data and its context, which is still there
//      before that some slots are emptied, sync
//          after a defragmentation both slots of a block hold its context. Were the new one, of an
//          encrypted block, torn where it lies in two sectors, or on ZFS in two records, it could
//          have the new nonce and tag with the old on-disk hash; and where both slots match, B is
//          taken. Crucible does not do this
//   4. WriteOrdering::posix: sync
//          before any of the new data can be durable, its context is
//   5. the data
//          each block has the old data or the new, and the contexts of both; only a block that is
//          torn in the middle, which ZFS does not do, matches neither
//   6. in memory: the inactive slots are the active ones
//
// The order of a flush:
//   posix  the bits; sync; the metadata with dirty = 0; sync. Where a torn write could split the
//          metadata it goes out with the bits and dirty still 1; then comes the byte 0.
//   zfs    bits and metadata in one write; sync. Right only where the writes to a file become
//          durable in their order. Where the metadata may lie in two records the numbers in the
//          second one are written before: dirty must not be 0 with some of them old. Crucible
//          does not do this.
// The flush is done, and the extent clean, when the last sync has succeeded. A flush of many
// extents takes each half for all of them before the sync: see region/region_writer.h.
//
// Directly after a flush the active slots are gathered in one array, where the reads and writes
// since the flush before needed too many extra system calls (extent/slot_consolidation.h):
//   posix  what has to be emptied first goes out with the second half of the flush
//          the bits and slots that it names are durable, dirty or not; the emptied ones are not
//          among them
//   both   the slots are copied, the active ones swapped in memory
//          on disk the extent is clean, and its bits name the slots that were copied from, which
//          are not written before the next dirty mark: the sync of that mark makes the copies
//          durable. From then on both slots of a moved block are the same
//   both   bits and count go out with the next flush of the extent when it is dirty
// A slot that does not decode keeps the extent from being defragmented.
//
// A sync that fails is final: what was written may be gone although it can still be read. Every
// later write, flush and read throws. A write that fails is not: each of its blocks is decided anew
// by its data, and the extent can be written on.

#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "libregion/format/active_slots.h"
#include "libregion/format/metadata.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/slot_fragmentation.h"
#include "libregion/io/file_system.h"

namespace libregion {

enum class WriteOrdering : std::uint8_t {
  posix,  // any file system: what is written between two syncs may become durable in any order
  zfs,    // Crucible's own: the writes to a file become durable in their order
};

struct RawWriterOptions {
  WriteOrdering ordering = WriteOrdering::posix;
  // Extra system calls on average: with more than this a flush is followed by a defragmentation.
  std::uint64_t defragment_threshold = extra_system_calls_max;
};

// What a writer says of a block: the integrity hash, and how it is encrypted.
struct SentContext {
  std::uint64_t hash = 0;
  std::optional<EncryptionContext> encryption;
};

// Neighbouring blocks to be written. Data is a whole number of blocks, one context for each.
struct ExtentWrite {
  std::uint64_t first_block = 0;
  ByteView data;
  std::span<const SentContext> contexts;
};

enum class WriteMode : std::uint8_t {
  always,
  only_unwritten,  // blocks that have a context already are left as they are
};

class RawExtentWriter {
 public:
  // Syncs the file, then decides which slots are active. Throws Error where the extent cannot be
  // written: its size or metadata are wrong, or a block of a dirty extent has lost its context.
  static std::unique_ptr<RawExtentWriter> open(std::unique_ptr<File> file, const Geometry& geometry,
                                               const RawWriterOptions& options);

  [[nodiscard]] const ExtentMetadata& metadata() const { return metadata_; }
  [[nodiscard]] ContextSlot active_slot(std::uint64_t block) const {
    return active_slots_.at(block);
  }

  // Throws Error where the blocks are not in the extent, or a hash is not that of its data; then
  // nothing was written.
  void write(const ExtentWrite& write, WriteMode mode = WriteMode::always) {
    write_checked(write, check(write), mode);
  }
  // The same in two steps, for who writes to several extents: the contexts as they will go to disk.
  [[nodiscard]] std::vector<BlockContext> check(const ExtentWrite& write) const;
  void write_checked(const ExtentWrite& write, std::span<const BlockContext> contexts,
                     WriteMode mode);

  // Reads blocks into `data`, a whole number of blocks, and their contexts: nullopt for a block
  // that was never written.
  std::vector<std::optional<BlockContext>> read(std::uint64_t first_block, MutableByteView data);

  // All steps of a flush, and the defragmentation after it. Nothing happens where the extent is
  // clean.
  void flush(std::uint64_t gen_number, std::uint64_t flush_number);

  // The steps of a flush of a dirty extent. After each half the file is to be synced: by sync(), or
  // with many others; then end_flush().
  void write_first_half(std::uint64_t gen_number, std::uint64_t flush_number);
  // False where there is no second half.
  bool write_second_half();
  void end_flush();
  // After end_flush(), where it is time for it. A failure leaves the flush as it is: done.
  void defragment_if_due();
  // What would keep a flush from being made: a block that was half written. Throws Error.
  void require_whole_blocks() const;

  void sync();
  // A sync of this file with others has failed.
  void set_lost() { is_lost_ = true; }
  [[nodiscard]] File& file() { return *file_; }

 private:
  RawExtentWriter(std::unique_ptr<File> file, const Geometry& geometry,
                  const RawWriterOptions& options);
  void load();
  void decide_slots(BlockRange range);

  void require_usable() const;
  // Returns them as a range.
  [[nodiscard]] BlockRange require_in_extent(std::uint64_t first_block,
                                             std::uint64_t data_bytes) const;
  [[nodiscard]] std::vector<BlockRange> blocks_to_write(BlockRange range, WriteMode mode);
  [[nodiscard]] std::vector<std::optional<BlockContext>> read_contexts(BlockRange range);

  void mark_dirty();
  void empty_copies(const std::vector<BlockRange>& runs);
  [[nodiscard]] bool may_match_half_written(std::uint64_t block) const;
  void write_contexts(const std::vector<BlockRange>& runs, std::uint64_t first_block,
                      std::span<const BlockContext> contexts);
  void write_data(BlockRange run, const ExtentWrite& write);
  void swap_slots(BlockRange run);
  void decide_after_failure(const std::vector<BlockRange>& runs);
  void set_synced();
  [[nodiscard]] bool has_unsynced(BlockRange range) const;
  void set_unsynced(BlockRange range);
  // Runs of neighbouring blocks with the same active slot.
  [[nodiscard]] std::vector<BlockRange> slot_runs(BlockRange range) const;

  void decide_defragmentation();

  std::unique_ptr<File> file_;
  Geometry geometry_;
  RawLayout layout_;
  RawWriterOptions options_;
  ExtentMetadata metadata_;
  ActiveSlots active_slots_;
  ExtentMetadata flushed_metadata_;  // of the flush that is going on
  bool is_dirty_on_disk_ = false;    // certainly: the mark was synced
  bool is_lost_ = false;
  std::vector<bool> unsynced_blocks_;  // written since the last sync
  bool has_unsynced_blocks_ = false;
  std::set<std::uint64_t> lost_blocks_;  // whose data matches neither slot
  ExtraSystemCalls extra_system_calls_;  // since the last flush
  bool is_defragmentation_due_ = false;
};

}  // namespace libregion
