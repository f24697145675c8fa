// Each sync of the writer and of the defragmentation left out, in turn, at the seam: some workload
// must find it out.

#pragma once

#include <string>
#include <vector>

#include "tests/crash/extent_crasher.h"

namespace libregion {

struct SyncMutant {
  std::string protocol;
  std::string label;                    // what the sync is for
  std::optional<CrashFailure> failure;  // none: nothing has found it out
};
std::vector<SyncMutant> sync_mutants();

}  // namespace libregion
