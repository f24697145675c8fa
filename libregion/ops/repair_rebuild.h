// Building an extent anew of what its replicas have.

#pragma once

#include <vector>

#include "libregion/format/region_definition.h"
#include "libregion/ops/block_sources.h"
#include "libregion/report/finding.h"

namespace libregion {

// What the extent is built of: the readers that find_block_sources was asked with.
struct RebuildSources {
  const RegionDefinition& definition;
  const std::vector<ExtentReader*>& replicas;
  const BlockSources& sources;
};

// Writes the extent to an empty file. Where it is not whole it is a copy of `base`, in which each
// block that is taken has its data, its context in slot A, and slot B empty. Else all contexts are
// in array A. A context keeps its flush id. Throws Error (failed) where a replica does not have a
// block any more that it had. Nothing is synced.
void write_rebuilt(const RebuildSources& sources, const File* base, File& file);

// Which ranges of `base`, where it is not whole, may become others.
std::vector<ByteRange> rebuilt_ranges(const RebuildSources& sources);

// What stays of the findings once these blocks are built anew.
std::vector<Finding> without_blocks(const std::vector<Finding>& findings,
                                    const std::vector<BlockSources::Run>& runs);

}  // namespace libregion
