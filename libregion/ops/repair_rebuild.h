// Building an extent anew of what its replicas have.

#pragma once

#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/region_definition.h"
#include "libregion/ops/block_sources.h"
#include "libregion/report/finding.h"

namespace libregion {

// What the extent is built of: the readers that find_block_sources was asked with.
struct RebuildSources {
  const RegionDefinition& definition;
  const std::vector<ExtentReader*>& replicas;
  const BlockSources& sources;
  ExtentFormat format = ExtentFormat::raw;  // of the extent, before and after
};

// Where the extent is written to: empty files. `database` is that of a SQLite extent.
struct RebuiltFiles {
  File& data;
  File* database = nullptr;
};

// Writes the extent. Where it is not whole it is a copy of `base`, its data file. Throws Error
// (failed) where a replica does not have a block any more that it had. Nothing is synced.
//   raw     Of a copy, each block that is taken has its data, its context in slot A, and slot B
//           empty. Else all contexts are in array A. A context keeps its flush id.
//   SQLite  The database is a new one, without a log, with the one row of each written block. A
//           block that stays though no row proves it keeps all its rows.
void write_rebuilt(const RebuildSources& sources, const File* base, const RebuiltFiles& files);

// Which ranges of the data file, of this size, may become others where the extent is not whole.
std::vector<ByteRange> rebuilt_ranges(const RebuildSources& sources, std::uint64_t size_bytes);

// What stays of the findings once the extent is built anew.
std::vector<Finding> findings_of_rebuilt(const std::vector<Finding>& findings,
                                         const RebuildSources& sources);

}  // namespace libregion
