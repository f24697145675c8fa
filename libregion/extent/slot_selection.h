// Which slot of a block is active, by the rules of opening an extent.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "libregion/format/context_slot.h"

namespace libregion {

// A raw extent that is dirty; its bits are worthless.
//   both slots empty                A
//   a slot's on-disk hash matches   that slot; B where both match
//   none matches, a slot is empty   that slot; A where both are (the first rule)
//   else                            nullopt: the block has lost its context
// A slot that does not decode neither matches nor is empty.
std::optional<ContextSlot> select_dirty_slot(const SlotValue& slot_a, const SlotValue& slot_b,
                                             std::uint64_t data_hash);

// The rows of a SQLite extent's block: the only row, hashed or not; of several the one that
// matches; nullopt where there is no row or no match.
std::optional<std::size_t> select_row(std::span<const SlotValue> rows, std::uint64_t data_hash);

}  // namespace libregion
