#include "tools/common/command_line.h"

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "tools/common/completion.h"
#include "tools/common/exit_code.h"
#include "tools/common/output.h"
#include "tools/common/version.h"

namespace region_tools {
namespace {

constexpr std::size_t help_column = 31;

// Thrown through the parser by --completion, whatever else is missing on the command line.
struct CallForCompletion {
  std::string shell;
};

int print(const std::string& tool, const std::string& text) {
  try {
    Output output("-");
    output.write(text);
    output.finish();
    return static_cast<int>(ExitCode::done);
  } catch (const libregion::Error& error) {
    (void)std::fputs(fmt::format("{}: error: {}\n", tool, error.what()).c_str(), stderr);
    return static_cast<int>(exit_code_of(error.kind()));
  }
}

// What every tool has comes last.
std::vector<OptionEntry> with_standard_options(std::vector<OptionEntry> options) {
  options.push_back({"-h", "--help", "", "this text"});
  options.push_back({"-V", "--version", "", "formats and libraries too"});
  return options;
}

}  // namespace

struct CommandLine::Parser {
  CLI::App app;
};

CommandLine::CommandLine(ToolInfo info)
    : info_(std::move(info)), parser_(std::make_unique<Parser>()) {
  parser_->app.set_version_flag("-V,--version", "");
  // For the build, not for people: --help does not show it.
  parser_->app
      .add_option_function<std::string>(
          "--completion", [](const std::string& shell) { throw CallForCompletion{shell}; })
      ->trigger_on_parse();
}

CommandLine::~CommandLine() = default;

void CommandLine::add_flag(const std::string& names, bool& target, const std::string& description) {
  parser_->app.add_flag(names, target)->disable_flag_override();
  add_to_table(names, "", description);
}

void CommandLine::add_text(const std::string& names, std::string& target,
                           const std::string& value_name, const std::string& description) {
  parser_->app.add_option(names, target)->type_name(value_name);
  add_to_table(names, value_name, description);
}

void CommandLine::add_text(const std::string& names, std::optional<std::string>& target,
                           const std::string& value_name, const std::string& description) {
  parser_->app
      .add_option_function<std::string>(names,
                                        [&target](const std::string& text) { target = text; })
      ->type_name(value_name);
  add_to_table(names, value_name, description);
}

void CommandLine::add_number(const std::string& names, std::uint64_t& target,
                             const std::string& value_name, const std::string& description) {
  // CLI11 alone would take 0x10 and 010, and turn -1 around.
  parser_->app
      .add_option_function<std::string>(
          names,
          [names, &target](const std::string& text) {
            const auto value = libregion::parse_decimal(text);
            if (!value) {
              throw CLI::ValidationError(
                  names, "expected a number from 0 to 18446744073709551615, found '" + text + "'");
            }
            target = *value;
          })
      ->type_name(value_name);
  add_to_table(names, value_name, description);
}

void CommandLine::add_word(const std::string& names, const std::vector<std::string>& words,
                           const std::string& value_name, const std::string& description,
                           std::function<void(std::size_t)> set) {
  parser_->app
      .add_option_function<std::string>(
          names,
          [names, words, set = std::move(set)](const std::string& text) {
            const auto word = std::find(words.begin(), words.end(), text);
            if (word == words.end()) {
              throw CLI::ValidationError(
                  names, fmt::format("expected {}, found '{}'", fmt::join(words, ", "), text));
            }
            set(static_cast<std::size_t>(word - words.begin()));
          })
      ->type_name(value_name);
  add_to_table(names, value_name, description, words);
}

void CommandLine::require(const std::string& name, const std::string& other_name) {
  parser_->app.get_option(name)->needs(parser_->app.get_option(other_name));
}

void CommandLine::exclude(const std::string& name, const std::string& other_name) {
  parser_->app.get_option(name)->excludes(parser_->app.get_option(other_name));
}

void CommandLine::add_arguments(std::vector<std::string>& target, std::size_t count_min,
                                std::size_t count_max) {
  parser_->app.add_option(info_.arguments, target)
      ->expected(static_cast<int>(count_min), static_cast<int>(count_max));
  if (count_min > 0) parser_->app.get_option(info_.arguments)->required();
}

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
  try {
    parser_->app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return print(info_.name, help_text());
  } catch (const CLI::CallForVersion&) {
    return print(info_.name, version_text(info_.name));
  } catch (const CallForCompletion& call) {
    const auto text = completion_text(call.shell, info_, with_standard_options(options_));
    if (text) return print(info_.name, *text);
    return refuse("--completion: expected bash, zsh, fish, found '" + call.shell + "'");
  } catch (const CLI::ArgumentMismatch& error) {
    // "--jobs: 1 required N missing", or too many of what stands besides options.
    const std::string text = error.what();
    if (const std::size_t end = text.find(" was given a disallowed flag"); end != text.npos) {
      return refuse("--" + text.substr(0, end) + ": expected no value, found one");
    }
    const std::string name = text.substr(0, text.find(':'));
    return refuse(name == info_.arguments ? "expected " + name + ", found more"
                                          : name + ": expected a value, found none");
  } catch (const CLI::ParseError& error) {
    return refuse(error.what());
  }
}

int CommandLine::refuse(const std::string& message) const {
  const std::string text = fmt::format("{}: error: {}\nTry '{} --help'.\n", info_.name,
                                       libregion::printable(message), info_.name);
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  return static_cast<int>(ExitCode::usage);
}

void CommandLine::add_to_table(const std::string& names, const std::string& value_name,
                               const std::string& description,
                               const std::vector<std::string>& words) {
  const std::size_t comma = names.find(',');
  const bool has_short_name = comma != std::string::npos;
  options_.push_back({has_short_name ? names.substr(0, comma) : "",
                      has_short_name ? names.substr(comma + 1) : names, value_name, description,
                      words});
}

std::string CommandLine::help_text() const {
  std::string text = fmt::format("usage: {} [OPTION...] {}\n{}\n\n", info_.name, info_.arguments,
                                 info_.description);
  for (const OptionEntry& option : with_standard_options(options_)) {
    const std::string left =
        fmt::format("{:4}{}{}{}", option.short_name.empty() ? "" : option.short_name + ", ",
                    option.long_name, option.value_name.empty() ? "" : " ", option.value_name);
    // What is too long for its column stays on its line all the same.
    const std::size_t width = std::max(help_column, left.size() + 1);
    text += fmt::format("  {:{}}{}\n", left, width, option.description);
  }
  text += '\n';
  for (const std::string& example : info_.examples) text += "  " + example + "\n";
  return text + fmt::format("\nMore: man {}, man 7 region-tools\n", info_.name);
}

}  // namespace region_tools
