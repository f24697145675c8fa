// Before the first change to a region: does anybody use one of the extents?

#pragma once

#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "libregion/ops/walk.h"

namespace libregion {

class Probe {
 public:
  Probe(const Region& region, const WalkOptions& options) : region_(region), options_(options) {}

  // Claims the data file and the database of each selected extent of a leaf once, and lets go of
  // them again. Throws Error: in_use, stopped.
  void visit(const Leaf& leaf);

  // Why the files of an extent could not be opened: nobody knows who uses them. Else nullptr.
  [[nodiscard]] const Finding* trouble_of(ExtentId extent) const;

  // Somebody waited for these extents until they were closed, and has them in a moment. If it is
  // there to use the region, the claim is refused: throws Error in_use.
  void give_way(const Directory& leaf, std::span<const ExtentId> awaited);

 private:
  void claim_once(const Directory& leaf, ExtentId extent, ExtentPart part);

  const Region& region_;
  const WalkOptions& options_;
  std::mutex mutex_;
  std::map<ExtentId, Finding> troubles_;
};

// The extents of a leaf that are selected, in ascending order, whether they are there or not.
std::vector<ExtentId> selected_extents_of(LeafId leaf, const RegionDefinition& definition,
                                          const WalkOptions& options);

// The finding for an extent that could not be read.
Finding unreadable_extent_finding(ExtentId extent, const Error& error);

}  // namespace libregion
