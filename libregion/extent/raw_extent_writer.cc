#include "libregion/extent/raw_extent_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/chunk.h"
#include "libregion/extent/slot_selection.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

[[noreturn]] void throw_unusable(const File& file, const std::string& reason) {
  throw Error(ErrorKind::failed, describe_failure({"open", file.path()}, reason));
}

// The slot as it stands in a run of slots that was read.
SlotValue slot_at(ByteView slots, std::uint64_t index) {
  return decode_context_slot(
      SlotView(slots.subspan(index * context_slot_bytes, context_slot_bytes)));
}

}  // namespace

std::unique_ptr<RawExtentWriter> RawExtentWriter::open(std::unique_ptr<File> file,
                                                       const Geometry& geometry,
                                                       const RawWriterOptions& options) {
  std::unique_ptr<RawExtentWriter> writer(new RawExtentWriter(std::move(file), geometry, options));
  writer->load();
  return writer;
}

RawExtentWriter::RawExtentWriter(std::unique_ptr<File> file, const Geometry& geometry,
                                 const RawWriterOptions& options)
    : file_(std::move(file)),
      geometry_(geometry),
      layout_(geometry),
      options_(options),
      active_slots_(geometry.extent_size_blocks()),
      unsynced_blocks_(geometry.extent_size_blocks()) {}

void RawExtentWriter::load() {
  // What a killed process left in the system's cache must not be taken for what is on disk.
  sync();
  const std::uint64_t size_bytes = file_->status().size_bytes;
  if (size_bytes != layout_.file_bytes()) {
    throw_unusable(*file_, fmt::format("wrong size: expected {} bytes, found {}",
                                       layout_.file_bytes(), size_bytes));
  }
  const Bytes tail = file_->read(layout_.bits_offset_bytes(), layout_.tail_bytes());
  const auto decoded = decode_metadata(MetadataView(ByteView(tail).last(metadata_bytes)));
  if (const auto* bad = std::get_if<BadMetadata>(&decoded)) {
    throw_unusable(*file_, fmt::format("metadata: {}: expected {}, found {}", bad->field,
                                       bad->expected_max, bad->found));
  }
  metadata_ = std::get<ExtentMetadata>(decoded);
  is_dirty_on_disk_ = metadata_.dirty;
  active_slots_ = ActiveSlots(geometry_.extent_size_blocks(),
                              ByteView(tail).first(tail.size() - metadata_bytes));
  active_slots_.clear_unused_bits();
  if (!metadata_.dirty) return;
  decide_slots({0, geometry_.extent_size_blocks()});
  if (lost_blocks_.empty()) return;
  throw_unusable(*file_, fmt::format("missing context slot for block {}", *lost_blocks_.begin()));
}

// ---- what holds before anything is done --------------------------------------------------------

void RawExtentWriter::require_usable() const {
  if (!is_lost_) return;
  throw Error(ErrorKind::failed,
              fmt::format("'{}': a sync failed before: what was written since the last flush may "
                          "be lost, and nothing more is read or written",
                          file_->path()));
}

BlockRange RawExtentWriter::require_in_extent(std::uint64_t first_block,
                                              std::uint64_t data_bytes) const {
  const std::uint64_t block_count = data_bytes >> geometry_.shift();
  const std::uint64_t extent_size = geometry_.extent_size_blocks();
  if (data_bytes % geometry_.block_size_bytes() != 0) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected whole blocks of {} bytes, found {}", file_->path(),
                            geometry_.block_size_bytes(), data_bytes));
  }
  if (first_block > extent_size || block_count > extent_size - first_block) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected blocks of the {} of the extent, found {} from block {}",
                            file_->path(), extent_size, block_count, first_block));
  }
  return {first_block, block_count};
}

std::vector<BlockContext> RawExtentWriter::check(const ExtentWrite& write) const {
  require_usable();
  (void)require_in_extent(write.first_block, write.data.size());
  const std::uint64_t block_bytes = geometry_.block_size_bytes();
  if (write.contexts.size() != write.data.size() / block_bytes) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected {} contexts, found {}", file_->path(),
                            write.data.size() / block_bytes, write.contexts.size()));
  }
  std::vector<BlockContext> contexts(write.contexts.size());
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    const SentContext& sent = write.contexts[i];
    const ByteView data = write.data.subspan(i * block_bytes, block_bytes);
    contexts[i] = {sent.hash, sent.encryption, on_disk_hash(data),
                   static_cast<std::uint16_t>(metadata_.flush_number)};
    const std::uint64_t expected =
        sent.encryption ? integrity_hash(*sent.encryption, data) : contexts[i].on_disk_hash;
    if (sent.hash != expected) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}': block {}: hash mismatch: expected {:016x}, found {:016x}",
                              file_->path(), write.first_block + i, expected, sent.hash));
    }
  }
  return contexts;
}

