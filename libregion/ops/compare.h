// Replicas of a volume's region, block by block: what each of them holds, where they are not the
// same, and where one of them has lost a block.
//
// It changes nothing, goes on past everything, and takes constant memory: the extents are looked at
// side by side, several extents at once, each file opened once. Of several formats it compares what
// they say: data, and contexts.

#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/ops/dump.h"
#include "libregion/ops/extent_visit.h"
#include "libregion/ops/replica_blocks.h"

namespace libregion {

// Neighbouring blocks of one extent that look the same in all replicas. Valid during the call only.
struct BlockComparison {
  ExtentId extent;
  BlockRange blocks;
  // Each replica's first block of them.
  std::span<const ReplicaBlock> replicas;
  // Which data each holds: 'A' what most replicas have, 'B' and so on what others have; '-' where
  // there is none, '?' where it could not be read.
  std::span<const char> letters;
  // What is not the same everywhere. A state is how a block's data and its contexts fit; contexts
  // are compared without their flush ids, and no matter which slot they stand in.
  bool data_differs = false;
  bool context_differs = false;
  bool state_differs = false;

  [[nodiscard]] bool differs() const { return data_differs || context_differs || state_differs; }
  // Every replica's block is what was written.
  [[nodiscard]] bool is_sound() const;
  // No replica's block is.
  [[nodiscard]] bool is_lost() const;
};

class ComparisonReporter {
 public:
  ComparisonReporter() = default;
  ComparisonReporter(const ComparisonReporter&) = delete;
  ComparisonReporter& operator=(const ComparisonReporter&) = delete;
  virtual ~ComparisonReporter() = default;

  // In the order of the extents, from one thread at a time: what is wrong with a replica's extent
  // as a whole, the extent, then its blocks.
  virtual void finding(std::size_t replica, const Finding& finding) = 0;
  virtual void extent(const DumpRow& row) = 0;
  virtual void blocks(const BlockComparison& comparison) = 0;
};

struct CompareOptions {
  WalkOptions walk;               // its shard is of the first region
  bool only_differences = false;  // blocks that are sound and equal everywhere are left out
  bool folds = true;              // else every block is reported by itself
  Progress* progress = nullptr;
};

struct CompareSummary {
  VisitTotals totals;                   // blocks count once, bytes in each replica
  std::uint64_t differing_extents = 0;  // whose numbers, formats or states differ
  std::uint64_t differing_blocks = 0;   // in anything
  std::uint64_t unsound_blocks = 0;     // that are damaged in some replica
  std::uint64_t lost_blocks = 0;        // that no replica still holds
  // Why a replica was not read, or not to its end: somebody is using it.
  std::vector<std::optional<Error>> failures;
};

// The regions must agree in their geometry.
CompareSummary compare_replicas(std::span<const Region* const> replicas,
                                const CompareOptions& options, ComparisonReporter& reporter);

// The letters of one block, see BlockComparison.
void assign_letters(std::span<const ReplicaBlock> replicas, std::span<char> letters);

}  // namespace libregion
