// The walk: each extent once, on many threads, what is reported in order, in bounded memory.

#include "libregion/ops/walk.h"

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/random.h"
#include "tests/unit/extent/own_process.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using Visit = std::function<void(const Leaf&, ExtentId, Reporter&)>;

struct WalkableRegion {
  explicit WalkableRegion(std::uint32_t extent_count) : region({512, 1, extent_count}) { open(); }
  void open() {
    PosixFileSystem file_system;
    auto opened = open_region(file_system, region.path(), {});
    REQUIRE(opened.region);
    open_one = std::move(opened.region);
  }
  bool walk(const WalkOptions& options, Reporter& reporter, const Visit& visit) const {
    return walk_extents(*open_one, options, reporter, visit);
  }
  TestRegion region;
  std::optional<Region> open_one;
};

WalkOptions with_jobs(unsigned jobs) {
  WalkOptions options;
  options.jobs = jobs;
  return options;
}

void sleep_ms(std::uint64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

ExtentRecord record_of(ExtentId extent) { return {extent, extent_path(extent), "raw"}; }
Finding finding_of(ExtentId extent, std::uint64_t number) {
  Finding finding{FindingId::stray_file, extent};
  finding.length_bytes = number;
  return finding;
}

// Sees that everything comes in the order of the extents, and from one thread at a time.
class OrderChecker : public Reporter {
 public:
  void extent(const ExtentRecord& record) override {
    check(record.extent);
    ++extent_count;
    next_number_ = 0;
    ended_ = true;
  }
  void finding(const Finding& finding) override {
    check(*finding.extent);
    if (finding.length_bytes != next_number_++) in_order = false;
    ++finding_count;
  }
  std::atomic<std::uint64_t> extent_count{0};
  std::atomic<std::uint64_t> finding_count{0};
  bool in_order = true;
  bool alone = true;

 private:
  void check(ExtentId extent) {
    if (busy_.exchange(true)) alone = false;
    const std::uint32_t expected = ended_ ? current_ + 1 : current_;
    if (extent.value != expected) in_order = false;
    current_ = extent.value;
    ended_ = false;
    busy_ = false;
  }
  std::atomic<bool> busy_{false};
  std::uint32_t current_ = 0;
  bool ended_ = false;
  std::uint64_t next_number_ = 0;
};

// ---- order --------------------------------------------------------------------------------------

TEST_CASE("each extent is visited once") {
  const WalkableRegion walkable(500);
  for (const unsigned jobs : {1U, 4U, 32U}) {
    CAPTURE(jobs);
    std::mutex mutex;
    std::multiset<std::uint32_t> visited;
    ReportCollector collector;
    CHECK(walkable.walk(with_jobs(jobs), collector,
                        [&](const Leaf& leaf, ExtentId extent, Reporter&) {
                          const std::lock_guard lock(mutex);
                          visited.insert(extent.value);
                          if (leaf.id() != LeafId{0}) visited.insert(9999);
                        }));
    CHECK(visited.size() == 500);
    CHECK(std::set(visited.begin(), visited.end()).size() == 500);
    CHECK(*visited.rbegin() == 499);
  }
}

TEST_CASE("reports come in the order of the extents, however long each visit takes") {
  const WalkableRegion walkable(200);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    OrderChecker checker;
    const auto visit = [&](const Leaf&, ExtentId extent, Reporter& turn) {
      Random random(seed * 1000 + extent.value);
      const std::uint64_t findings = random.below(5) == 0 ? 3000 : random.below(4);
      for (std::uint64_t i = 0; i < findings; ++i) turn.finding(finding_of(extent, i));
      if (random.below(3) == 0) sleep_ms(random.below(6));
      turn.extent(record_of(extent));
    };
    CHECK(walkable.walk(with_jobs(16), checker, visit));
    CHECK(checker.in_order);
    CHECK(checker.alone);
    CHECK(checker.extent_count == 200);
  }
}

