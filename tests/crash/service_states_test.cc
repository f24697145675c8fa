// States that a crash may leave of a region that a service writes: a share of them; and the syncs
// that only the writer of a region makes.

#include <doctest/doctest.h>

#include "tests/crash/extent_protocols.h"
#include "tests/crash/geometries.h"
#include "tests/crash/replay_line.h"
#include "tests/crash/service_crasher.h"

namespace libregion {
namespace {

TEST_CASE("a share of what a service does keeps its promises in every state") {
  const StatesReport report = crash_services(short_service_plan(), {1});
  for (const CrashFailure& failure : report.failures) {
    CAPTURE(failure.line);
    CHECK(failure.what == "");
  }
  CHECK(report.workloads > 400);
  CHECK(report.tally.states > 50000);
  CHECK(report.recoveries > 500);
}

// The first failure of a workload without a sync, the short ones first.
std::optional<CrashFailure> failure_without(const std::string& sync, const ExtentSuite& suite) {
  for (const ServiceShape& shape : {ServiceShape{geometry(512, 8), 2}, {geometry(512, 2), 16}}) {
    ServiceCrasher crasher(shape.geometry);
    for (const auto& steps : step_sequences(shape, shape.extent_count == 2 ? 3 : 2)) {
      auto failure = crasher.crash({shape, ExtentStart::plain, steps},
                                   without_sync(suite.protocol, sync), {suite.models, 0});
      if (failure) return failure;
    }
  }
  return std::nullopt;
}

TEST_CASE("without one of a service's own syncs some state is bad, and its line says which") {
  const ExtentSuite& posix = extent_suites()[0];
  const ExtentSuite& zfs = extent_suites()[1];
  const auto is_found = [](const char* sync, const ExtentSuite& suite) {
    CAPTURE(std::string(sync));
    const auto failure = failure_without(sync, suite);
    REQUIRE(failure);
    CAPTURE(failure->line);
    CHECK(replay(failure->line) == failure->what);
  };
  is_found("open: extents", posix);
  is_found("flush: first", posix);
  is_found("flush: last", posix);
  is_found("flush: last", zfs);
}

}  // namespace
}  // namespace libregion
