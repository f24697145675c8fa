#include "tools/tool_search.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/text.h"

namespace region_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "region-";

// The directory this program lies in; empty where that cannot be found out.
std::string own_directory(const std::string& invoked_as) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) return program.parent_path().string();
  // Elsewhere than on Linux: a name without a slash was found in PATH, which is searched anyway.
  if (invoked_as.find('/') == std::string::npos) return {};
  return fs::absolute(invoked_as, error).parent_path().string();
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

const std::vector<KnownTool>& known_tools() {
  static const std::vector<KnownTool> tools = {
      {"create", "a new region, empty or filled with an image"},
      {"defragment", "the context slots of each raw extent together in one array"},
      {"dump", "what is in regions, side by side"},
      {"export", "a region's data as an image, checked on the way"},
      {"import", "an image into an existing region"},
      {"migrate", "SQLite extents become raw ones, in place"},
      {"repair", "what can be mended in a region, and can be taken back"},
      {"verify", "every block of every extent, both hashes"},
  };
  return tools;
}

ToolSearch::ToolSearch(const std::string& invoked_as) : own_directory_(own_directory(invoked_as)) {
  add(own_directory_);
  add(environment("REGION_EXEC_PATH"));
  add(REGION_LIBEXEC_DIR);
  const std::string path = environment("PATH");
  for (std::size_t first = 0; first <= path.size();) {
    const std::size_t colon = std::min(path.find(':', first), path.size());
    add(path.substr(first, colon - first));
    first = colon + 1;
  }
}

// A directory that depends on where one happens to stand is no place for a program that root runs.
void ToolSearch::add(const std::string& directory) {
  if (directory.empty() || directory.front() != '/') return;
  if (std::find(directories_.begin(), directories_.end(), directory) != directories_.end()) return;
  directories_.push_back(directory);
}

std::optional<std::string> ToolSearch::find(std::string_view name) const {
  if (!is_tool_name(name)) return std::nullopt;
  for (const std::string& directory : directories_) {
    const fs::path path = fs::path(directory) / (std::string(prefix) + std::string(name));
    if (is_program(path)) return path.string();
  }
  return std::nullopt;
}

std::optional<std::string> ToolSearch::manual_page(std::string_view name) const {
  if (own_directory_.empty()) return std::nullopt;
  const fs::path pages = fs::path(own_directory_).parent_path() / "share/man";
  for (const char section : {'8', '7', '5'}) {
    for (const std::string_view packed : {"", ".gz"}) {
      const fs::path page = pages / (std::string("man") + section) /
                            fmt::format("{}{}.{}{}", prefix, name, section, packed);
      std::error_code error;
      if (fs::is_regular_file(page, error)) return page.string();
    }
  }
  return std::nullopt;
}

std::vector<std::string> ToolSearch::names() const {
  std::vector<std::string> names;
  for (const std::string& directory : directories_) {
    std::error_code error;
    // A directory that cannot be read has nothing to offer.
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string file = entry->path().filename().string();
      if (!std::string_view(file).starts_with(prefix)) continue;
      const std::string name = file.substr(prefix.size());
      if (is_tool_name(name) && is_program(entry->path())) names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool is_tool_name(std::string_view name) {
  const auto fits = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
  };
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), fits);
}

std::optional<std::string> closest_name(std::string_view name,
                                        const std::vector<std::string>& names) {
  constexpr std::size_t beginning_min = 2;
  std::optional<std::string> closest;
  std::size_t distance_max = 1 + name.size() / 3;
  for (const std::string& candidate : names) {
    if (name.size() >= beginning_min && candidate.starts_with(name)) return candidate;
    const std::size_t distance = libregion::edit_distance(name, candidate);
    if (distance > distance_max || (closest && distance == distance_max)) continue;
    distance_max = distance;
    closest = candidate;
  }
  return closest;
}

}  // namespace region_tools
