// What --version says.

#pragma once

#include <string>
#include <string_view>

namespace region_tools {

// Defined by the build.
inline constexpr std::string_view tools_version = REGION_TOOLS_VERSION;

// The tool, the formats it knows and the libraries it is built with.
std::string version_text(std::string_view tool);

}  // namespace region_tools
