// Completion of a tool's command line by shells, made of its option table.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/option_table.h"

namespace region_tools {

// A script for "bash", "zsh" or "fish", to be put where that shell looks for it; nullopt for any
// other. A value named FILE is completed as a path, one named DIR or REGION as that of a directory,
// a choice with its words; nothing is offered for other values.
std::optional<std::string> completion_text(std::string_view shell, const ToolInfo& info,
                                           const std::vector<OptionEntry>& options);

}  // namespace region_tools
