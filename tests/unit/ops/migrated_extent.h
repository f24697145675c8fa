// What became of an extent that was to be migrated.

#pragma once

#include <doctest/doctest.h>

#include "tests/unit/ops/run_region.h"

namespace libregion {

// The files that extent 0 has: "000 000.db-wal".
inline std::string files_of(const TestRegion& region, std::uint32_t extent = 0) {
  std::string names;
  for (const ExtentPart part : all_extent_parts) {
    const std::string path = extent_path(ExtentId{extent}, part);
    if (region.has(path)) names += (names.empty() ? "" : " ") + path.substr(7);
  }
  return names;
}

inline std::string action_of(const Migrated& migrated, std::size_t extent = 0) {
  const std::string fields = fields_of(migrated.reports.extents.at(extent));
  return fields.substr(0, fields.find(" was="));
}

// Left alone because of this, not a byte of it changed.
inline void check_left(const TestRegion& region, const std::string& findings,
                       const MigrateOptions& options = {}) {
  const auto before = region.snapshot();
  const Migrated migrated = migrate(region, options);
  CHECK(region.snapshot() == before);
  CHECK(names_of(migrated.reports.findings) == findings);
  CHECK(action_of(migrated) == "action=left changed=false");
  CHECK(migrated.summary.left_count == 1);
  CHECK(migrated.summary.migrated_count == 0);
  CHECK(migrated.summary.changed_count() == 0);
}

}  // namespace libregion
