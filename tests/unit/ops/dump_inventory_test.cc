// How scattered active slots are, and what an inventory counts.

#include "libregion/ops/dump_inventory.h"

#include <doctest/doctest.h>

#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

SlotRuns runs_of(std::string_view letters) {
  SlotRuns runs;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    runs.add(letters[i] == 'A' ? ContextSlot::A : ContextSlot::B, i == 0);
  }
  return runs;
}

TEST_CASE("runs of slots: as many extra calls as there are changes of the array") {
  CHECK(runs_of("").extra_calls == 0);
  struct Case {
    std::string_view letters;
    std::uint64_t runs_of_a;
    std::uint64_t runs_of_b;
    std::uint64_t extra_calls;
  };
  for (const Case& one : {Case{"A", 1, 0, 0}, Case{"BBBB", 0, 1, 0}, Case{"AABB", 1, 1, 1},
                          Case{"ABABA", 3, 2, 4}, Case{"BAAB", 1, 2, 2}}) {
    CAPTURE(one.letters);
    const SlotRuns runs = runs_of(one.letters);
    CHECK(runs.runs_of_a == one.runs_of_a);
    CHECK(runs.runs_of_b == one.runs_of_b);
    CHECK(runs.extra_calls == one.extra_calls);
  }
}

TEST_CASE("runs of several extents do not go on from one to the next") {
  SlotRuns runs = runs_of("AB");
  runs.add(runs_of("BA"));
  CHECK(runs.runs_of_a == 2);
  CHECK(runs.runs_of_b == 2);
  CHECK(runs.extra_calls == 2);
}

TEST_CASE("an inventory counts formats, repairs and bytes, and changes nothing") {
  TestRegion region({512, 8, 5});
  region.put_raw(0, region.raw().write(1).write(2).write(5));
  region.put_raw(1, region.raw().write_all().flip_active_bit(3).set_dirty());
  region.put_sqlite(2, 4);
  region.put_raw(3, region.raw().resize(10));
  region.make_directory("00/000/000.replace");
  region.put_file("00/000/000.replace/000", region.raw().write_all().bytes());
  region.make_directory("00/000/001.completed");
  region.put_file("00/000/004", std::string_view(""));
  region.remove("00/000/004");
  const auto before = region.snapshot();

  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  ReportCollector collector;
  const InventorySummary summary = take_inventory(*opened.region, {}, nullptr, collector);
  CHECK(region.snapshot() == before);
  const Inventory& inventory = summary.inventory;
  CHECK(summary.totals.extent_count == 5);
  CHECK(inventory.raw_count == 2);
  CHECK(inventory.sqlite_count == 1);
  CHECK(inventory.copy_count == 0);
  CHECK(inventory.replace_count == 1);
  CHECK(inventory.completed_count == 1);
  CHECK(inventory.pending_bytes > 0);
  // A BB A A B A A; the dirty one by its data, whatever its bits say.
  CHECK(inventory.runs.runs_of_a == 3);
  CHECK(inventory.runs.runs_of_b == 3);
  CHECK(inventory.runs.extra_calls == 4);
  CHECK(names_of(collector.reports.findings) ==
        "replace_pending, completed_pending, dirty_extent, wrong_size, missing_extent");
}

}  // namespace
}  // namespace libregion
