// Several regions open at once, and reads of their files that fail.

#pragma once

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "libregion/ops/dump.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {

class OpenReplicas {
 public:
  OpenReplicas(FileSystem& file_system, const std::vector<std::string>& paths)
      : collectors(paths.size()) {
    for (const std::string& path : paths) opened_.push_back(open_region(file_system, path, {}));
  }

  [[nodiscard]] std::vector<const Region*> regions() const {
    std::vector<const Region*> regions;
    for (const OpenedRegion& one : opened_) regions.push_back(&*one.region);
    return regions;
  }
  // Each with its collector.
  [[nodiscard]] std::vector<DumpReplica> replicas() {
    std::vector<DumpReplica> replicas;
    for (std::size_t i = 0; i < opened_.size(); ++i) {
      replicas.push_back({&*opened_[i].region, &collectors[i]});
    }
    return replicas;
  }

  std::vector<ReportCollector> collectors;

 private:
  std::vector<OpenedRegion> opened_;
};

// Runs on a copy of `memory` once for each read of a file, which fails, and once without a failure.
// Returns how many reads there are.
inline std::uint64_t on_each_failing_read(const MemoryFileSystem& memory, const std::string& path,
                                          const std::function<void(MemoryFileSystem&)>& run) {
  for (std::uint64_t call = 0;; ++call) {
    const auto file_system = memory.copy();
    file_system->add_fault({EIO, CallKind::read, path, call});
    run(*file_system);
    if (file_system->faults_hit() == 0) return call;
  }
}

}  // namespace libregion
