// Regions that are replicas of each other, and what all of them have of an extent.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/region/leaf.h"
#include "libregion/region/region.h"

namespace libregion {

// What stands in the way of taking blocks of one region for the other: nullopt where nothing does.
// Replicas have the same geometry, extent count and encryption; their UUIDs differ, but those of a
// copy need not.
std::optional<std::string> find_incompatibility(const RegionDefinition& left,
                                                const RegionDefinition& right);

class ReplicaSet {
 public:
  // The regions must outlive this. Throws Error (usage) where they cannot be replicas of one
  // another, or two of them are the same directory.
  explicit ReplicaSet(std::vector<const Region*> regions);

  [[nodiscard]] std::size_t size() const { return regions_.size(); }
  [[nodiscard]] const Region& region(std::size_t replica) const { return *regions_[replica]; }

  // Opens the extent of each; nullptr where its blocks cannot be looked at, for whatever reason:
  // skip(replica, error) where that is an error. From any thread. Throws Error in_use.
  using Skip = std::function<void(std::size_t replica, const Error& error)>;
  [[nodiscard]] std::vector<std::unique_ptr<ExtentReader>> open(ExtentId extent,
                                                                const Skip& skip) const {
    return open_from(0, extent, skip);
  }
  // The same of all but the first.
  [[nodiscard]] std::vector<std::unique_ptr<ExtentReader>> open_others(ExtentId extent,
                                                                       const Skip& skip) const {
    return open_from(1, extent, skip);
  }

 private:
  [[nodiscard]] std::vector<std::unique_ptr<ExtentReader>> open_from(std::size_t first,
                                                                     ExtentId extent,
                                                                     const Skip& skip) const;
  [[nodiscard]] std::shared_ptr<const Leaf> leaf_of_replica(std::size_t replica, LeafId id) const;
  [[nodiscard]] std::unique_ptr<ExtentReader> open(std::size_t replica, ExtentId extent) const;

  std::vector<const Region*> regions_;
  // The leaf that each replica was asked for last.
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const Leaf>> leaves_;
};

}  // namespace libregion
