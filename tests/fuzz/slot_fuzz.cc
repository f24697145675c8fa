// Context slots and metadata: any bytes are a value, and encoding the value gives the same bytes
// but for those that are ignored.

#include <algorithm>

#include "libregion/format/context_slot.h"
#include "libregion/format/metadata.h"
#include "tests/fuzz/fuzz_target.h"

namespace libregion {
namespace {

void check_slot(SlotView slot) {
  const SlotValue value = decode_context_slot(slot);
  const auto bad = find_bad_presence(slot);
  require(std::holds_alternative<BadSlot>(value) == bad.has_value(), "bad slots are found");
  if (bad) require(std::get<BadSlot>(value) == *bad, "the same byte is bad");
  const auto stray = find_stray_byte(slot);
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) return;
  std::array<std::byte, context_slot_bytes> again{};
  encode_context_slot(*context, again);
  const auto end = slot.begin() + static_cast<std::ptrdiff_t>(stray.value_or(slot.size()));
  require(std::equal(slot.begin(), end, again.begin()), "a slot is encoded as it was");
}

void check_metadata(MetadataView bytes) {
  const auto value = decode_metadata(bytes);
  if (const auto* bad = std::get_if<BadMetadata>(&value)) {
    require(bad->offset_bytes < metadata_bytes, "a bad field is in the metadata");
    return;
  }
  std::array<std::byte, metadata_bytes> again{};
  encode_metadata(std::get<ExtentMetadata>(value), again);
  require(std::equal(again.begin(), again.begin() + metadata_padding_offset, bytes.begin()),
          "metadata is encoded as it was");
  require(metadata_padding_is_zero(again), "padding is written as zero");
}

}  // namespace
}  // namespace libregion

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  using namespace libregion;
  const ByteView input = fuzz_input(data, size_bytes);
  if (size_bytes >= context_slot_bytes) check_slot(input.first<context_slot_bytes>());
  if (size_bytes >= metadata_bytes) check_metadata(input.last<metadata_bytes>());
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size_bytes,
                                    std::size_t size_bytes_max, unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size_bytes, size_bytes_max);
  // The bytes that say what the others are.
  if (mutated > 17 && seed % 2 == 0) {
    data[0] %= 3;
    data[9] %= 3;
    if (seed % 4 == 0) data[mutated - 15] = 2;
  }
  return mutated;
}