TEST_CASE("the findings of a leaf directory come before those of its extents") {
  const WalkableRegion walkable(4098);
  walkable.region.make_directory("00/001");
  for (const char* name : {"00/000/b", "00/000/a", "00/001/c"}) {
    walkable.region.put_file(name, std::string_view());
  }
  ReportCollector collector;
  const auto visit = [](const Leaf&, ExtentId extent, Reporter& turn) {
    if (extent.value == 0 || extent.value == 4095 || extent.value == 4096) {
      turn.extent(record_of(extent));
    }
  };
  CHECK(walkable.walk(with_jobs(8), collector, visit));
  CHECK(collector.reports.order ==
        std::vector<std::string>{"finding stray_file 00/000/a", "finding stray_file 00/000/b",
                                 "extent 0", "extent 4095", "finding stray_file 00/001/c",
                                 "extent 4096"});
}

TEST_CASE("a visit gets the leaf of its extent") {
  const WalkableRegion walkable(8193);
  walkable.region.make_directory("00/001");
  walkable.region.put_file("00/001/000", std::string_view());
  std::atomic<std::uint64_t> wrong{0};
  ReportCollector collector;
  walkable.walk(with_jobs(4), collector, [&](const Leaf& leaf, ExtentId extent, Reporter&) {
    const bool has_data = leaf.parts_of(extent).has(ExtentPart::data);
    if (leaf.id() != leaf_of(extent) || has_data != (extent.value == 4096)) ++wrong;
    if ((leaf.directory() != nullptr) != (extent.value < 8192)) ++wrong;
  });
  CHECK(wrong == 0);
}

TEST_CASE("only selected extents are visited, and only their leaves are opened") {
  const WalkableRegion walkable(10'000);
  walkable.region.make_directory("00/001");
  walkable.region.put_file("00/001/stray", std::string_view());
  WalkOptions options = with_jobs(3);
  options.extents = ExtentSelection::parse("5,7-9,9000");
  ReportCollector collector;
  CHECK(walkable.walk(options, collector, [](const Leaf&, ExtentId extent, Reporter& turn) {
    turn.extent(record_of(extent));
  }));
  CHECK(collector.reports.order ==
        std::vector<std::string>{"extent 5", "extent 7", "extent 8", "extent 9", "extent 9000"});
}

TEST_CASE("a region without extents has nothing to walk over") {
  const WalkableRegion walkable(0);
  ReportCollector collector;
  CHECK(walkable.walk(with_jobs(4), collector,
                      [](const Leaf&, ExtentId, Reporter&) { FAIL("a visit"); }));
  CHECK(collector.reports.order.empty());
}

TEST_CASE("while a visit waits for the disk another has its place, and no more than that") {
  const WalkableRegion walkable(100);
  WalkOptions options = with_jobs(2);
  options.readers = 8;
  std::atomic<int> working{0};
  std::atomic<int> working_max{0};
  std::atomic<int> waiting{0};
  std::atomic<int> waiting_max{0};
  const auto raise = [](std::atomic<int>& count, std::atomic<int>& count_max) {
    const int now = ++count;
    for (int known = count_max; known < now && !count_max.compare_exchange_weak(known, now);) {
    }
  };
  OrderChecker checker;
  CHECK(walkable.walk(options, checker, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    raise(working, working_max);
    --working;
    {
      const Absence absence;
      raise(waiting, waiting_max);
      sleep_ms(2);
      --waiting;
    }
    raise(working, working_max);
    turn.finding(finding_of(extent, 0));
    --working;
    turn.extent(record_of(extent));
  }));
  CHECK(working_max <= 2);
  CHECK(waiting_max > 2);
  CHECK(waiting_max <= 8);
  CHECK(checker.in_order);
  CHECK(checker.extent_count == 100);
}

