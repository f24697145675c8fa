// How a tool presents itself, and the table of its options: what --help and shell completion are
// made of.

#pragma once

#include <string>
#include <vector>

namespace region_tools {

struct ToolInfo {
  std::string name;
  std::string description;
  std::string arguments;              // "REGION..."
  std::vector<std::string> examples;  // lines
};

struct OptionEntry {
  std::string short_name;  // "-q"; may be empty
  std::string long_name;   // "--quiet"
  std::string value_name;  // "FILE"; empty for a flag
  std::string description;
  std::vector<std::string> words = {};  // where the value is one of these
};

}  // namespace region_tools
