// Migrating a region as a whole: what stands in the way of one extent, and of all.

#include <algorithm>
#include <fcntl.h>
#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/migrated_extent.h"
#include "tests/unit/region/other_process.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;
using enum ContextSlot;

// ---- files that are something else --------------------------------------------------------------

TEST_CASE("a file that is something else leaves its extent alone, and the others go on") {
  TestRegion region({512, 12, 2});
  region.put_sqlite(0, 5);
  region.put_sqlite(1, 5);
  const Bytes content = region.file("00/000/000");
  std::string name = "00/000/000";
  SUBCASE("the data file is a hard link") { region.put_hard_link("outside", region.path_of(0)); }
  SUBCASE("the data file is a symbolic link") {
    region.put_file("outside", content);
    region.remove(name);
    region.put_symbolic_link(name, "../../outside");
  }
  SUBCASE("the data file is a FIFO") {
    region.put_file("outside", content);
    region.remove(name);
    region.put_fifo(name);
  }
  SUBCASE("the database is a symbolic link") {
    region.put_file("outside", content);
    name = "00/000/000.db";
    region.put_file("database", region.file(name));
    region.remove(name);
    region.put_symbolic_link(name, "../../database");
  }
  SUBCASE("the log is a symbolic link") {
    region.put_file("outside", content);
    region.put_symbolic_link("00/000/000.db-wal", "../../outside");
  }
  const Migrated migrated = migrate(region);
  CHECK(action_of(migrated, 0) == "action=left changed=false");
  CHECK(action_of(migrated, 1) == "action=migrated changed=true");
  CHECK(region.file("outside") == content);
  CHECK(region.has("00/000/000.db"));
}

TEST_CASE("a log or an index that is a directory keeps no other extent") {
  TestRegion region({512, 12, 3});
  region.put_sqlite(0, 5);
  region.put_raw(1, region.raw().write_all());
  region.put_sqlite(2, 5);
  SUBCASE("the index of a database") { region.make_directory("00/000/000.db-shm"); }
  SUBCASE("the log of a database") { region.make_directory("00/000/000.db-wal"); }
  SUBCASE("a stray log") { region.make_directory("00/000/001.db-wal"); }
  SUBCASE("a stray index") { region.make_directory("00/000/001.db-shm"); }
  std::optional<Migrated> migrated;
  REQUIRE_NOTHROW(migrated = migrate(region));
  CHECK(action_of(*migrated, 2) == "action=migrated changed=true");
  CHECK(files_of(region, 2) == "002");
  CHECK_FALSE(migrated->reports.findings.empty());
}

TEST_CASE("a leaf directory that is a link is not followed") {
  TestRegion region({512, 12, 1});
  region.put_sqlite(0, 5);
  fs::rename(region.path_of("00/000"), region.path_of("elsewhere"));
  region.put_symbolic_link("00/000", "../elsewhere");
  const auto before = region.snapshot();
  const Migrated migrated = migrate(region);
  CHECK(region.snapshot() == before);
  CHECK(names_of(migrated.reports.findings) == "not_a_regular_file, missing_extent");
}

// ---- stray logs ---------------------------------------------------------------------------------

TEST_CASE("a stray log of a sound raw extent is removed") {
  TestRegion region({512, 12, 1});
  region.put_raw(0, region.raw().write_all());
  region.put_file("00/000/000.db-wal", std::string_view("x"));
  region.put_file("00/000/000.db-shm", std::string_view("x"));
  const Migrated migrated = migrate(region);
  CHECK(files_of(region) == "000");
  CHECK(action_of(migrated) == "action=cleaned changed=true");
  CHECK(migrated.summary.cleaned_count == 1);
  CHECK(region.file("00/000/000") == region.raw().write_all().bytes());
}

TEST_CASE("a log that may be all there is of an extent's contexts is left") {
  TestRegion region({512, 12, 1});
  SUBCASE("its .db is gone, its data file is no raw extent") {
    auto writer = region.make_sqlite(0);
    writer->write(3, region.data_for(3));
    writer->die();
    writer.reset();
    region.remove("00/000/000.db");
    check_left(region, "wrong_size");
  }
  SUBCASE("there is nothing but the log") {
    region.put_file("00/000/000.db-wal", std::string_view("x"));
    check_left(region, "missing_extent");
  }
}

// ---- the whole ----------------------------------------------------------------------------------

TEST_CASE("a raw region has nothing to migrate, and is not touched") {
  TestRegion region({512, 12, 3});
  region.put_raw_everywhere();
  const auto before = region.snapshot();
  const Migrated migrated = migrate(region);
  CHECK(region.snapshot() == before);
  CHECK(migrated.summary.changed_count() == 0);
  CHECK(migrated.summary.extent_count == 3);
  CHECK(action_of(migrated, 2) == "action=none changed=false");
}