// ---- writing and reading -----------------------------------------------------------------------

void RawExtentWriter::write_checked(const ExtentWrite& write,
                                    std::span<const BlockContext> contexts, WriteMode mode) {
  require_usable();
  const BlockRange range = require_in_extent(write.first_block, write.data.size());
  LIBREGION_ASSERT(contexts.size() == range.count);
  const std::vector<BlockRange> runs = blocks_to_write(range, mode);
  if (runs.empty()) return;

  mark_dirty();
  if (std::any_of(runs.begin(), runs.end(),
                  [&](const BlockRange& run) { return has_unsynced(run); })) {
    sync();
    ++metadata_.bonus_sync_count;
  }
  empty_copies(runs);
  write_contexts(runs, range.first, contexts);
  if (options_.ordering == WriteOrdering::posix) sync();
  for (const BlockRange& run : runs) set_unsynced(run);
  try {
    for (const BlockRange& run : runs) write_data(run, write);
  } catch (const Error&) {
    decide_after_failure(runs);
    throw;
  }
  for (const BlockRange& run : runs) swap_slots(run);
}

std::vector<std::optional<BlockContext>> RawExtentWriter::read(std::uint64_t first_block,
                                                               MutableByteView data) {
  require_usable();
  const BlockRange range = require_in_extent(first_block, data.size());
  file_->read(geometry_.block_offset_bytes(range.first), data);
  return read_contexts(range);
}

std::vector<std::optional<BlockContext>> RawExtentWriter::read_contexts(BlockRange range) {
  std::vector<std::optional<BlockContext>> contexts;
  const std::vector<BlockRange> runs = slot_runs(range);
  extra_system_calls_.count(runs.size());
  for (const BlockRange& run : runs) {
    const ContextSlot array = active_slots_.at(run.first);
    const Bytes slots =
        file_->read(layout_.slot_offset_bytes(array, run.first), run.count * context_slot_bytes);
    for (std::uint64_t i = 0; i < run.count; ++i) {
      const SlotValue value = slot_at(slots, i);
      const auto* context = std::get_if<BlockContext>(&value);
      if (std::holds_alternative<BadSlot>(value)) {
        throw Error(ErrorKind::failed,
                    fmt::format("'{}': block {}: slot {} does not decode", file_->path(),
                                run.first + i, slot_letter(array)));
      }
      contexts.push_back(context != nullptr ? std::optional(*context) : std::nullopt);
    }
  }
  return contexts;
}

std::vector<BlockRange> RawExtentWriter::blocks_to_write(BlockRange range, WriteMode mode) {
  if (range.count == 0) return {};
  if (mode == WriteMode::always) return {range};
  const auto contexts = read_contexts(range);
  std::vector<BlockRange> runs;
  for (std::uint64_t i = 0; i < range.count; ++i) {
    if (contexts[i]) continue;
    if (runs.empty() || runs.back().end() != range.first + i) runs.push_back({range.first + i, 0});
    ++runs.back().count;
  }
  return runs;
}

void RawExtentWriter::mark_dirty() {
  if (is_dirty_on_disk_) return;
  const std::array mark{std::byte{1}};
  file_->write(layout_.metadata_offset_bytes() + metadata_dirty_offset, mark);
  sync();
  metadata_.dirty = true;
  is_dirty_on_disk_ = true;
}

void RawExtentWriter::empty_copies(const std::vector<BlockRange>& runs) {
  bool has_emptied = false;
  for (const BlockRange& run : runs) {
    for (std::uint64_t block = run.first; block < run.end(); ++block) {
      if (!may_match_half_written(block)) continue;
      file_->write(layout_.slot_offset_bytes(ContextSlot::B, block), Bytes(context_slot_bytes));
      has_emptied = true;
    }
  }
  if (has_emptied) sync();
}

// The on-disk hash is in the last 10 bytes of an encrypted context, nonce and tag are before it. Of
// slots that both match, B is taken: A is never taken for the whole one.
bool RawExtentWriter::may_match_half_written(std::uint64_t block) const {
  if (active_slots_.at(block) == ContextSlot::B) return false;
  if (!layout_.slot_straddles_sector(ContextSlot::B, block)) return false;
  const auto read_slot = [&](ContextSlot array) {
    return slot_at(file_->read(layout_.slot_offset_bytes(array, block), context_slot_bytes), 0);
  };
  const SlotValue inactive = read_slot(ContextSlot::B);
  const auto* context = std::get_if<BlockContext>(&inactive);
  if (context == nullptr || !context->encryption) return false;
  const SlotValue active = read_slot(ContextSlot::A);
  const auto* active_context = std::get_if<BlockContext>(&active);
  return active_context != nullptr && active_context->on_disk_hash == context->on_disk_hash;
}

