#include "libregion/extent/raw_image.h"

#include <algorithm>
#include <array>

namespace libregion {
namespace {

constexpr std::uint64_t slots_written_at_once = 16'384;

bool has_context(const std::optional<BlockContext>& context) { return context.has_value(); }

void write_slots(File& file, const RawLayout& layout,
                 std::span<const std::optional<BlockContext>> contexts, ContextSlot array) {
  Bytes encoded;
  for (std::uint64_t first = 0; first < contexts.size(); first += slots_written_at_once) {
    const auto now = contexts.subspan(
        first, std::min<std::uint64_t>(slots_written_at_once, contexts.size() - first));
    if (std::none_of(now.begin(), now.end(), has_context)) continue;
    encoded.assign(now.size() * context_slot_bytes, std::byte{0});
    for (std::size_t i = 0; i < now.size(); ++i) {
      const auto slot = std::span(encoded).subspan(i * context_slot_bytes);
      if (now[i]) encode_context_slot(*now[i], slot.first<context_slot_bytes>());
    }
    file.write(layout.slot_offset_bytes(array, first), encoded);
  }
}

}  // namespace

void write_raw_tail(File& file, const Geometry& geometry,
                    std::span<const std::optional<BlockContext>> contexts, ContextSlot array,
                    const ExtentMetadata& metadata) {
  LIBREGION_ASSERT(contexts.size() == geometry.extent_size_blocks());
  const RawLayout layout(geometry);
  file.resize(geometry.extent_data_bytes());
  file.resize(layout.file_bytes());
  write_slots(file, layout, contexts, array);

  Bytes tail;
  if (array == ContextSlot::B && std::any_of(contexts.begin(), contexts.end(), has_context)) {
    ActiveSlots active(contexts.size());
    for (std::uint64_t block = 0; block < contexts.size(); ++block) {
      if (contexts[block]) active.set(block, array);
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
