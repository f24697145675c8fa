#include "tools/common/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <thread>

#include "libregion/base/error.h"
#include "libregion/base/text.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;

// An option whose value is one of a few words.
template <class Value>
void add_choice(CLI::App& app, const std::string& flags, Value& target,
                const std::map<std::string, Value>& choices, const std::string& words,
                const std::string& description) {
  app.add_option(flags, target, description)
      ->transform(CLI::CheckedTransformer(choices))
      ->type_name("")
      ->option_text(words);
}

std::string read_list(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) libregion::throw_system_error(errno, {"open", path});
  text << file.rdbuf();
  if (file.bad()) libregion::throw_system_error(errno, {"read", path});
  return text.str();
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options, const OptionSet& set) {
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  if (set.several_regions) {
    app.add_option("REGION", options.regions, "region directories")->type_name("");
    app.add_option("--regions-from", options.regions_from, "more of them, one a line; - is stdin")
        ->type_name("FILE");
    app.add_flag("-0,--null", options.null_separated, "--regions-from is separated by NUL");
  } else {
    app.add_option("DIR", options.regions, "directory of the new region")
        ->expected(1)
        ->required()
        ->type_name("");
  }
  if (set.extents) {
    app.add_option("-e,--extent", options.extents, "only these: 7,0x10-0x1F,67D,00/000/064")
        ->type_name("LIST");
  }
  if (set.dry_run) {
    app.add_flag("-n,--dry-run", options.dry_run, "say what would be done, change nothing");
  }
  app.add_option("-j,--jobs", options.jobs, "threads (default: one for each core)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1024U));
  add_choice<RecordFormat>(app, "--format", options.format,
                           {{"human", RecordFormat::human}, {"jsonl", RecordFormat::jsonl}},
                           "human|jsonl", "for people, or a record a line");
  app.add_option("-o,--output", options.output, "write there instead of to standard output")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", options.quiet, "only errors");
  app.add_flag("-v,--verbose", options.verbose, "every extent, and notes");
  if (set.strict) app.add_flag("--strict", options.strict, "warnings too make exit status 1");
  add_choice<ProgressStyle>(app, "--progress", options.progress,
                            {{"auto", ProgressStyle::automatic},
                             {"always", ProgressStyle::always},
                             {"never", ProgressStyle::never},
                             {"json", ProgressStyle::json}},
                            "WHEN", "auto, always, never, json (on standard error)");
  add_choice<When>(app, "--color", options.color,
                   {{"auto", When::automatic}, {"always", When::always}, {"never", When::never}},
                   "WHEN", "auto, always, never");
  app.add_option("--lock-wait", options.lock_wait_seconds, "wait for a region that is in use")
      ->type_name("SECONDS");
}

std::vector<std::string> region_paths(const CommonOptions& options) {
  std::vector<std::string> paths = options.regions;
  if (!options.regions_from.empty()) {
    std::istringstream list(read_list(options.regions_from));
    for (std::string path; std::getline(list, path, options.null_separated ? '\0' : '\n');) {
      if (!path.empty()) paths.push_back(path);
    }
  }
  if (paths.empty()) throw Error(ErrorKind::usage, "no region was named");
  return paths;
}

std::uint64_t require_size(const std::string& option, const std::string& text) {
  if (const auto size = libregion::parse_size_bytes(text)) return *size;
  throw Error(ErrorKind::usage,
              fmt::format("{}: expected a size such as 4096, 64M or 128GiB, found '{}'", option,
                          libregion::printable(text)));
}

}  // namespace region_tools
