// Verifying the replicas of a volume's region side by side: all that verifying each of them finds,
// and what becomes of their differences. Where Crucible would make an extent's replicas equal, it
// is said which one it would copy over the others, and which blocks that would lose; where it would
// not, which blocks are not the same all the same.
//
// Each block of each replica is read once. It changes nothing and goes on past everything.

#pragma once

#include <span>
#include <vector>

#include "libregion/ops/dump.h"
#include "libregion/ops/verify.h"

namespace libregion {

struct VerifyReplicasSummary {
  std::vector<VerifySummary> replicas;          // in the order of the regions
  std::uint64_t extent_count = 0;               // each counted once
  std::uint64_t differing_count = 0;            // extents that Crucible would make equal
  std::uint64_t lost_block_count = 0;           // that this would lose, though a replica has them
  std::uint64_t contradicting_block_count = 0;  // that are not the same, and would stay so
  // Why a replica was not read, or not in whole: somebody is using it.
  std::vector<std::optional<Error>> failures;
  bool stopped = false;
};

// The regions must agree in their geometry; the walk's shard is of the first.
VerifyReplicasSummary verify_replicas(std::span<const DumpReplica> replicas,
                                      const VerifyOptions& options);

}  // namespace libregion
