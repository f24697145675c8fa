// The numbers of a run in Prometheus' text format, for a node exporter's textfile collector.

#pragma once

#include <string>

#include "tools/common/renderer.h"

namespace region_tools {

std::string metrics_text(const std::string& tool, const RunSummary& summary);

// Writes a file beside it and renames that over it, so that nobody reads half of it. Throws
// SystemError.
void write_metrics(const std::string& path, const std::string& text);

}  // namespace region_tools
