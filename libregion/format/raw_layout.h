// Where everything is in a raw extent (extent version 2): one file, N blocks of B bytes.
//
//   part                     offset                        bytes
//   block data               0                             N * B
//   context slots, array A   N * B                         48 * N
//   context slots, array B   N * B + 48 * N                48 * N
//   active-slot bits         N * B + 96 * N                ceil(N / 8)
//   metadata                 N * B + 96 * N + ceil(N / 8)  32

#pragma once

#include <cstdint>

#include "libregion/format/active_slots.h"
#include "libregion/format/context_slot.h"
#include "libregion/format/metadata.h"
#include "libregion/format/units.h"

namespace libregion {

class RawLayout {
 public:
  explicit RawLayout(const Geometry& geometry) : geometry_(geometry) {}

  [[nodiscard]] std::uint64_t slot_array_bytes() const {
    return geometry_.extent_size_blocks() * context_slot_bytes;
  }
  [[nodiscard]] std::uint64_t slot_array_offset_bytes(ContextSlot array) const {
    return geometry_.extent_data_bytes() + (array == ContextSlot::A ? 0 : slot_array_bytes());
  }
  [[nodiscard]] std::uint64_t slot_offset_bytes(ContextSlot array, std::uint64_t block) const {
    LIBREGION_ASSERT(block < geometry_.extent_size_blocks());
    return slot_array_offset_bytes(array) + block * context_slot_bytes;
  }
  [[nodiscard]] std::uint64_t bits_offset_bytes() const {
    return geometry_.extent_data_bytes() + 2 * slot_array_bytes();
  }
  [[nodiscard]] std::uint64_t bits_bytes() const {
    return active_slots_bytes(geometry_.extent_size_blocks());
  }
  [[nodiscard]] std::uint64_t metadata_offset_bytes() const {
    return bits_offset_bytes() + bits_bytes();
  }
  [[nodiscard]] std::uint64_t file_bytes() const {
    return metadata_offset_bytes() + metadata_bytes;
  }
  // Bits and metadata lie side by side, so that one write replaces both.
  [[nodiscard]] std::uint64_t tail_bytes() const { return bits_bytes() + metadata_bytes; }

  // Whether a torn write of 512-byte sectors can split the metadata.
  [[nodiscard]] bool metadata_straddles_sector() const {
    return straddles_sector(metadata_offset_bytes(), metadata_bytes);
  }
  // How many of its bytes lie before the boundary then; else all of them.
  [[nodiscard]] std::uint64_t metadata_bytes_in_first_sector() const {
    return metadata_straddles_sector() ? sector_bytes - metadata_offset_bytes() % sector_bytes
                                       : metadata_bytes;
  }
  // The same of a slot.
  [[nodiscard]] bool slot_straddles_sector(ContextSlot array, std::uint64_t block) const {
    return straddles_sector(slot_offset_bytes(array, block), context_slot_bytes);
  }

 private:
  static constexpr std::uint64_t sector_bytes = 512;
  static bool straddles_sector(std::uint64_t offset_bytes, std::uint64_t length_bytes) {
    return offset_bytes / sector_bytes != (offset_bytes + length_bytes - 1) / sector_bytes;
  }

  Geometry geometry_;
};

}  // namespace libregion
