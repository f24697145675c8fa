#include "libregion/ops/migrate_probe.h"

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/parallel.h"

namespace libregion {

void MigrateProbe::probe_all(const Leaf& leaf, std::span<const MigrateJob> extents) {
  if (leaf.directory() == nullptr) return;
  for_each_in_parallel(jobs_, extents.size(), [&](std::size_t i) {
    for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
      if (extents[i].parts.has(part)) probe(*leaf.directory(), extents[i].extent, part);
    }
  });
  const RawLayout layout(region_.definition.geometry);
  for (const MigrateJob& job : extents) {
    if (job.found_format != ExtentFormat::sqlite) continue;
    needed_bytes_ += layout.slot_array_bytes() + layout.tail_bytes();
  }
}

void MigrateProbe::probe(const Directory& directory, ExtentId extent, ExtentPart part) {
  const auto problem = probe_extent_file(region_, directory, extent, part);
  if (!problem) return;
  const std::lock_guard lock(mutex_);
  problems_.emplace(extent, *problem);
}

const Finding* MigrateProbe::problem_of(ExtentId extent) const {
  const auto found = problems_.find(extent);
  return found == problems_.end() ? nullptr : &found->second;
}

void MigrateProbe::check_space() const {
  const std::uint64_t free_bytes = region_.root->free_bytes();
  if (needed_bytes_ <= free_bytes) return;
  throw Error(ErrorKind::failed,
              fmt::format("'{}': no space to migrate: expected {} free, found {}", region_.path,
                          human_size(needed_bytes_), human_size(free_bytes)));
}

}  // namespace libregion
