// A region that is migrated into a new one, on a real disk.

#pragma once

#include "libregion/ops/migrate_into.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {

struct Into {
  MigrateIntoSummary summary;
  Reports reports;
};

// A source, and a place beside it for the new region.
struct IntoPlace {
  explicit IntoPlace(const TestRegionOptions& options = {}) : source(options) {}

  Into migrate(MigrateIntoOptions options = {}) const {
    PosixFileSystem file_system;
    const auto opened = open_region(file_system, source.path(), {Access::read, false, 0});
    options.target = target;
    ReportCollector collector;
    const MigrateIntoSummary summary =
        migrate_region_into(file_system, *opened.region, options, collector);
    return {summary, std::move(collector.reports)};
  }
  [[nodiscard]] Bytes made(const std::string& name) const {
    return read_whole_file(target + "/" + name);
  }
  [[nodiscard]] std::string names() const {
    std::string names;
    for (const auto& [name, described] : snapshot_of(target)) names += name + " ";
    return names;
  }

  TestRegion source;
  TemporaryDirectory directory;
  std::string target = directory.path() + "/new";
};

inline std::string action_of(const Into& into, std::size_t extent) {
  const std::string fields = fields_of(into.reports.extents.at(extent));
  return fields.substr(0, fields.find(" was="));
}

}  // namespace libregion
