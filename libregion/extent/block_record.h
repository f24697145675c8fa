// What an extent says about one block, whatever the backend.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

struct BlockRecord {
  std::uint64_t block = 0;

  // Raw: slot A, then slot B. SQLite: the block's rows, in the order of the table.
  std::span<const SlotValue> slots;

  // Which of `slots` is the block's context, by the rules of opening an extent. Raw: nullopt only
  // where the extent is dirty and the block has lost its context. SQLite: nullopt where there is no
  // row, or several of which none matches the data.
  std::optional<std::size_t> selected;

  ByteView data;
  std::uint64_t data_hash = 0;  // the on-disk hash of `data`

  // Of a block whose context is encrypted and matches the data, where the reader was asked for it.
  std::optional<std::uint64_t> integrity_hash;

  // Raw: the bytes of both slots. SQLite: empty.
  std::array<ByteView, 2> slot_bytes;

  // The block's context; nullptr where it has none.
  [[nodiscard]] const BlockContext* context() const {
    return selected ? std::get_if<BlockContext>(&slots[*selected]) : nullptr;
  }
  [[nodiscard]] bool matches(const SlotValue& slot) const {
    const auto* present = std::get_if<BlockContext>(&slot);
    return present != nullptr && present->on_disk_hash == data_hash;
  }
};

}  // namespace libregion