TEST_CASE("readers that wait for their turn leave their places to those whose turn it is") {
  const WalkableRegion walkable(40);
  WalkOptions options = with_jobs(1);
  options.readers = 8;
  OrderChecker checker;
  CHECK(walkable.walk(options, checker, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    {
      const Absence absence;
      sleep_ms(extent.value % 8 == 0 ? 4 : 0);  // the first of them is the last to go on
    }
    for (std::uint64_t i = 0; i < 3000; ++i) turn.finding(finding_of(extent, i));
    turn.extent(record_of(extent));
  }));
  CHECK(checker.in_order);
  CHECK(checker.extent_count == 40);
}

// ---- memory -------------------------------------------------------------------------------------

TEST_CASE("a visit with a hundred thousand findings passes them on as it goes") {
  const WalkableRegion walkable(4);
  OrderChecker checker;
  std::atomic<std::uint64_t> held_max{0};
  CHECK(walkable.walk(with_jobs(1), checker, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    const std::uint64_t before = checker.finding_count;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      turn.finding(finding_of(extent, i));
      held_max = std::max<std::uint64_t>(held_max, before + i + 1 - checker.finding_count);
    }
    turn.extent(record_of(extent));
  }));
  CHECK(held_max <= 4096);
  CHECK(checker.finding_count == 400'000);
  CHECK(checker.in_order);
}

TEST_CASE("a visit whose turn has not come waits before it has reported much") {
  const WalkableRegion walkable(2);
  std::atomic<std::uint64_t> reported_early{0};
  std::atomic<bool> first_has_ended{false};
  OrderChecker checker;
  CHECK(walkable.walk(with_jobs(2), checker, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    if (extent.value == 0) {
      // Until the other visit makes no headway any more.
      std::uint64_t seen = 0;
      do {
        seen = reported_early;
        sleep_ms(100);
      } while (seen == 0 || seen != reported_early);
      first_has_ended = true;
    } else {
      for (std::uint64_t i = 0; i < 100'000; ++i) {
        turn.finding(finding_of(extent, i));
        if (!first_has_ended) ++reported_early;
      }
    }
    turn.extent(record_of(extent));
  }));
  CHECK(reported_early <= 4096);
  CHECK(checker.finding_count == 100'000);
}

TEST_CASE("visits do not run far ahead of the one whose turn it is") {
  const WalkableRegion walkable(4000);
  std::atomic<std::uint64_t> ended{0};
  std::uint64_t ended_during_first = 0;
  OrderChecker checker;
  CHECK(walkable.walk(with_jobs(4), checker, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    if (extent.value == 0) {
      std::uint64_t seen = 0;
      do {
        seen = ended;
        sleep_ms(100);
      } while (seen != ended);
      ended_during_first = seen;
    }
    turn.extent(record_of(extent));
    ++ended;
  }));
  CHECK(ended_during_first > 0);
  CHECK(ended_during_first <= 4 * 16);
  CHECK(checker.extent_count == 4000);
}

// ---- failures -----------------------------------------------------------------------------------

TEST_CASE("a visit that throws ends the walk; what was reported before stands") {
  const WalkableRegion walkable(1000);
  for (const unsigned jobs : {1U, 8U}) {
    CAPTURE(jobs);
    ReportCollector collector;
    std::atomic<std::uint64_t> visits{0};
    const auto visit = [&](const Leaf&, ExtentId extent, Reporter& turn) {
      ++visits;
      turn.finding(finding_of(extent, 0));
      if (extent.value == 20) throw Error(ErrorKind::in_use, "extent 20");
      turn.extent(record_of(extent));
    };
    try {
      walkable.walk(with_jobs(jobs), collector, visit);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(std::string(error.what()) == "extent 20");
    }
    CHECK(visits < 1000);
    REQUIRE(collector.reports.extents.size() >= 20);
    for (std::uint32_t i = 0; i < 20; ++i) {
      CHECK(collector.reports.extents[i].extent == ExtentId{i});
    }
    REQUIRE(collector.reports.findings.size() >= 21);
    CHECK(collector.reports.findings[20].extent == ExtentId{20});
  }
}

