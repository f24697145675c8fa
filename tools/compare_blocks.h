// region-dump --compare: the blocks of several replicas side by side.

#pragma once

#include <cstdint>

#include "tools/common/run_tool.h"
#include "tools/lone_extents.h"

namespace region_tools {

struct CompareBlocksOptions {
  bool live = false;
  bool only_differences = false;
  bool folds = true;
  std::uint64_t hash_width = 8;
  LoneExtentOptions lone;
};

// The whole job, for all regions and files of the command line at once.
ExitCode compare_blocks(Session& session, const CompareBlocksOptions& options);

}  // namespace region_tools
