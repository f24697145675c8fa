#include "libregion/extent/raw_image.h"

#include <algorithm>
#include <array>

namespace libregion {
namespace {

constexpr std::size_t slots_written_at_once_bytes = 16'384 * context_slot_bytes;

void write_slots(File& file, std::uint64_t offset_bytes, ByteView slots) {
  while (!slots.empty()) {
    const ByteView now = slots.first(std::min(slots_written_at_once_bytes, slots.size()));
    if (!all_zero(now)) {
      file.write(offset_bytes, now);
      file.will_sync({offset_bytes, now.size()});
    }
    offset_bytes += now.size();
    slots = slots.subspan(now.size());
  }
}

}  // namespace

void write_raw_tail(File& file, const Geometry& geometry, const SlotArray& slots, ContextSlot array,
                    const ExtentMetadata& metadata) {
  LIBREGION_ASSERT(slots.block_count() == geometry.extent_size_blocks());
  const RawLayout layout(geometry);
  if (file.status().size_bytes > geometry.extent_data_bytes()) {
    file.resize(geometry.extent_data_bytes());
  }
  file.resize(layout.file_bytes());
  write_slots(file, layout.slot_array_offset_bytes(array), slots.bytes());

  Bytes tail;
  if (array == ContextSlot::B && !all_zero(slots.bytes())) {
    ActiveSlots active(slots.block_count());
    for (std::uint64_t block = 0; block < slots.block_count(); ++block) {
      if (slots.has(block)) active.set(block, array);
    }
    tail.assign(active.bytes().begin(), active.bytes().end());
  }
  const std::size_t bits_bytes = tail.size();
  tail.resize(bits_bytes + metadata_bytes);
  encode_metadata(metadata, std::span(tail).subspan(bits_bytes).first<metadata_bytes>());
  file.write(layout.file_bytes() - tail.size(), tail);
}

void write_empty_raw_extent(File& file, const Geometry& geometry, const ExtentMetadata& metadata) {
  const RawLayout layout(geometry);
  std::array<std::byte, metadata_bytes> encoded{};
  encode_metadata(metadata, encoded);
  file.resize(layout.file_bytes());
  file.write(layout.metadata_offset_bytes(), encoded);
}

}  // namespace libregion
