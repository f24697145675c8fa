#include "tests/golden/golden_region.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "libregion/extent/open_extent.h"
#include "libregion/region/leaf.h"

namespace libregion {
namespace {

constexpr int skipped_exit_status = 77;

}  // namespace

std::filesystem::path golden_directory() {
  const char* directory = std::getenv("REGION_GOLDEN_DIR");
  if (directory == nullptr || *directory == '\0') {
    (void)std::fputs("skipped: REGION_GOLDEN_DIR does not name the golden regions\n", stderr);
    std::exit(skipped_exit_status);
  }
  return directory;
}

std::vector<std::string> golden_regions() {
  std::vector<std::string> names;
  for (const auto& golden_case : std::filesystem::directory_iterator(golden_directory())) {
    if (!golden_case.is_directory()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(golden_case.path())) {
      const std::string name = entry.path().filename();
      if (name.starts_with("region")) names.push_back(golden_case.path().filename() / name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::filesystem::path expectations_of(const std::string& region) {
  const std::string variant = region.substr(region.find("/region") + std::string("/region").size());
  return golden_directory() / region.substr(0, region.find('/')) / ("expect" + variant);
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

GoldenRegion::GoldenRegion(const std::string& name)
    : opened_(open_region(file_system_, golden_directory() / name, {})) {}

OpenedExtent GoldenRegion::open(ExtentId extent) const {
  const Leaf leaf = Leaf::open(region(), leaf_of(extent));
  if (leaf.directory() == nullptr) return {};
  return open_extent(*leaf.directory(), extent, leaf.parts_of(extent), region().definition.geometry,
                     [](File&) {});
}

}  // namespace libregion
