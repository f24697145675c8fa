// Salvaging while something of a replica cannot be read.

#include "libregion/ops/salvage.h"

#include <doctest/doctest.h>

#include "tests/unit/ops/exported_region.h"

namespace libregion {
namespace {

struct Salvaged {
  SalvageSummary summary;
  Reports reports;
};

Salvaged salvage_on(FileSystem& file_system) {
  const auto a = open_region(file_system, "/a", {});
  const auto b = open_region(file_system, "/b", {});
  const auto image = make_file_target(file_system, image_path, {});
  ReportCollector collector;
  const SalvageSummary summary =
      salvage(ReplicaSet({&*a.region, &*b.region}), *image, {}, collector);
  return {summary, std::move(collector.reports)};
}

TEST_CASE("what cannot be read is said where a block is lost by it, and only there") {
  TestRegion region({512, 8, 1});
  RawExtentBuilder written = region.raw().write_all();
  MemoryFileSystem memory;
  region.put_raw(0, written);
  memory.load(region.path(), "/a");
  memory.load(region.path(), "/b");
  bool is_damaged = false;
  SUBCASE("the other replica has all") {}
  SUBCASE("the other replica has lost a block") {
    is_damaged = true;
    region.put_raw(0, written.corrupt_data(3));
    memory.add_file("/a/00/000/000", region.file("00/000/000"));
  }
  memory.add_directory("/out");
  const std::vector<std::pair<CallKind, std::string>> calls = {{CallKind::open, "/b/00/000"},
                                                               {CallKind::open, "/b/00/000/000"},
                                                               {CallKind::read, "/b/00/000/000"}};
  for (const auto& [kind, path] : calls) {
    const auto failing = memory.copy();
    failing->add_fault({EIO, kind, path, 0, true});
    const auto [summary, reports] = salvage_on(*failing);
    CHECK(summary.has_io_errors);
    CHECK(summary.lost_count == (is_damaged ? 1 : 0));
    const auto& findings = reports.findings;
    REQUIRE(findings.size() == (is_damaged ? 2 : 0));
    if (!is_damaged) continue;
    CHECK(findings[0].id == FindingId::no_proven_copy);
    CHECK(findings[1].id == FindingId::io_error);
    CHECK(findings[1].found.find("'" + path + "'") != std::string::npos);
  }
}

}  // namespace
}  // namespace libregion
