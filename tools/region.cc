// region: runs "region-NAME" for "region NAME", and says which tools there are.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "tools/common/exit_code.h"
#include "tools/common/output.h"
#include "tools/common/version.h"
#include "tools/tool_search.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;

constexpr std::string_view help_head =
    "usage: region TOOL [ARGUMENT...]\n"
    "Offline tools for the storage regions of Oxide Crucible.\n\n";
constexpr std::string_view help_tail =
    "\n"
    "  -h, --help       this text\n"
    "  -V, --version    formats and libraries too\n\n"
    "  region verify /data/r1    the same as region-verify /data/r1\n"
    "  region help verify        its manual page\n\n"
    "More: man region, man 7 region-tools\n";

// Pages that are of no tool.
constexpr std::string_view topics[] = {"format", "records", "recovery", "tools"};

int print(const std::string& text) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is no news
  Output output("-");
  output.write(text);
  output.flush();
  return static_cast<int>(ExitCode::done);
}

std::string purpose_of(const std::string& name) {
  const auto& known = known_tools();
  const auto tool = std::find_if(known.begin(), known.end(), [&](const KnownTool& candidate) {
    return candidate.name == name;
  });
  return tool == known.end() ? "" : std::string(tool->purpose);
}

std::string help_text(const ToolSearch& search) {
  constexpr std::size_t name_width = 15;
  std::string text(help_head);
  const std::vector<std::string> found = search.names();
  std::set<std::string> names(found.begin(), found.end());
  for (const KnownTool& tool : known_tools()) names.emplace(tool.name);
  for (const std::string& name : names) {
    const std::string purpose = purpose_of(name);
    const bool is_there = std::binary_search(found.begin(), found.end(), name);
    text += purpose.empty() ? fmt::format("  {}\n", name)
                            : fmt::format("  {:{}}  {}{}\n", name, name_width, purpose,
                                          is_there ? "" : " (not found)");
  }
  return text += help_tail;
}

// Replaces this process; the tool's exit status is the dispatcher's.
[[noreturn]] void run(const std::string& program, std::vector<std::string> arguments,
                      bool search_path = false) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  (void)(search_path ? ::execvp(program.c_str(), words.data())
                     : ::execv(program.c_str(), words.data()));
  libregion::throw_system_error(errno, {"exec", program});
}

[[noreturn]] void refuse_name(const ToolSearch& search, const std::string& name) {
  if (!purpose_of(name).empty()) {
    throw Error(ErrorKind::failed, fmt::format("'region-{}' was not found in any of {}", name,
                                               fmt::join(search.directories(), ", ")));
  }
  std::string message = fmt::format("'{}' is none of the tools", name);
  if (const auto closest = closest_name(name, search.names())) {
    message += fmt::format("; did you mean '{}'?", *closest);
  }
  throw Error(ErrorKind::usage, message);
}

[[noreturn]] void run_tool_named(const ToolSearch& search, const std::string& name,
                                 std::vector<std::string> arguments) {
  const auto program = search.find(name);
  if (!program) refuse_name(search, name);
  arguments.insert(arguments.begin(), "region-" + name);
  run(*program, std::move(arguments));
}

// The manual page: the file of it, where man(1) may not know the directory; the tool's own help
// where there is no man(1).
[[noreturn]] void show_page(const ToolSearch& search, const std::string& name) {
  const auto program = search.find(name);
  const bool is_topic = std::find(std::begin(topics), std::end(topics), name) != std::end(topics);
  if (!program && !is_topic) refuse_name(search, name);
  try {
    run("man", {"man", search.manual_page(name).value_or("region-" + name)}, /*search_path=*/true);
  } catch (const libregion::SystemError& error) {
    if (!program || error.errno_value() != ENOENT) throw;
  }
  run(*program, {"region-" + name, "--help"});
}

int dispatch(const std::string& invoked_as, std::vector<std::string> arguments) {
  const ToolSearch search(invoked_as);
  if (arguments.empty()) return print(help_text(search));
  const std::string word = arguments.front();
  arguments.erase(arguments.begin());
  if (word == "--help" || word == "-h") return print(help_text(search));
  if (word == "--version" || word == "-V") return print(version_text("region"));
  if (word.starts_with('-')) {
    throw Error(ErrorKind::usage, fmt::format("there is no option {}", word));
  }
  if (word != "help") run_tool_named(search, word, std::move(arguments));
  if (arguments.empty()) return print(help_text(search));
  if (arguments.size() > 1) {
    throw Error(ErrorKind::usage, "help: expected one TOOL, found more");
  }
  show_page(search, arguments.front());
}

void report(std::string_view what, const std::string& message) {
  (void)std::fputs(fmt::format("region: {}: {}\n", what, message).c_str(), stderr);
}

int run_dispatcher(int argc, const char* const* argv) {
  try {
    const std::vector<std::string> words(argv, argv + argc);
    return dispatch(words.empty() ? "" : words.front(),
                    {words.begin() + (words.empty() ? 0 : 1), words.end()});
  } catch (const Error& error) {
    const bool is_usage = error.kind() == ErrorKind::usage;
    report("error",
           libregion::printable(error.what()) + (is_usage ? "\nTry 'region --help'." : ""));
    return static_cast<int>(exit_code_of(error.kind()));
  } catch (const std::exception& error) {
    report("bug", error.what());
    return static_cast<int>(ExitCode::bug);
  }
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) { return region_tools::run_dispatcher(argc, argv); }
