// A tool's command line: its options, their parsing, --help and --version.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/common/option_table.h"

namespace region_tools {

class CommandLine {
 public:
  explicit CommandLine(ToolInfo info);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // `names` is "-q,--quiet" or "--quiet". Targets keep their value where the option is not given.
  void add_flag(const std::string& names, bool& target, const std::string& description);
  void add_text(const std::string& names, std::string& target, const std::string& value_name,
                const std::string& description);
  // Empty text is not the same as no text: what a script left empty is refused, not ignored.
  void add_text(const std::string& names, std::optional<std::string>& target,
                const std::string& value_name, const std::string& description);
  void add_number(const std::string& names, std::uint64_t& target, const std::string& value_name,
                  const std::string& description);
  template <class Value>
  void add_choice(const std::string& names, Value& target,
                  const std::vector<std::pair<std::string, Value>>& choices,
                  const std::string& value_name, const std::string& description) {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    add_word(names, words, value_name, description,
             [&target, choices](std::size_t index) { target = choices[index].second; });
  }
  // Two options that cannot be given together.
  void exclude(const std::string& name, const std::string& other_name);
  // An option that only means something with another one.
  void require(const std::string& name, const std::string& other_name);
  // What stands on the command line besides options.
  void add_arguments(std::vector<std::string>& target, std::size_t count_min,
                     std::size_t count_max);

  // nullopt where the tool goes on; else its exit status: of --help, --version, --completion, a
  // usage error.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);

 private:
  struct Parser;
  void add_word(const std::string& names, const std::vector<std::string>& words,
                const std::string& value_name, const std::string& description,
                std::function<void(std::size_t)> set);
  void add_to_table(const std::string& names, const std::string& value_name,
                    const std::string& description, const std::vector<std::string>& words = {});
  [[nodiscard]] std::string help_text() const;
  [[nodiscard]] int refuse(const std::string& message) const;

  ToolInfo info_;
  std::unique_ptr<Parser> parser_;
  std::vector<OptionEntry> options_;
};

}  // namespace region_tools
