// Every sound database that Crucible made is read without SQLite, and SQLite reads the same of it.

#include "libregion/format/sqlite_walk.h"

#include <doctest/doctest.h>

#include "libregion/extent/sqlite_image.h"
#include "libregion/extent/sqlite_tables.h"
#include "tests/golden/golden_region.h"

namespace libregion {
namespace {

struct Tally {
  int walked = 0;
  int refused = 0;
};

void check_database(const Bytes& image, ExtentId extent, const Geometry& geometry, Tally& tally) {
  const SqliteTables reference = read_tables_with_sqlite(image, extent, geometry);
  const bool is_sound = reference.rows && reference.findings.empty();
  CHECK((walk_sqlite_metadata(image) == reference.metadata || !is_sound));
  const auto rows = walk_sqlite_rows(image, geometry.extent_size_blocks());
  CHECK(rows.has_value() == is_sound);
  if (is_sound && rows) CHECK((*rows == *reference.rows));
  ++(rows ? tally.walked : tally.refused);
}

TEST_CASE("the databases of the golden regions are walked, all but the damaged ones") {
  Tally tally;
  for (const std::string& name : golden_regions()) {
    CAPTURE(name);
    const GoldenRegion golden(name);
    if (!golden.is_open()) continue;
    const Geometry& geometry = golden.region().definition.geometry;
    for (std::uint32_t number = 0; number < golden.extent_count(); ++number) {
      CAPTURE(number);
      const ExtentId extent{number};
      const auto path = golden_directory() / name / leaf_directory_path(leaf_of(extent));
      PosixFileSystem file_system;
      auto opened = file_system.open_directory(path.string());
      auto* leaf = std::get_if<std::unique_ptr<Directory>>(&opened);
      if (leaf == nullptr) continue;
      ExtentParts parts;
      for (const ExtentPart part : all_extent_parts) {
        if ((*leaf)->status_of(extent_file_name(extent, part))) parts.add(part);
      }
      if (!parts.has(ExtentPart::db)) continue;
      const SqliteImage image = load_sqlite_image(**leaf, extent, parts, [](File&) {});
      if (image.pages) check_database(*image.pages, extent, geometry, tally);
    }
  }
  CHECK(tally.walked > 20);
}

}  // namespace
}  // namespace libregion