void RawExtentWriter::write_contexts(const std::vector<BlockRange>& runs, std::uint64_t first_block,
                                     std::span<const BlockContext> contexts) {
  for (const BlockRange& run : runs) {
    const std::vector<BlockRange> parts = slot_runs(run);
    extra_system_calls_.count(parts.size());
    for (const BlockRange& slots : parts) {
      Bytes encoded(slots.count * context_slot_bytes);
      for (std::uint64_t i = 0; i < slots.count; ++i) {
        encode_context_slot(
            contexts[slots.first + i - first_block],
            std::span(encoded).subspan(i * context_slot_bytes).first<context_slot_bytes>());
      }
      const ContextSlot inactive = other_slot(active_slots_.at(slots.first));
      file_->write(layout_.slot_offset_bytes(inactive, slots.first), encoded);
    }
  }
}

void RawExtentWriter::write_data(BlockRange run, const ExtentWrite& write) {
  const std::uint64_t offset_bytes = geometry_.block_offset_bytes(run.first - write.first_block);
  file_->write(geometry_.block_offset_bytes(run.first),
               write.data.subspan(offset_bytes, run.count << geometry_.shift()));
}

void RawExtentWriter::swap_slots(BlockRange run) {
  for (std::uint64_t block = run.first; block < run.end(); ++block) {
    active_slots_.set(block, other_slot(active_slots_.at(block)));
    lost_blocks_.erase(block);
  }
}

// ---- which slots are active --------------------------------------------------------------------

std::vector<BlockRange> RawExtentWriter::slot_runs(BlockRange range) const {
  std::vector<BlockRange> runs;
  for (std::uint64_t block = range.first; block < range.end(); ++block) {
    const bool goes_on =
        !runs.empty() && active_slots_.at(runs.back().first) == active_slots_.at(block);
    if (!goes_on) runs.push_back({block, 0});
    ++runs.back().count;
  }
  return runs;
}

void RawExtentWriter::decide_slots(BlockRange range) {
  BlockChunk chunk(geometry_);
  while (range.count > 0) {
    const BlockRange now{range.first, chunk.blocks_of(range)};
    chunk.load(*file_, now);
    const std::uint64_t slots_bytes = now.count * context_slot_bytes;
    const Bytes slots_a =
        file_->read(layout_.slot_offset_bytes(ContextSlot::A, now.first), slots_bytes);
    const Bytes slots_b =
        file_->read(layout_.slot_offset_bytes(ContextSlot::B, now.first), slots_bytes);
    for (std::uint64_t i = 0; i < now.count; ++i) {
      const std::uint64_t block = now.first + i;
      const auto selected =
          select_dirty_slot(slot_at(slots_a, i), slot_at(slots_b, i), chunk.hash(block));
      if (selected) {
        active_slots_.set(block, *selected);
        lost_blocks_.erase(block);
      } else {
        lost_blocks_.insert(block);
      }
    }
    range = {now.end(), range.count - now.count};
  }
}

// How much of the data was written nobody knows.
void RawExtentWriter::decide_after_failure(const std::vector<BlockRange>& runs) {
  try {
    for (const BlockRange& run : runs) decide_slots(run);
  } catch (const Error&) {
    is_lost_ = true;  // neither data nor contexts can be trusted any more
  }
}

// ---- what is durable ----------------------------------------------------------------------------

void RawExtentWriter::sync() {
  require_usable();
  try {
    file_->sync();
  } catch (const Error&) {
    is_lost_ = true;
    throw;
  }
  set_synced();
}

void RawExtentWriter::set_synced() {
  if (has_unsynced_blocks_) std::fill(unsynced_blocks_.begin(), unsynced_blocks_.end(), false);
  has_unsynced_blocks_ = false;
}

bool RawExtentWriter::has_unsynced(BlockRange range) const {
  const auto first = unsynced_blocks_.begin() + static_cast<std::ptrdiff_t>(range.first);
  const auto last = first + static_cast<std::ptrdiff_t>(range.count);
  return has_unsynced_blocks_ && std::find(first, last, true) != last;
}

void RawExtentWriter::set_unsynced(BlockRange range) {
  std::fill_n(unsynced_blocks_.begin() + static_cast<std::ptrdiff_t>(range.first), range.count,
              true);
  has_unsynced_blocks_ = true;
}

}  // namespace libregion
