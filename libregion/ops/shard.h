// Sharing work out: N runs, on as many machines, that know nothing of each other cover everything
// once. A share is XXH64 (seed 0) of the region's UUID, and of the extent's number (u32,
// little-endian) where extents are shared out, modulo N.

#pragma once

#include <cstdint>

#include "libregion/format/units.h"
#include "libregion/format/uuid.h"

namespace libregion {

struct Shard {
  std::uint64_t index = 0;  // 0 .. count - 1
  std::uint64_t count = 1;

  [[nodiscard]] bool has(const Uuid& region) const;
  [[nodiscard]] bool has(const Uuid& region, ExtentId extent) const;
};

}  // namespace libregion
