// What an inventory counts.

#include "libregion/ops/dump_inventory.h"

#include <doctest/doctest.h>

#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

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
  CHECK(inventory.a_run_count == 3);
  CHECK(inventory.b_run_count == 3);
  CHECK(inventory.extra_system_calls == 4);
  CHECK(names_of(collector.reports.findings) ==
        "replace_pending, completed_pending, dirty_extent, wrong_size, missing_extent");
}

TEST_CASE("what is no file takes no bytes, and what is no directory is no repair") {
  TestRegion region({512, 8, 2});
  region.put_raw(0);
  region.put_fifo("00/000/000.db-shm");
  region.put_raw(1);
  region.put_file("00/000/001.replace", std::string_view("x"));
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  ReportCollector collector;
  const Inventory inventory = take_inventory(*opened.region, {}, nullptr, collector).inventory;
  CHECK(inventory.raw_count == 2);
  CHECK(inventory.pending_bytes == 0);
  CHECK(inventory.apparent_bytes == 2 * (8 * (512 + 96) + 1 + 32));
}

}  // namespace
}  // namespace libregion
