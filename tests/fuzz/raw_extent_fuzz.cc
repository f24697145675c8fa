// A raw extent: three bytes that say how large its blocks are and how many, then the file.

#include <algorithm>

#include "libregion/format/integrity.h"
#include "libregion/format/raw_layout.h"
#include "tests/fuzz/fuzz_region.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/raw_extent_builder.h"

namespace libregion {
namespace {

std::uint64_t file_bytes(const FuzzGeometry& geometry) {
  return geometry.block_count * (geometry.block_size_bytes + 96) + (geometry.block_count + 7) / 8 +
         metadata_bytes;
}

// Gives a block a context that matches its data, in one of its slots, and selects it.
void mend_block(MutableByteView file, const FuzzGeometry& geometry, Random& random) {
  const std::uint64_t block = random.below(geometry.block_count);
  const std::uint64_t array = random.below(2);
  const std::uint64_t data_bytes = geometry.block_count * geometry.block_size_bytes;
  const auto data = file.subspan(block * geometry.block_size_bytes, geometry.block_size_bytes);
  const std::uint64_t slot_at =
      data_bytes + (array * geometry.block_count + block) * context_slot_bytes;
  const auto slot = file.subspan(slot_at).first<context_slot_bytes>();
  const BlockContext context = geometry.encrypted
                                   ? encrypted_context(data, some_encryption(random.next()))
                                   : plain_context(data);
  encode_context_slot(context, slot);
  std::byte& bits = file[data_bytes + 96 * geometry.block_count + block / 8];
  const auto bit = static_cast<std::byte>(1U << block % 8);
  bits = array == 1 ? bits | bit : bits & ~bit;
}

void mend_metadata(MutableByteView file, Random& random) {
  auto metadata = file.last<metadata_bytes>();
  metadata[metadata_dirty_offset] &= std::byte{1};
  std::fill_n(metadata.begin() + metadata_version_offset, 4, std::byte{0});
  metadata[metadata_version_offset] = static_cast<std::byte>(random.below(16) == 0 ? 3 : 2);
}

}  // namespace
}  // namespace libregion

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  using namespace libregion;
  const ByteView input = fuzz_input(data, size_bytes);
  if (size_bytes < FuzzGeometry::bytes) return 0;
  FuzzRegion region(FuzzGeometry::of(input));
  region.put("000", input.subspan(FuzzGeometry::bytes));
  region.run_everything(size_bytes);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size_bytes,
                                    std::size_t size_bytes_max, unsigned seed) {
  using namespace libregion;
  Random random(seed);
  const ByteView input = fuzz_input(data, size_bytes);
  Bytes bytes(input.begin(), input.end());
  mutate(bytes, size_bytes_max);
  if (bytes.size() >= FuzzGeometry::bytes && random.below(4) != 0) {
    const FuzzGeometry geometry = FuzzGeometry::of(bytes);
    const std::uint64_t size = FuzzGeometry::bytes + file_bytes(geometry);
    if (size <= size_bytes_max) {
      bytes.resize(size);
      const auto file = MutableByteView(bytes).subspan(FuzzGeometry::bytes);
      mend_metadata(file, random);
      for (std::uint64_t count = random.below(8); count > 0; --count) {
        mend_block(file, geometry, random);
      }
    }
  }
  return give_back(bytes, data, size_bytes_max);
}
