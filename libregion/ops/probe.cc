#include "libregion/ops/probe.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "libregion/base/error.h"
#include "libregion/ops/parallel.h"

namespace libregion {

void Probe::visit(const Leaf& leaf) {
  if (leaf.directory() == nullptr) return;
  const auto extents = selected_extents_of(leaf.id(), region_.definition, options_);
  for_each_in_parallel(options_.jobs, extents.size(), [&](std::size_t i) {
    for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
      if (leaf.parts_of(extents[i]).has(part)) claim_once(*leaf.directory(), extents[i], part);
    }
  });
}

const Finding* Probe::trouble_of(ExtentId extent) const {
  const auto found = troubles_.find(extent);
  return found == troubles_.end() ? nullptr : &found->second;
}

void Probe::give_way(const Directory& leaf, std::span<const ExtentId> awaited) {
  constexpr int tries = 20;
  if (awaited.empty()) return;
  for (int i = 0; i < tries; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const ExtentId extent : awaited) claim_once(leaf, extent, ExtentPart::data);
  }
}

void Probe::claim_once(const Directory& leaf, ExtentId extent, ExtentPart part) {
  try {
    auto opened = leaf.open_file(extent_file_name(extent, part), Access::read);
    if (auto* file = std::get_if<std::unique_ptr<File>>(&opened)) region_.use->claim(**file);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    const std::lock_guard lock(mutex_);
    troubles_.emplace(extent, unreadable_extent_finding(extent, error));
  }
}

std::vector<ExtentId> selected_extents_of(LeafId leaf, const RegionDefinition& definition,
                                          const WalkOptions& options) {
  std::vector<ExtentId> extents;
  const std::uint64_t first = std::uint64_t{leaf.value} * extents_per_leaf;
  const std::uint64_t end =
      std::min<std::uint64_t>(first + extents_per_leaf, definition.extent_count);
  for (std::uint64_t number = first; number < end; ++number) {
    const ExtentId extent{static_cast<std::uint32_t>(number)};
    if (options.includes(definition, extent)) extents.push_back(extent);
  }
  return extents;
}

Finding unreadable_extent_finding(ExtentId extent, const Error& error) {
  Finding finding{unreadable_finding_id(error), extent, extent_path(extent)};
  finding.found = error.what();
  return finding;
}

}  // namespace libregion
