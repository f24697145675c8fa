// Raw extents put together by hand, block by block. Offsets and encodings are written down here
// once more, from the format document: nothing of the library lays out these bytes.

#pragma once

#include <cstdint>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

// The context of a block that is not encrypted, and of one that is.
BlockContext plain_context(ByteView data, std::uint16_t flush_id = 0);
BlockContext encrypted_context(ByteView data, const EncryptionContext& encryption,
                               std::uint16_t flush_id = 0);
EncryptionContext some_encryption(std::uint64_t seed);

// A raw extent in memory: never written, clean, version 2, all numbers 0.
class RawExtentBuilder {
 public:
  RawExtentBuilder(std::uint64_t block_size_bytes, std::uint64_t block_count);

  // ---- where everything is ----------------------------------------------------------------------

  [[nodiscard]] std::uint64_t data_offset(std::uint64_t block) const { return block * block_size_; }
  [[nodiscard]] std::uint64_t slot_offset(ContextSlot slot, std::uint64_t block) const;
  [[nodiscard]] std::uint64_t bits_offset() const { return block_count_ * (block_size_ + 96); }
  [[nodiscard]] std::uint64_t metadata_offset() const {
    return bits_offset() + (block_count_ + 7) / 8;
  }

  // ---- blocks -----------------------------------------------------------------------------------

  // Bytes that look random and differ for each block and version.
  [[nodiscard]] Bytes data_for(std::uint64_t block, std::uint64_t version = 0) const;

  // A block as a flush leaves it: data, its context in `slot`, that slot selected.
  RawExtentBuilder& write(std::uint64_t block, ContextSlot slot = ContextSlot::B,
                          std::uint64_t version = 0);
  RawExtentBuilder& write_encrypted(std::uint64_t block, ContextSlot slot = ContextSlot::B);
  RawExtentBuilder& write_all(ContextSlot slot = ContextSlot::B);

  RawExtentBuilder& set_data(std::uint64_t block, ByteView data);
  RawExtentBuilder& set_slot(ContextSlot slot, std::uint64_t block, const BlockContext& context);
  RawExtentBuilder& clear_slot(ContextSlot slot, std::uint64_t block);
  RawExtentBuilder& select(std::uint64_t block, ContextSlot slot);

  // ---- metadata ---------------------------------------------------------------------------------

  RawExtentBuilder& set_dirty(unsigned value = 1);
  RawExtentBuilder& set_numbers(std::uint64_t gen_number, std::uint64_t flush_number);
  RawExtentBuilder& set_version(std::uint32_t version);
  RawExtentBuilder& set_counts(std::uint32_t bonus_sync_count, std::uint32_t defrag_count);

  // ---- damage -----------------------------------------------------------------------------------

  RawExtentBuilder& flip_active_bit(std::uint64_t block);
  RawExtentBuilder& corrupt_data(std::uint64_t block);
  // The byte that says whether the slot is present.
  RawExtentBuilder& set_slot_tag(ContextSlot slot, std::uint64_t block, unsigned value);
  // The byte that says whether the present slot has an encryption context.
  RawExtentBuilder& set_encryption_tag(ContextSlot slot, std::uint64_t block, unsigned value);
  RawExtentBuilder& set_slot_byte(ContextSlot slot, std::uint64_t block, std::uint64_t offset,
                                  unsigned value);
  RawExtentBuilder& corrupt_slot_byte(ContextSlot slot, std::uint64_t block, std::uint64_t offset);
  RawExtentBuilder& set_metadata_padding(unsigned value);
  // Replaces the bits behind the last block's.
  RawExtentBuilder& set_unused_bits(unsigned bits);
  RawExtentBuilder& resize(std::uint64_t size_bytes);
  RawExtentBuilder& set_byte(std::uint64_t offset, unsigned value);

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  void put_number(std::uint64_t offset, std::uint64_t value, std::size_t size_bytes);

  std::uint64_t block_size_;
  std::uint64_t block_count_;
  Bytes bytes_;
};

}  // namespace libregion
