// Blocks in words, for people.

#pragma once

#include <string>

#include <fmt/format.h>

#include "libregion/format/units.h"

namespace libregion {

// "block 5", "blocks 5-7".
inline std::string blocks_text(const BlockRange& blocks) {
  if (blocks.count == 1) return fmt::format("block {}", blocks.first);
  return fmt::format("blocks {}-{}", blocks.first, blocks.end() - 1);
}

}  // namespace libregion
