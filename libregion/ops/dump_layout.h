// Where everything is in the files of a region: the parts of an extent's file, and the places of
// single blocks.

#pragma once

#include "libregion/ops/walk.h"

namespace libregion {

struct LayoutSummary {
  std::uint64_t extent_count = 0;  // shown one by one
  std::uint64_t block_count = 0;   // likewise
  bool stopped = false;
};

// Of everything: the parts of any extent's file, which follow from the geometry alone. Of selected
// extents: the parts of each one's file, which depend on its format too. Of selected blocks: the
// places of each. Reports records of the type "part"; of files only the names are looked at.
LayoutSummary dump_layout(const Region& region, const WalkOptions& walk, Reporter& reporter);

}  // namespace libregion
