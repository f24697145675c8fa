// Raw extents whose active slots are scattered over both arrays, as random writes leave them.

#pragma once

#include <cstdint>

#include "tests/support/random.h"
#include "tests/support/region_builder.h"

namespace libregion {

struct Scatter {
  std::uint64_t seed = 1;
  bool encrypted = false;
  // Of eight blocks, how many have their active slot in B.
  std::uint64_t b_share = 4;
};

// A clean extent: some blocks were never written, some once, most have an older context in the slot
// that is not active.
inline RawExtentBuilder scatter(RawExtentBuilder built, std::uint64_t block_count,
                                const Scatter& options) {
  Random random(options.seed);
  for (std::uint64_t block = 0; block < block_count; ++block) {
    const ContextSlot active = random.below(8) < options.b_share ? ContextSlot::B : ContextSlot::A;
    const auto id = [&] { return static_cast<std::uint16_t>(1 + random.below(9)); };
    const auto context = [&](std::uint64_t version) {
      const Bytes data = built.data_for(block, version);
      return options.encrypted ? encrypted_context(data, some_encryption(random.next()), id())
                               : plain_context(data, id());
    };
    const std::uint64_t history = random.below(8);
    built.select(block, active);
    if (history == 0) continue;  // never written, whichever slot is active
    built.set_data(block, built.data_for(block, 1));
    built.set_slot(active, block, context(1));
    if (history > 1) built.set_slot(other_slot(active), block, context(0));
  }
  return built.set_numbers(3, 9).set_counts(2, 7);
}

}  // namespace libregion
