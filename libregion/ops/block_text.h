// Blocks in words, for people.

#pragma once

#include <string>

#include "libregion/format/units.h"

namespace libregion {

// "block 5", "blocks 5-7".
inline std::string blocks_text(const BlockRange& blocks) {
  const std::string first = std::to_string(blocks.first);
  if (blocks.count == 1) return "block " + first;
  return "blocks " + first + "-" + std::to_string(blocks.end() - 1);
}

}  // namespace libregion