TEST_CASE("of several visits that throw one is heard, and none is waited for in vain") {
  const WalkableRegion walkable(100);
  ReportCollector collector;
  CHECK_THROWS_AS(walkable.walk(with_jobs(8), collector,
                                [](const Leaf&, ExtentId extent, Reporter& turn) {
                                  for (std::uint64_t i = 0; i < 3000; ++i) {
                                    turn.finding(finding_of(extent, i));
                                  }
                                  throw Error(ErrorKind::failed, "no");
                                }),
                  Error);
}

// Output that fails, as into a pipe that nobody reads any more.
class FailingReporter : public Reporter {
 public:
  void extent(const ExtentRecord& record) override {
    if (record.extent.value == 0) throw Error(ErrorKind::failed, "broken pipe");
  }
  void finding(const Finding&) override {}
};

TEST_CASE("output that fails ends the walk, and nobody waits for a turn that never comes") {
  const WalkableRegion walkable(3);
  const auto walk = [&] {
    std::atomic<bool> second_waits{false};
    FailingReporter failing;
    try {
      walkable.walk(with_jobs(2), failing, [&](const Leaf&, ExtentId extent, Reporter& turn) {
        if (extent.value == 0) {
          // Extent 1 is done by then, and extent 2 waits to write in the middle of its turn.
          while (!second_waits) sleep_ms(1);
          sleep_ms(200);
        }
        if (extent.value == 2) {
          second_waits = true;
          for (std::uint64_t i = 0; i < 5000; ++i) turn.finding(finding_of(extent, i));
        }
        turn.extent(record_of(extent));
      });
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  CHECK(succeeds_in_time(10, walk));
}

// ---- stopping -----------------------------------------------------------------------------------

TEST_CASE("a walk that is to stop before it begins visits nothing") {
  const WalkableRegion walkable(10);
  const std::atomic<bool> stop{true};
  WalkOptions options = with_jobs(4);
  options.stop = &stop;
  ReportCollector collector;
  CHECK_FALSE(
      walkable.walk(options, collector, [](const Leaf&, ExtentId, Reporter&) { FAIL("a visit"); }));
}

TEST_CASE("a walk that is stopped ends at an extent's boundary, without a gap") {
  const WalkableRegion walkable(1000);
  std::atomic<bool> stop{false};
  WalkOptions options = with_jobs(8);
  options.stop = &stop;
  ReportCollector collector;
  CHECK_FALSE(walkable.walk(options, collector, [&](const Leaf&, ExtentId extent, Reporter& turn) {
    if (extent.value == 50) stop = true;
    turn.extent(record_of(extent));
  }));
  const auto& extents = collector.reports.extents;
  REQUIRE(extents.size() >= 51);
  CHECK(extents.size() < 1000);
  for (std::uint32_t i = 0; i < extents.size(); ++i) CHECK(extents[i].extent == ExtentId{i});
}

TEST_CASE("a walk that visited all its extents was not stopped, whatever came after") {
  const WalkableRegion walkable(10);
  std::atomic<bool> stop{false};
  WalkOptions options = with_jobs(1);
  options.stop = &stop;
  ReportCollector collector;
  SUBCASE("all of the region") {
    CHECK(walkable.walk(options, collector, [&](const Leaf&, ExtentId extent, Reporter&) {
      if (extent.value == 9) stop = true;
    }));
  }
  SUBCASE("those that were selected") {
    options.extents = ExtentSelection::parse("0-3");
    CHECK(walkable.walk(options, collector, [&](const Leaf&, ExtentId extent, Reporter&) {
      if (extent.value == 3) stop = true;
    }));
  }
}

}  // namespace
}  // namespace libregion
