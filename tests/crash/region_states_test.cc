// States that a crash may leave of a region while a tool changes it: a share of them; and the known
// mistakes, each of which must be found.

#include <cstdlib>

#include <doctest/doctest.h>

#include "tests/crash/region_part.h"
#include "tests/crash/replay_line.h"
#include "tests/crash/track_record.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

TEST_CASE("a share of the operations keeps its promises in every state") {
  const RegionReport report = crash_regions(short_region_plan(), {1});
  for (const CrashFailure& failure : report.failures) {
    CAPTURE(failure.line);
    CHECK(failure.what == "");
  }
  CHECK(report.workloads >= 15);
  CHECK(report.tally.states > 1000);
  CHECK(report.tally.crashed_again > 10);
}

TEST_CASE("each known mistake is found, its line repeats it, and TRACK_RECORD.md says so") {
  const std::vector<TrackRecordRow> rows = track_record();
  CHECK(rows.size() >= 20);
  for (const TrackRecordRow& row : rows) {
    CAPTURE(row.protocol);
    CHECK(row.failure);
    if (!row.failure) continue;
    CAPTURE(row.failure->line);
    CHECK(replay(row.failure->line) == row.failure->what);
  }
  const char* page = std::getenv("TRACK_RECORD");
  REQUIRE(page != nullptr);
  CHECK(to_text(read_whole_file(page)) == track_record_page(rows));
}

TEST_CASE("a region's state in which nothing is wrong is told from one in which something is") {
  const std::string line =
      "region protocol=ours blocks=7x512 start=sqlite-hot steps=migrate model=posix-512 call=3 "
      "state=-";
  CHECK(replay(line) == "");
  // Of an extent that is so scattered that the service defragments it.
  CHECK(replay("region protocol=ours blocks=100x512 start=raw steps=write,import model=ordered "
               "call=0 state=-") == "");
  std::string wrong = line;
  wrong.replace(wrong.find("=migrate"), 8, "=migrated");
  CHECK_THROWS_AS(replay(wrong), std::runtime_error);
}

}  // namespace
}  // namespace libregion
