// Migrating into a new region: where it is made, who is in the way, and how it is stopped.

#include <filesystem>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/migrated_into.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

// ---- where it is made ---------------------------------------------------------------------------

TEST_CASE("an empty directory becomes the new region and keeps its mode") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  fs::create_directory(place.target);
  ::chmod(place.target.c_str(), 0700);
  CHECK(place.migrate().summary.is_made);
  CHECK(fs::status(place.target).permissions() == fs::perms::owner_all);
}

TEST_CASE("what is there already is left as it is, with force too") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  std::string reason;
  SUBCASE("a region") {
    place.migrate();
    reason = "is a region already";
  }
  SUBCASE("the source itself") {
    place.target = place.source.path();
    reason = "is a region already";
  }
  SUBCASE("a region that lost its region.json") {
    fs::create_directories(place.target + "/00/000");
    write_whole_file(place.target + "/00/000/000", place.source.raw().set_numbers(1, 9).bytes());
    reason = "lost its region.json";
  }
  SUBCASE("something else") {
    fs::create_directory(place.target);
    write_whole_file(place.target + "/notes", Bytes(1));
    reason = "notes";
  }
  SUBCASE("a file") {
    write_whole_file(place.target, Bytes(1));
    reason = "/new";
  }
  for (const bool force : {false, true}) {
    const auto before = snapshot_of(place.directory.path());
    MigrateIntoOptions options;
    options.force = force;
    CHECK(error_of([&] { place.migrate(options); }, reason) == ErrorKind::failed);
    options.migrate.dry_run = true;
    CHECK(error_of([&] { place.migrate(options); }, reason) == ErrorKind::failed);
    CHECK(snapshot_of(place.directory.path()) == before);
  }
}

TEST_CASE("what an interrupted run left is cleared with force only, whatever its extents hold") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  fs::create_directories(place.target + "/00/000");
  write_whole_file(place.target + "/00/000/000",
                   place.source.raw().set_numbers(3, 99).set_dirty().bytes());
  write_whole_file(place.target + "/region.json.incomplete",
                   as_byte_view(to_json_text(place.source.definition())));
  CHECK(error_of([&] { place.migrate(); }, "--force") == ErrorKind::failed);
  MigrateIntoOptions options;
  options.force = true;
  CHECK(place.migrate(options).summary.is_made);
  CHECK(place.names() == ". 00 00/000 00/000/000 00/000/001 region.json ");
}

TEST_CASE("a mark without a definition in it says nothing of the extents beside it") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  fs::create_directories(place.target + "/00/000");
  write_whole_file(place.target + "/00/000/000", place.source.raw().set_numbers(3, 99).bytes());
  write_whole_file(place.target + "/region.json.incomplete", Bytes(1));
  MigrateIntoOptions options;
  options.force = true;
  CHECK(error_of([&] { place.migrate(options); }, "lost its region.json") == ErrorKind::failed);
  CHECK(fs::exists(place.target + "/00/000/000"));
}

TEST_CASE("a new region inside the source would change it") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  SUBCASE("in its directory") { place.target = place.source.path() + "/new"; }
  SUBCASE("further below") { place.target = place.source.path() + "/00/000/new"; }
  SUBCASE("on a way around") { place.target = place.source.path() + "/00/../../region/00/new"; }
  SUBCASE("behind a symbolic link") {
    place.source.make_directory("empty");
    fs::create_symlink(place.source.path() + "/empty", place.target);
  }
  for (const bool dry_run : {false, true}) {
    const auto before = place.source.snapshot();
    MigrateIntoOptions options;
    options.migrate.dry_run = dry_run;
    CHECK(error_of([&] { place.migrate(options); }, "is inside the source") == ErrorKind::failed);
    CHECK(place.source.snapshot() == before);
  }
}

TEST_CASE("a new region beside the source, or around it, is none inside it") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  place.target = place.source.path() + "/../new";
  CHECK(place.migrate().summary.is_made);
}

TEST_CASE("too little space is known before anything is made") {
  MemoryFileSystem disk;
  IntoPlace place;
  place.source.put_raw_everywhere();
  disk.load(place.source.path(), "/r");
  disk.set_free_bytes(2 * 8192 + 2 * 8 * 512 - 1);
  const auto opened = open_region(disk, "/r", {Access::read, false, 0});
  ReportCollector collector;
  MigrateIntoOptions options;
  options.target = "/n";
  CHECK(error_of([&] { migrate_region_into(disk, *opened.region, options, collector); },
                 "'/n': no space: expected ") == ErrorKind::failed);
  CHECK_FALSE(disk.exists("/n"));
  CHECK(disk.log().empty());
}

// ---- others, and stops --------------------------------------------------------------------------

// The source in memory, as somebody else could be using it.
struct SharedSource {
  SharedSource() {
    TestRegion region;
    region.put_raw(0);
    region.put_sqlite(1, 2);
    disk.load(region.path(), "/r");
  }
  MigrateIntoSummary migrate(FileSystem& file_system) {
    const auto opened = open_region(file_system, "/r", {Access::read, false, 0});
    MigrateIntoOptions options;
    options.target = "/n";
    return migrate_region_into(file_system, *opened.region, options, collector);
  }
  MemoryFileSystem disk;
  ReportCollector collector;
};

TEST_CASE("nothing is begun while somebody may write to the source, who reads does not matter") {
  for (const char* name : {"/r/00/000/000", "/r/00/000/001"}) {
    SharedSource shared;
    shared.disk.open_elsewhere(name, Access::read_write);
    CHECK(error_of([&] { shared.migrate(shared.disk); }, name) == ErrorKind::in_use);
    CHECK(shared.disk.log().empty());
    shared.disk.close_elsewhere(name);
    shared.disk.open_elsewhere(name, Access::read);
    CHECK(shared.migrate(shared.disk).is_made);
  }
}

TEST_CASE("an extent that somebody opens while it is copied makes no region") {
  for (const char* name : {"/r/00/000/000", "/r/00/000/001"}) {
    SharedSource shared;
    HookedFileSystem hooked(shared.disk);
    // The first read of the data is the copy's: before it only the end of the file is read.
    hooked.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
      if (path == name && offset_bytes == 0) {
        shared.disk.open_elsewhere(name, Access::read_write);
      }
    };
    const MigrateIntoSummary summary = shared.migrate(hooked);
    CHECK_FALSE(summary.is_made);
    CHECK(summary.has_changed);
    CHECK(names_of(shared.collector.reports.findings) == "changed_while_read");
    CHECK_FALSE(shared.disk.exists("/n"));
  }
}

TEST_CASE("a stop leaves nothing") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  const std::atomic<bool> stop{true};
  MigrateIntoOptions options;
  options.migrate.walk.stop = &stop;
  const Into into = place.migrate(options);
  CHECK(into.summary.stopped);
  CHECK_FALSE(into.summary.is_made);
  CHECK_FALSE(fs::exists(place.target));
}

TEST_CASE("a dry run tells of each extent what will be done, and makes nothing") {
  IntoPlace place;
  place.source.put_raw(0);
  place.source.put_sqlite(1, 3);
  MigrateIntoOptions options;
  options.migrate.dry_run = true;
  const auto before = place.source.snapshot();
  const Into dry = place.migrate(options);
  CHECK(place.source.snapshot() == before);
  CHECK(fs::is_empty(place.directory.path()));
  CHECK_FALSE(dry.summary.is_made);
  CHECK(action_of(dry, 0) == "action=copied would_change=true");
  CHECK(action_of(dry, 1) == "action=migrated would_change=true");
}

}  // namespace
}  // namespace libregion