TEST_CASE(
    "big migration: more extents than one batch, on several threads, numbers kept, in order") {
  TestRegion region({512, 12, 600});
  region.put_sqlite(0, 5);
  region.put_sqlite(1, 0);
  for (std::uint32_t extent = 2; extent < 600; ++extent) {
    const std::uint32_t like = extent % 2;
    for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
      fs::copy_file(region.path_of(like, part), region.path_of(extent, part));
    }
  }
  MigrateOptions options;
  options.walk.jobs = 4;
  const Migrated migrated = migrate(region, options);
  CHECK(migrated.summary.migrated_count == 600);
  CHECK(migrated.summary.row_count == 300 * 5);
  RawExtentBuilder even = region.raw().set_numbers(3, 5);
  const RawExtentBuilder odd = even;
  for (std::uint64_t block = 0; block < 5; ++block) even.write(block, A);
  std::uint64_t wrong = 0;
  REQUIRE(migrated.reports.extents.size() == 600);
  for (std::uint32_t extent = 0; extent < 600; ++extent) {
    const bool right =
        files_of(region, extent) == extent_file_name(ExtentId{extent}) &&
        region.file(extent_path(ExtentId{extent})) == (extent % 2 == 0 ? even : odd).bytes() &&
        migrated.reports.extents[extent].extent == ExtentId{extent};
    if (!right) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("doing it again finds nothing to do, and touches nothing") {
  TestRegion region({512, 12, 3});
  for (std::uint32_t extent = 0; extent < 3; ++extent) region.put_sqlite(extent, 5);
  migrate(region);
  const auto before = region.snapshot();
  CHECK(migrate(region).summary.changed_count() == 0);
  CHECK(region.snapshot() == before);
}

TEST_CASE("only selected extents are migrated") {
  TestRegion region({512, 12, 3});
  for (std::uint32_t extent = 0; extent < 3; ++extent) region.put_sqlite(extent, 5);
  MigrateOptions options;
  options.walk.extents = ExtentSelection::parse("1");
  const Migrated migrated = migrate(region, options);
  CHECK(migrated.summary.extent_count == 1);
  CHECK(migrated.summary.migrated_count == 1);
  CHECK(files_of(region, 0) == "000 000.db");
  CHECK(files_of(region, 1) == "001");
  CHECK(files_of(region, 2) == "002 002.db");
}

TEST_CASE("a region that anyone has open is not changed at all") {
  for (const char* name : {"00/000/000", "00/000/002", "00/000/002.db"}) {
    for (const int flags : {O_RDONLY, O_RDWR}) {
      CAPTURE(name);
      CAPTURE(flags);
      TestRegion region({512, 12, 3});
      for (std::uint32_t extent = 0; extent < 3; ++extent) region.put_sqlite(extent, 5);
      const auto other = open_elsewhere(region.path_of(name), flags);
      const auto before = region.snapshot();
      try {
        migrate(region);
        FAIL("no error");
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::in_use);
        CHECK(std::string(error.what()).find(region.path_of(name)) != std::string::npos);
      }
      CHECK(region.snapshot() == before);
    }
  }
}

TEST_CASE("a region without space for the slots is not changed at all") {
  TestRegion region({512, 12, 3});
  for (std::uint32_t extent = 0; extent < 3; ++extent) region.put_sqlite(extent, 5);
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  const Tree before = disk.tree("/r");
  // One array of slots, bits and metadata for each; the other array is a hole.
  disk.set_free_bytes(3 * (48 * 12 + 2 + 32) - 1);
  CHECK_THROWS_AS(migrate_on(disk, "/r"), Error);
  CHECK(difference(before, disk.tree("/r")) == "");
  disk.set_free_bytes(1 << 20);
  CHECK(migrate_on(disk, "/r").summary.migrated_count == 3);
}

TEST_CASE("a migration that is stopped before it begins changes nothing") {
  TestRegion region({512, 12, 3});
  region.put_sqlite(0, 5);
  const std::atomic<bool> stop{true};
  MigrateOptions options;
  options.walk.stop = &stop;
  const auto before = region.snapshot();
  CHECK(migrate(region, options).summary.stopped);
  CHECK(region.snapshot() == before);
}

TEST_CASE("a disk that cannot be read leaves that extent, and the others go on") {
  TestRegion region({512, 12, 2});
  region.put_sqlite(0, 5);
  region.put_sqlite(1, 5);
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  disk.add_fault({EIO, CallKind::read, "/r/00/000/000.db", 0, true});
  const Migrated migrated = migrate_on(disk, "/r");
  CHECK(migrated.summary.has_io_errors);
  CHECK(names_of(migrated.reports.findings) == "io_error");
  CHECK(action_of(migrated, 0) == "action=left changed=false");
  CHECK(action_of(migrated, 1) == "action=migrated changed=true");
}

}  // namespace
}  // namespace libregion
