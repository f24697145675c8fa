#include "libregion/ops/replica_set.h"

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"

namespace libregion {

std::optional<std::string> find_incompatibility(const RegionDefinition& left,
                                                const RegionDefinition& right) {
  const auto differ = [](std::string_view what, std::uint64_t expected, std::uint64_t found) {
    return fmt::format("expected {} {}, found {}", what, expected, found);
  };
  const Geometry& expected = left.geometry;
  const Geometry& found = right.geometry;
  if (expected.block_size_bytes() != found.block_size_bytes()) {
    return differ("a block size of", expected.block_size_bytes(), found.block_size_bytes());
  }
  if (expected.extent_size_blocks() != found.extent_size_blocks()) {
    return differ("an extent size of", expected.extent_size_blocks(), found.extent_size_blocks());
  }
  if (left.extent_count != right.extent_count) {
    return differ("an extent count of", left.extent_count, right.extent_count);
  }
  if (left.encrypted == right.encrypted) return std::nullopt;
  return fmt::format("expected {}, found {}", left.encrypted ? "encrypted blocks" : "plain blocks",
                     right.encrypted ? "encrypted ones" : "plain ones");
}

ReplicaSet::ReplicaSet(std::vector<const Region*> regions)
    : regions_(std::move(regions)), leaves_(regions_.size()) {
  for (std::size_t i = 1; i < regions_.size(); ++i) {
    const auto problem =
        find_incompatibility(regions_.front()->definition, regions_[i]->definition);
    if (problem) {
      throw Error(ErrorKind::usage, fmt::format("'{}' is no replica of '{}': {}", regions_[i]->path,
                                                regions_.front()->path, *problem));
    }
    const FileStatus status = regions_[i]->root->status();
    for (std::size_t other = 0; other < i; ++other) {
      const FileStatus other_status = regions_[other]->root->status();
      if (status.device != other_status.device || status.inode != other_status.inode) continue;
      throw Error(ErrorKind::usage, fmt::format("'{}' and '{}' are the same region",
                                                regions_[other]->path, regions_[i]->path));
    }
  }
}

std::vector<std::unique_ptr<ExtentReader>> ReplicaSet::open_from(std::size_t first, ExtentId extent,
                                                                 const Skip& skip) const {
  std::vector<std::unique_ptr<ExtentReader>> readers;
  for (std::size_t i = first; i < regions_.size(); ++i) {
    try {
      readers.push_back(open(i, extent));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      skip(i, error);
      readers.push_back(nullptr);
    }
  }
  return readers;
}

std::unique_ptr<ExtentReader> ReplicaSet::open(std::size_t replica, ExtentId extent) const {
  const auto leaf = leaf_of_replica(replica, leaf_of(extent));
  if (leaf->is_unreadable()) throw Error(ErrorKind::failed, leaf->findings().front().found);
  const ExtentParts parts = leaf->parts_of(extent);
  const bool is_there = parts.has(ExtentPart::data) || parts.has(ExtentPart::db);
  if (leaf->directory() == nullptr || !is_there) return nullptr;
  const Region& region = *regions_[replica];
  return open_extent(*leaf->directory(), extent, parts, region.definition.geometry,
                     [&](File& file) { region.use->claim(file); })
      .reader;
}

std::shared_ptr<const Leaf> ReplicaSet::leaf_of_replica(std::size_t replica, LeafId id) const {
  const std::lock_guard lock(mutex_);
  auto& leaf = leaves_[replica];
  if (leaf == nullptr || leaf->id() != id) {
    leaf = std::make_shared<const Leaf>(Leaf::open(*regions_[replica], id));
  }
  return leaf;
}

}  // namespace libregion
