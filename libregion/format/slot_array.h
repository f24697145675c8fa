// The contexts of an extent's blocks, in the form that one array of slots has on disk: 48 bytes a
// block (format/context_slot.h), zeros for a block that has none.

#pragma once

#include <cstdint>
#include <optional>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

class SlotArray {
 public:
  // All slots are empty.
  explicit SlotArray(std::uint64_t block_count = 0) : bytes_(block_count * context_slot_bytes) {}

  [[nodiscard]] std::uint64_t block_count() const { return bytes_.size() / context_slot_bytes; }

  // Of different blocks, from any thread.
  void set(std::uint64_t block, const BlockContext& context) {
    encode_context_slot(context, slot(block));
  }

  [[nodiscard]] bool has(std::uint64_t block) const {
    LIBREGION_ASSERT(block < block_count());
    return bytes_[block * context_slot_bytes] != std::byte{0};
  }
  [[nodiscard]] std::optional<BlockContext> at(std::uint64_t block) const;
  // How many blocks have one.
  [[nodiscard]] std::uint64_t context_count() const;

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  bool operator==(const SlotArray&) const = default;

 private:
  [[nodiscard]] std::span<std::byte, context_slot_bytes> slot(std::uint64_t block) {
    LIBREGION_ASSERT(block < block_count());
    return std::span(bytes_).subspan(block * context_slot_bytes).first<context_slot_bytes>();
  }

  Bytes bytes_;
};

}  // namespace libregion
