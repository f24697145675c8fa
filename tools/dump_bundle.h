// region-dump --bundle: a region without its data as a file, for a bug report.

#pragma once

#include <optional>
#include <string>

#include "libregion/ops/bundle_file.h"
#include "tools/common/run_tool.h"

namespace region_tools {

// As they stand on the command line.
struct BundleArguments {
  std::optional<std::string> path;
  bool blind = false;
  bool force = false;
};

void add_bundle_options(CommandLine& line, BundleArguments& arguments);

// What does not depend on the region is refused before it is opened. Throws Error (usage).
void check_bundle_arguments(const Session& session, const BundleArguments& arguments);

// The path is given. Throws Error.
libregion::BundleSummary bundle_region(Session& session, const libregion::Region& region,
                                       const BundleArguments& arguments);

}  // namespace region_tools
