// Putting a replacement in place, interrupted: doing it again has the same outcome.

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/region/staged_repair.h"

namespace libregion {
namespace {

TEST_CASE("putting in place again from any half state has the same outcome") {
  const TestRegion source = killed_sqlite_region(5);
  SUBCASE("the data file was copied") {
    TestRegion region = sqlite_region(2);
    region.put_file(data_name, source.file(data_name));
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("half of the data file was copied") {
    TestRegion region = sqlite_region(2);
    region.put_file(data_name, ByteView(source.file(data_name)).first(1000));
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("the database was copied, its log was not") {
    TestRegion region = sqlite_region(2);
    region.put_file(data_name, source.file(data_name));
    region.put_file(data_name + ".db", source.file(data_name + ".db"));
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("all was done but for the clean-up") {
    TestRegion region = raw_region();
    region.make_directory("00/000/000.completed");
    region.put_file("00/000/000.completed/000", std::string_view("x"));
    const Bytes data = region.file(data_name);
    Repair(region).clean();
    CHECK_FALSE(region.has("00/000/000.completed"));
    CHECK(region.file(data_name) == data);
  }
}

// Puts the replacement of extent 0 in place on this disk, as often as it takes.
void finish_on(MemoryFileSystem& disk) {
  auto opened = open_region(disk, "/r", {Access::read_write});
  REQUIRE(opened.region);
  const Leaf leaf = Leaf::open(*opened.region, LeafId{0});
  const ExtentParts parts = leaf.parts_of(ExtentId{0});
  remove_leftovers(*leaf.directory(), ExtentId{0}, parts);
  if (!parts.has(ExtentPart::replace)) return;
  const Geometry& geometry = opened.region->definition.geometry;
  REQUIRE(names_of(check_replacement(*leaf.directory(), ExtentId{0}, parts, geometry)) == "");
  finish_replacement(*leaf.directory(), ExtentId{0}, parts, *opened.region->use);
}

// Whatever call it is interrupted at, doing it again ends with the files of `source`.
void check_interruptions(TestRegion& region, const TestRegion& source) {
  put_replacement(region, source);
  std::uint64_t call = 0;
  for (bool interrupted = true; interrupted; ++call) {
    CAPTURE(call);
    MemoryFileSystem disk;
    disk.load(region.path(), "/r");
    disk.crash_at(call);
    interrupted = false;
    try {
      finish_on(disk);
    } catch (const SimulatedCrash&) {
      interrupted = true;
    }
    disk.restart();
    finish_on(disk);
    Tree expected = disk.tree("/r");
    for (auto& [path, entry] : expected) {
      if (path.starts_with("00/000/000")) entry.content = source.file(path);
    }
    CHECK(difference(expected, disk.tree("/r")) == "");
    CHECK_FALSE(disk.exists("/r/00/000/000.replace"));
    CHECK(disk.exists("/r/00/000/000.db") == source.has("00/000/000.db"));
  }
  CHECK(call > 7);
}

TEST_CASE("putting in place that was interrupted anywhere is finished by doing it again") {
  SUBCASE("raw") {
    const TestRegion source = raw_region(ContextSlot::A);
    TestRegion region = raw_region();
    check_interruptions(region, source);
  }
  SUBCASE("SQLite, both with a log") {
    const TestRegion source = killed_sqlite_region(5);
    TestRegion region = killed_sqlite_region(6);
    check_interruptions(region, source);
  }
  SUBCASE("SQLite, only the extent with a log") {
    const TestRegion source = sqlite_region(5);
    TestRegion region = killed_sqlite_region(6);
    check_interruptions(region, source);
  }
  SUBCASE("raw in place of a missing extent") {
    const TestRegion source = raw_region(ContextSlot::A);
    TestRegion region = raw_region();
    region.remove(data_name);
    check_interruptions(region, source);
  }
  SUBCASE("SQLite in place of a missing extent") {
    const TestRegion source = killed_sqlite_region(5);
    TestRegion region = raw_region();
    region.remove(data_name);
    check_interruptions(region, source);
  }
}

}  // namespace
}  // namespace libregion
