#include "tools/common/version.h"

#include <CLI/Version.hpp>
#include <fmt/format.h>
#include <nlohmann/detail/abi_macros.hpp>
#include <sqlite3.h>
#include <xxhash.h>

#include "libregion/format/metadata.h"

namespace region_tools {

std::string version_text(std::string_view tool) {
  return fmt::format(
      "{} {} (region-tools)\n"
      "formats: raw extents (version {}), SQLite extents (version {}, generation S6)\n"
      "libraries: SQLite {}, xxHash {}.{}.{}, {{fmt}} {}.{}.{}, CLI11 {}, nlohmann_json {}.{}.{}\n",
      tool, tools_version, libregion::raw_ext_version, libregion::sqlite_ext_version,
      sqlite3_libversion(), XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100,
      XXH_versionNumber() % 100, FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
      CLI11_VERSION, NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
      NLOHMANN_JSON_VERSION_PATCH);
}

}  // namespace region_tools
