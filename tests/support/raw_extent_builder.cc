#include "tests/support/raw_extent_builder.h"

#include <algorithm>

#include "libregion/format/integrity.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::uint64_t slot_bytes = 48;
constexpr std::uint64_t metadata_size = 32;

}  // namespace

BlockContext plain_context(ByteView data, std::uint16_t flush_id) {
  const std::uint64_t hash = on_disk_hash(data);
  return BlockContext{hash, std::nullopt, hash, flush_id};
}

BlockContext encrypted_context(ByteView data, const EncryptionContext& encryption,
                               std::uint16_t flush_id) {
  Bytes stream(encryption.nonce.begin(), encryption.nonce.end());
  stream.insert(stream.end(), encryption.tag.begin(), encryption.tag.end());
  stream.insert(stream.end(), data.begin(), data.end());
  return BlockContext{on_disk_hash(stream), encryption, on_disk_hash(data), flush_id};
}

EncryptionContext some_encryption(std::uint64_t seed) {
  Random random(seed);
  EncryptionContext encryption;
  random.fill(encryption.nonce);
  random.fill(encryption.tag);
  return encryption;
}

RawExtentBuilder::RawExtentBuilder(std::uint64_t block_size_bytes, std::uint64_t block_count)
    : block_size_(block_size_bytes), block_count_(block_count) {
  bytes_.resize(metadata_offset() + metadata_size);
  set_version(2);
}

std::uint64_t RawExtentBuilder::slot_offset(ContextSlot slot, std::uint64_t block) const {
  const std::uint64_t array = slot == ContextSlot::A ? 0 : slot_bytes * block_count_;
  return block_count_ * block_size_ + array + slot_bytes * block;
}

Bytes RawExtentBuilder::data_for(std::uint64_t block, std::uint64_t version) const {
  return Random(1 + block * 1000 + version).bytes(block_size_);
}

RawExtentBuilder& RawExtentBuilder::write(std::uint64_t block, ContextSlot slot,
                                          std::uint64_t version) {
  const Bytes data = data_for(block, version);
  return set_data(block, data).set_slot(slot, block, plain_context(data)).select(block, slot);
}

RawExtentBuilder& RawExtentBuilder::write_encrypted(std::uint64_t block, ContextSlot slot) {
  const Bytes data = data_for(block);
  set_data(block, data).set_slot(slot, block, encrypted_context(data, some_encryption(block)));
  return select(block, slot);
}

RawExtentBuilder& RawExtentBuilder::write_all(ContextSlot slot) {
  for (std::uint64_t block = 0; block < block_count_; ++block) write(block, slot);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_data(std::uint64_t block, ByteView data) {
  std::copy(data.begin(), data.end(),
            bytes_.begin() + static_cast<std::ptrdiff_t>(data_offset(block)));
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_slot(ContextSlot slot, std::uint64_t block,
                                             const BlockContext& context) {
  clear_slot(slot, block);
  const std::uint64_t at = slot_offset(slot, block);
  put_number(at, 1, 1);
  put_number(at + 1, context.hash, 8);
  if (!context.encryption) {
    put_number(at + 10, context.on_disk_hash, 8);
    put_number(at + 18, context.flush_id, 2);
    return *this;
  }
  put_number(at + 9, 1, 1);
  for (std::uint64_t i = 0; i < 12; ++i) bytes_[at + 10 + i] = context.encryption->nonce[i];
  for (std::uint64_t i = 0; i < 16; ++i) bytes_[at + 22 + i] = context.encryption->tag[i];
  put_number(at + 38, context.on_disk_hash, 8);
  put_number(at + 46, context.flush_id, 2);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::clear_slot(ContextSlot slot, std::uint64_t block) {
  for (std::uint64_t i = 0; i < slot_bytes; ++i) set_slot_byte(slot, block, i, 0);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::select(std::uint64_t block, ContextSlot slot) {
  const auto bit = std::byte{1} << (block % 8);
  std::byte& bits = bytes_[bits_offset() + block / 8];
  bits = slot == ContextSlot::B ? bits | bit : bits & ~bit;
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_dirty(unsigned value) {
  return set_byte(metadata_offset(), value);
}

RawExtentBuilder& RawExtentBuilder::set_numbers(std::uint64_t gen_number,
                                                std::uint64_t flush_number) {
  put_number(metadata_offset() + 1, gen_number, 8);
  put_number(metadata_offset() + 9, flush_number, 8);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_version(std::uint32_t version) {
  put_number(metadata_offset() + 17, version, 4);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_counts(std::uint32_t bonus_sync_count,
                                               std::uint32_t defrag_count) {
  put_number(metadata_offset() + 21, bonus_sync_count, 4);
  put_number(metadata_offset() + 25, defrag_count, 4);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::flip_active_bit(std::uint64_t block) {
  bytes_[bits_offset() + block / 8] ^= std::byte{1} << (block % 8);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::corrupt_data(std::uint64_t block) {
  bytes_[data_offset(block) + block_size_ / 2] ^= std::byte{0x10};
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_slot_tag(ContextSlot slot, std::uint64_t block,
                                                 unsigned value) {
  return set_slot_byte(slot, block, 0, value);
}

RawExtentBuilder& RawExtentBuilder::set_encryption_tag(ContextSlot slot, std::uint64_t block,
                                                       unsigned value) {
  return set_slot_byte(slot, block, 9, value);
}

RawExtentBuilder& RawExtentBuilder::set_slot_byte(ContextSlot slot, std::uint64_t block,
                                                  std::uint64_t offset, unsigned value) {
  return set_byte(slot_offset(slot, block) + offset, value);
}

RawExtentBuilder& RawExtentBuilder::corrupt_slot_byte(ContextSlot slot, std::uint64_t block,
                                                      std::uint64_t offset) {
  bytes_[slot_offset(slot, block) + offset] ^= std::byte{0x10};
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_metadata_padding(unsigned value) {
  for (std::uint64_t i = 29; i < 32; ++i) set_byte(metadata_offset() + i, value);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_unused_bits(unsigned bits) {
  const unsigned used = (1U << (block_count_ % 8)) - 1;
  std::byte& last = bytes_[metadata_offset() - 1];
  last = (last & std::byte(used)) | std::byte(bits & ~used);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::resize(std::uint64_t size_bytes) {
  bytes_.resize(size_bytes);
  return *this;
}

RawExtentBuilder& RawExtentBuilder::set_byte(std::uint64_t offset, unsigned value) {
  bytes_[offset] = std::byte(value);
  return *this;
}

void RawExtentBuilder::put_number(std::uint64_t offset, std::uint64_t value,
                                  std::size_t size_bytes) {
  for (std::size_t i = 0; i < size_bytes; ++i) {
    bytes_[offset + i] = static_cast<std::byte>(value >> (8 * i));
  }
}

}  // namespace libregion
