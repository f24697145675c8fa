#include "tools/common/completion.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace region_tools {
namespace {

using Options = std::vector<OptionEntry>;

enum class ValueKind : std::uint8_t { none, words, file, directory, other };

ValueKind kind_of(std::string_view value_name, const std::vector<std::string>& words) {
  if (!words.empty()) return ValueKind::words;
  if (value_name.empty()) return ValueKind::none;
  if (value_name.find("FILE") != std::string_view::npos) return ValueKind::file;
  const bool is_directory = value_name.find("DIR") != std::string_view::npos ||
                            value_name.find("REGION") != std::string_view::npos;
  return is_directory ? ValueKind::directory : ValueKind::other;
}

ValueKind kind_of(const OptionEntry& option) { return kind_of(option.value_name, option.words); }

// `text` with a backslash before each of these characters.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char character : text) {
    if (special.find(character) != std::string_view::npos) result += '\\';
    result += character;
  }
  return result;
}

// As one word of a POSIX shell.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char character : text) {
    if (character == '\'') {
      result += "'\\''";
    } else {
      result += character;
    }
  }
  return result + "'";
}

std::string first_line(std::string_view comment, const ToolInfo& info, std::string_view shell) {
  return fmt::format("{}\n# Made by \"{} --completion {}\".\n\n", comment, info.name, shell);
}

// ---- bash ---------------------------------------------------------------------------------------

// The command that completes the value of an option, or an argument; empty where nothing can.
std::string bash_action(ValueKind kind, const std::vector<std::string>& words) {
  switch (kind) {
    case ValueKind::words:
      return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\")",
                         fmt::join(words, " "));
    case ValueKind::file: return "compopt -o default";
    case ValueKind::directory: return "compopt -o dirnames";
    case ValueKind::none:
    case ValueKind::other: break;
  }
  return "";
}

std::string bash_cases(const Options& options) {
  std::string text;
  for (const OptionEntry& option : options) {
    const ValueKind kind = kind_of(option);
    if (kind == ValueKind::none) continue;
    text += "      " + option.short_name + (option.short_name.empty() ? "" : " | ");
    const std::string action = bash_action(kind, option.words);
    text += fmt::format("{}) {}return ;;\n", option.long_name, action.empty() ? "" : action + "; ");
  }
  return text;
}

std::string bash_text(const ToolInfo& info, const Options& options) {
  std::string function = "_" + info.name;
  std::replace(function.begin(), function.end(), '-', '_');
  std::vector<std::string> names;
  for (const OptionEntry& option : options) {
    if (!option.short_name.empty()) names.push_back(option.short_name);
    names.push_back(option.long_name);
  }
  std::string text = first_line("# Completion of " + info.name + " in bash.", info, "bash");
  text += function + "() {\n" + R"(  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local given="${COMP_WORDS[*]:0:COMP_CWORD} "
  COMPREPLY=()
  # --name=value comes as three words.
  if [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $word == = ]]; then
    word=
  fi
  if [[ $given != *' -- '* ]]; then
    case $before in
)" + bash_cases(options);
  const std::string action = bash_action(kind_of(info.arguments, {}), {});
  text += fmt::format(R"(    esac
    if [[ $word == -* ]]; then
      mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word")
      return
    fi
  fi
{}}}

complete -F {} {}
)",
                      fmt::join(names, " "), action.empty() ? "" : "  " + action + "\n", function,
                      info.name);
  return text;
}

// ---- zsh ----------------------------------------------------------------------------------------

std::string zsh_action(ValueKind kind, const std::vector<std::string>& words) {
  switch (kind) {
    case ValueKind::words: return fmt::format("({})", fmt::join(words, " "));
    case ValueKind::file: return "_files";
    case ValueKind::directory: return "_directories";
    case ValueKind::none:
    case ValueKind::other: break;
  }
  return " ";
}

// Of an option: "(-o --output)"{-o+,--output=}"[description]:FILE:_files", in its own quotes.
std::string zsh_spec(const OptionEntry& option) {
  const ValueKind kind = kind_of(option);
  std::string explanation = "[" + escaped(option.description, "[]\\") + "]";
  std::string short_name = option.short_name;
  std::string long_name = option.long_name;
  if (kind != ValueKind::none) {
    explanation +=
        fmt::format(":{}:{}", escaped(option.value_name, ":\\"), zsh_action(kind, option.words));
    short_name += "+";
    long_name += "=";
  }
  if (option.short_name.empty()) return quoted(long_name + explanation);
  return fmt::format("'({} {})'{{{},{}}}{}", option.short_name, option.long_name, short_name,
                     long_name, quoted(explanation));
}

std::string zsh_text(const ToolInfo& info, const Options& options) {
  std::string text = first_line("#compdef " + info.name, info, "zsh");
  text += "_arguments -s -S \\\n";
  for (const OptionEntry& option : options) text += "  " + zsh_spec(option) + " \\\n";
  const ValueKind kind = kind_of(info.arguments, {});
  return text + "  " + quoted(fmt::format("*:{}:{}", info.arguments, zsh_action(kind, {}))) + "\n";
}

// ---- fish ---------------------------------------------------------------------------------------

std::string fish_quoted(std::string_view text) { return "'" + escaped(text, "'\\") + "'"; }

std::string fish_value(ValueKind kind, const std::vector<std::string>& words) {
  switch (kind) {
    case ValueKind::words: return fmt::format(" -x -a '{}'", fmt::join(words, " "));
    case ValueKind::file: return " -r -F";
    case ValueKind::directory: return " -x -a '(__fish_complete_directories)'";
    case ValueKind::other: return " -x";
    case ValueKind::none: break;
  }
  return "";
}

std::string fish_text(const ToolInfo& info, const Options& options) {
  std::string text = first_line("# Completion of " + info.name + " in fish.", info, "fish");
  const ValueKind kind = kind_of(info.arguments, {});
  if (kind == ValueKind::directory) {
    text += fmt::format("complete -c {} -f -a '(__fish_complete_directories)'\n", info.name);
  }
  for (const OptionEntry& option : options) {
    text += "complete -c " + info.name;
    if (!option.short_name.empty()) text += " -s " + option.short_name.substr(1);
    text += fmt::format(" -l {}{} -d {}\n", option.long_name.substr(2),
                        fish_value(kind_of(option), option.words), fish_quoted(option.description));
  }
  return text;
}

}  // namespace

std::optional<std::string> completion_text(std::string_view shell, const ToolInfo& info,
                                           const std::vector<OptionEntry>& options) {
  if (shell == "bash") return bash_text(info, options);
  if (shell == "zsh") return zsh_text(info, options);
  if (shell == "fish") return fish_text(info, options);
  return std::nullopt;
}

}  // namespace region_tools
