// Where the dispatcher finds the tools: beside itself, then in $REGION_EXEC_PATH, the installed
// directory for programs, and PATH.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace region_tools {

struct KnownTool {
  std::string_view name;  // "verify" is the program region-verify
  std::string_view purpose;
};
// Those of this project, in the order of their names.
const std::vector<KnownTool>& known_tools();

class ToolSearch {
 public:
  // `invoked_as` is the dispatcher's argv[0], for systems that cannot say where it lies.
  explicit ToolSearch(const std::string& invoked_as);

  // The program "region-NAME"; nullopt where there is none.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;

  // The page of "region-NAME" as it is installed with the dispatcher; nullopt where there is none.
  [[nodiscard]] std::optional<std::string> manual_page(std::string_view name) const;

  // The names of all that are there, in order.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] const std::vector<std::string>& directories() const { return directories_; }

 private:
  void add(const std::string& directory);

  std::string own_directory_;
  std::vector<std::string> directories_;
};

// Whether this could be a tool's name: lower-case letters, digits and hyphens.
bool is_tool_name(std::string_view name);

// The name that was probably meant: one of `names` that differs by a few letters, or begins so.
std::optional<std::string> closest_name(std::string_view name,
                                        const std::vector<std::string>& names);

}  // namespace region_tools
