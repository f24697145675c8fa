#include "libregion/ops/shard.h"

#include <array>

#include "libregion/format/bytes.h"
#include "libregion/format/integrity.h"

namespace libregion {

bool Shard::has(const Uuid& region) const {
  return count == 1 || xxh64(region.bytes) % count == index;
}

bool Shard::has(const Uuid& region, ExtentId extent) const {
  if (count == 1) return true;
  std::array<std::byte, 16 + 4> key{};
  Encoder encoder(key);
  encoder.put(region.bytes);
  encoder.u32(extent.value);
  return xxh64(key) % count == index;
}

}  // namespace libregion
