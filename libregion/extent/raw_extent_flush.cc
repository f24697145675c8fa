// The flush of a raw extent, and the defragmentation that may follow it.

#include <utility>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/raw_extent_writer.h"
#include "libregion/extent/slot_consolidation.h"

namespace libregion {

void RawExtentWriter::flush(std::uint64_t gen_number, std::uint64_t flush_number) {
  require_usable();
  if (!metadata_.dirty) return;
  write_first_half(gen_number, flush_number);
  sync();
  if (write_second_half()) sync();
  end_flush();
  defragment_if_due();
}

void RawExtentWriter::require_whole_blocks() const {
  if (lost_blocks_.empty()) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("'{}': block {} was half written: it has to be written again before a flush",
                  file_->path(), *lost_blocks_.begin()));
}

void RawExtentWriter::write_first_half(std::uint64_t gen_number, std::uint64_t flush_number) {
  require_usable();
  LIBREGION_ASSERT(metadata_.dirty);
  require_whole_blocks();
  flushed_metadata_ = metadata_;
  flushed_metadata_.gen_number = gen_number;
  flushed_metadata_.flush_number = flush_number;
  flushed_metadata_.dirty = false;

  const ByteView bits = active_slots_.bytes();
  Bytes tail(bits.begin(), bits.end());
  const bool at_once = options_.ordering == WriteOrdering::zfs;
  if (at_once || layout_.metadata_straddles_sector()) {
    ExtentMetadata metadata = flushed_metadata_;
    metadata.dirty = !at_once;
    if (at_once) is_dirty_on_disk_ = false;
    tail.resize(bits.size() + metadata_bytes);
    encode_metadata(metadata, std::span(tail).last<metadata_bytes>());
  }
  if (at_once && layout_.metadata_straddles_sector()) {
    const std::uint64_t second_bytes = metadata_bytes - layout_.metadata_bytes_in_first_sector();
    const std::uint64_t first_bytes = tail.size() - second_bytes;
    file_->write(layout_.bits_offset_bytes() + first_bytes, ByteView(tail).subspan(first_bytes));
    tail.resize(first_bytes);
  }
  file_->write(layout_.bits_offset_bytes(), tail);
}

bool RawExtentWriter::write_second_half() {
  require_usable();
  decide_defragmentation();
  if (options_.ordering == WriteOrdering::zfs) return false;
  if (is_defragmentation_due_) SlotConsolidation(*file_, geometry_, active_slots_).clear();
  is_dirty_on_disk_ = false;
  Bytes encoded(metadata_bytes);
  encode_metadata(flushed_metadata_, std::span(encoded).first<metadata_bytes>());
  const bool numbers_are_there = layout_.metadata_straddles_sector();
  file_->write(layout_.metadata_offset_bytes(),
               ByteView(encoded).first(numbers_are_there ? 1 : metadata_bytes));
  return true;
}

void RawExtentWriter::end_flush() {
  set_synced();
  metadata_ = flushed_metadata_;
  is_dirty_on_disk_ = false;
}

// ---- defragmenting -----------------------------------------------------------------------------

// The count begins anew whatever comes of it: a slot that cannot be read must not stand in the way
// of every later flush.
void RawExtentWriter::decide_defragmentation() {
  const bool is_wanted = extra_system_calls_.average() > options_.defragment_threshold;
  extra_system_calls_ = {};
  is_defragmentation_due_ = false;
  if (!is_wanted) return;
  SlotConsolidation consolidation(*file_, geometry_, active_slots_);
  is_defragmentation_due_ = consolidation.is_needed() && consolidation.plan().bad_sources.empty();
}

void RawExtentWriter::defragment_if_due() {
  if (!std::exchange(is_defragmentation_due_, false)) return;
  require_usable();
  LIBREGION_ASSERT(!metadata_.dirty);
  SlotConsolidation consolidation(*file_, geometry_, active_slots_);
  consolidation.copy();
  active_slots_ = consolidation.consolidated_slots();
  metadata_ = SlotConsolidation::counted_in(metadata_);
}

}  // namespace libregion
