// Which replica each block of an extent is to be had from.
//
// A block is only ever taken with the context that proves its data, or as one that was never
// written: that only where no replica that counts proves it, and the extent itself has no context
// for it, be it a wrong one. Of several replicas the
// newest counts, by the numbers of its extent: generation, flush, dirty. A replica whose metadata
// cannot be read comes last.
//
// For an extent that can be read and has its metadata:
//   1. what is damaged comes from replicas with the same numbers; all else stays
//   2. where they lack some of it, and the replicas with newer numbers have all blocks, the extent
//      is theirs whole, as Crucible itself would have it
//   3. with `mix` what is still missing comes from the newest replica that has it, and the extent
//      becomes dirty, so that Crucible reconciles it
// What cannot stay as it is (a block behind the end of a SQLite extent's data file, or one whose
// row cannot be a context) must be had as well, else all of the extent stays. For one that cannot:
// the newest replicas with the same numbers must have all blocks between them; with `mix` older
// ones fill up, and the extent is dirty.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libregion/format/region_definition.h"
#include "libregion/ops/replica_blocks.h"
#include "libregion/report/finding.h"

namespace libregion {

struct SourceOptions {
  bool mix = false;
  std::vector<BlockRange> forgotten = {};  // become blocks that were never written
  // Of a SQLite extent: blocks of which a row cannot be a context, and whether there are such rows
  // of nobody knows which block.
  std::vector<BlockRange> bad_rows = {};
  bool has_stray_bad_rows = false;

  [[nodiscard]] bool has_bad_rows() const { return has_stray_bad_rows || !bad_rows.empty(); }
};

struct BlockSources {
  static constexpr std::size_t stays = 0xFFFE;      // as the extent has it
  static constexpr std::size_t forgotten = 0xFFFF;  // becomes a block that was never written

  // Neighbouring blocks of one source; those that stay are left out, unless the extent is whole.
  struct Run {
    BlockRange blocks;
    std::size_t source = stays;
  };

  bool is_whole = false;  // nothing of the extent itself is the base
  bool is_stuck = false;  // a block that cannot stay as it is cannot be had: nothing is to change
  bool is_mixed = false;  // of replicas whose numbers differ: it has become dirty
  std::vector<Run> runs;
  std::vector<BlockRange> dropped_rows;  // bad ones, of blocks that stay: another row proves them
  bool drops_stray_rows = false;
  ExtentMetadata metadata;          // what the extent has then
  std::optional<Finding> unread;    // why a replica could not be read, where one could not
  std::vector<BlockRange> missing;  // that no replica has
  std::vector<BlockRange> unmixed;  // that only `mix` would take

  [[nodiscard]] bool changes() const {
    return !runs.empty() || !dropped_rows.empty() || drops_stray_rows;
  }
};

// The replicas are of ReplicaBlocks, that of the extent itself the first, which may be nullptr.
// `metadata` is the extent's own, perhaps given by somebody who knows it. At most 32 replicas.
BlockSources find_block_sources(const std::vector<ExtentReader*>& replicas,
                                const RegionDefinition& definition,
                                const std::optional<ExtentMetadata>& metadata,
                                const SourceOptions& options);

// Whether a replica has a context for the block, a wrong one or a right one: it was written once.
bool has_any_context(const ReplicaBlock& block);

// The context that a block of a replica is taken with; nullptr where none proves it.
const BlockContext* usable_context(const ReplicaBlock& block, bool encrypted);

constexpr std::size_t replicas_max = 32;

}  // namespace libregion
