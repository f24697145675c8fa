// Before the first change of a migration in place: nobody may be using any extent, and all must
// fit.

#pragma once

#include <map>
#include <mutex>
#include <span>

#include "libregion/ops/migrate_job.h"

namespace libregion {

class MigrateProbe {
 public:
  MigrateProbe(const Region& region, unsigned jobs) : region_(region), jobs_(jobs) {}

  // Claims each extent's files once, and lets go of them again. Throws Error in_use.
  void probe_all(const Leaf& leaf, std::span<const MigrateJob> extents);

  // Why an extent could not be probed; nullptr where it was.
  [[nodiscard]] const Finding* problem_of(ExtentId extent) const;

  // Throws Error (failed) where there is less space than the extents probed will need.
  void check_space() const;

 private:
  // One of them. What cannot be opened now is left alone later: nobody knows who uses it.
  void probe(const Directory& directory, ExtentId extent, ExtentPart part);

  const Region& region_;
  unsigned jobs_;
  std::uint64_t needed_bytes_ = 0;
  std::mutex mutex_;
  std::map<ExtentId, Finding> problems_;
};

}  // namespace libregion
