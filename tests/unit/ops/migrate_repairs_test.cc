// Migrating a region with interrupted repairs; and dry runs, which say beforehand what a real run
// does.

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using enum ContextSlot;
const std::string replace = "00/000/000.replace";

// Two extents of 12 blocks; extent 1 is a SQLite one that a migration must reach in any case.
TestRegion two_extents() {
  TestRegion region({512, 12, 2});
  region.put_sqlite(1, 5);
  return region;
}

// Copies the files of extent 0 of `source` into the .replace of extent 0.
void put_replacement(const TestRegion& region, const TestRegion& source) {
  region.make_directory(replace);
  for (const ExtentPart part :
       {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
    const std::string path = extent_path(ExtentId{0}, part);
    if (source.has(path)) {
      region.put_file(replace + "/" + extent_file_name(ExtentId{0}, part), source.file(path));
    }
  }
}

TestRegion sqlite_source(std::uint64_t written_blocks) {
  TestRegion region({512, 12, 1});
  region.put_sqlite(0, written_blocks);
  return region;
}

TestRegion killed_sqlite_source() {
  TestRegion region({512, 12, 1});
  auto writer = region.make_sqlite(0);
  writer->write(6, region.data_for(6));
  writer->die();
  writer.reset();
  return region;
}

std::string action_of(const Migrated& migrated, std::size_t extent) {
  const std::string fields = fields_of(migrated.reports.extents.at(extent));
  return fields.substr(0, fields.find(' '));
}

// Without extent 1, and without what all directories have in common.
std::map<std::string, std::string> snapshot_of_extent_0(const TestRegion& region) {
  std::map<std::string, std::string> snapshot;
  for (const auto& [name, described] : region.snapshot()) {
    if (name.starts_with("00/000/000")) snapshot[name] = described;
  }
  return snapshot;
}

// Extent 0 is left with not a byte of it changed, extent 1 is migrated.
void check_only_0_left(const TestRegion& region, const std::string& findings) {
  const auto before = snapshot_of_extent_0(region);
  std::optional<Migrated> migrated;
  REQUIRE_NOTHROW(migrated = migrate(region));
  CHECK(snapshot_of_extent_0(region) == before);
  CHECK(names_of(migrated->reports.findings) == findings);
  CHECK(action_of(*migrated, 0) == "action=left");
  CHECK(action_of(*migrated, 1) == "action=migrated");
}

// ---- repairs that are finished ------------------------------------------------------------------

TEST_CASE("copy and completed are removed, whatever is in them") {
  TestRegion region = two_extents();
  region.put_raw(0, region.raw().write_all());
  region.make_directory("00/000/000.copy/deeper");
  region.put_file("00/000/000.copy/deeper/file", std::string_view("x"));
  region.make_directory("00/000/000.completed");
  const Migrated migrated = migrate(region);
  CHECK(action_of(migrated, 0) == "action=cleaned");
  CHECK_FALSE(region.has("00/000/000.copy"));
  CHECK_FALSE(region.has("00/000/000.completed"));
  CHECK(region.file("00/000/000") == region.raw().write_all().bytes());
  CHECK(migrated.summary.cleaned_count == 1);
}

TEST_CASE("a raw replacement is put in place") {
  TestRegion region = two_extents();
  region.put_raw(0, region.raw().write_all());
  TestRegion source({512, 12, 1});
  source.put_raw(0, source.raw().write(3, A).set_numbers(5, 6));
  put_replacement(region, source);
  const Migrated migrated = migrate(region);
  CHECK(action_of(migrated, 0) == "action=replaced");
  CHECK(migrated.summary.replaced_count == 1);
  CHECK(region.file("00/000/000") == source.file("00/000/000"));
  CHECK_FALSE(region.has(replace));
  CHECK_FALSE(region.has("00/000/000.completed"));
}

TEST_CASE("a SQLite replacement is put in place and migrated, its log with it") {
  TestRegion region = two_extents();
  region.put_sqlite(0, 2);
  SUBCASE("without a log") {
    put_replacement(region, sqlite_source(7));
    const Migrated migrated = migrate(region);
    RawExtentBuilder expected = region.raw().set_numbers(3, 5);
    for (std::uint64_t block = 0; block < 7; ++block) expected.write(block, A);
    CHECK(region.file("00/000/000") == expected.bytes());
    CHECK(migrated.summary.replaced_count == 1);
    CHECK(migrated.summary.migrated_count == 2);
  }
  SUBCASE("with a log") {
    put_replacement(region, killed_sqlite_source());
    migrate(region);
    CHECK(region.file("00/000/000") == region.raw().write(6, A).set_dirty().bytes());
  }
  for (const char* gone : {"00/000/000.db", "00/000/000.db-wal", "00/000/000.db-shm",
                           "00/000/000.replace", "00/000/000.completed"}) {
    CHECK_FALSE(region.has(gone));
  }
}

TEST_CASE("a missing extent is made from its replacement") {
  TestRegion region = two_extents();
  SUBCASE("raw") {
    TestRegion source({512, 12, 1});
    source.put_raw(0, source.raw().write_all());
    put_replacement(region, source);
    CHECK(action_of(migrate(region), 0) == "action=replaced");
    CHECK(region.file("00/000/000") == source.file("00/000/000"));
  }
  SUBCASE("SQLite") {
    put_replacement(region, sqlite_source(12));
    CHECK(action_of(migrate(region), 0) == "action=migrated");
    CHECK(region.file("00/000/000") == region.raw().write_all(A).set_numbers(3, 5).bytes());
  }
}

// ---- repairs that are refused -------------------------------------------------------------------

TEST_CASE("a replacement of the other format is refused, and nothing of the extent is touched") {
  TestRegion region = two_extents();
  SUBCASE("SQLite onto raw") {
    region.put_raw(0, region.raw().write_all());
    put_replacement(region, sqlite_source(3));
  }
  SUBCASE("SQLite onto raw, with leftovers and a stray log") {
    region.put_raw(0, region.raw().write_all());
    put_replacement(region, sqlite_source(3));
    region.make_directory("00/000/000.copy");
    region.make_directory("00/000/000.completed");
    region.put_file("00/000/000.db-wal", std::string_view("x"));
    region.put_file("00/000/000.db-shm", std::string_view("x"));
  }
  SUBCASE("raw onto SQLite") {
    region.put_sqlite(0, 4);
    TestRegion source({512, 12, 1});
    source.put_raw(0);
    put_replacement(region, source);
  }
  check_only_0_left(region, "replace_format_mismatch");
}

TEST_CASE("a replacement that cannot be used is refused, and nothing of the extent is touched") {
  TestRegion region = two_extents();
  region.put_raw(0, region.raw().write_all());
  SUBCASE("an empty one") { region.make_directory(replace); }
  SUBCASE("one that is too short") {
    region.make_directory(replace);
    region.put_file(replace + "/000", Bytes(100));
  }
  SUBCASE("a symbolic link") {
    region.make_directory("outside");
    region.put_file("outside/000", region.raw().bytes());
    region.put_symbolic_link(replace, region.path_of("outside"));
  }
  SUBCASE("a file") { region.put_file(replace, region.raw().bytes()); }
  check_only_0_left(region, "replace_unusable");
}

TEST_CASE("a replacement is not written through other names of the extent's file") {
  TestRegion region = two_extents();
  const Bytes content = region.raw().write_all().bytes();
  TestRegion source({512, 12, 1});
  source.put_raw(0, source.raw().write(3, A));
  put_replacement(region, source);
  region.put_file("outside", content);
  std::string finding;
  SUBCASE("a hard link") {
    region.put_hard_link("00/000/000", region.path_of("outside"));
    finding = "several_links";
  }
  SUBCASE("a symbolic link") {
    region.put_symbolic_link("00/000/000", "../../outside");
    finding = "not_a_regular_file";
  }
  check_only_0_left(region, finding);
  CHECK(region.file("outside") == content);
}

TEST_CASE("leftovers that are no directories keep no other extent") {
  TestRegion region = two_extents();
  region.put_raw(0, region.raw().write_all());
  region.make_directory("outside");
  region.put_file("outside/precious", std::string_view("x"));
  SUBCASE("a symbolic link") {
    region.put_symbolic_link("00/000/000.copy", region.path_of("outside"));
  }
  SUBCASE("a file") { region.put_file("00/000/000.copy", std::string_view("x")); }
  SUBCASE("directories without end") {
    std::string deep = "00/000/000.copy";
    for (int i = 0; i < 100; ++i) deep += "/x";
    region.make_directory(deep);
  }
  std::optional<Migrated> migrated;
  REQUIRE_NOTHROW(migrated = migrate(region));
  CHECK(action_of(*migrated, 1) == "action=migrated");
  CHECK(region.has("outside/precious"));
  CHECK(region.file("00/000/000") == region.raw().write_all().bytes());
}

TEST_CASE("a replacement with directories without end in it keeps no other extent") {
  TestRegion region = two_extents();
  region.put_raw(0, region.raw().write_all());
  TestRegion source({512, 12, 1});
  source.put_raw(0, source.raw().write(3, A));
  put_replacement(region, source);
  std::string deep = replace;
  for (int i = 0; i < 100; ++i) deep += "/x";
  region.make_directory(deep);
  std::optional<Migrated> migrated;
  REQUIRE_NOTHROW(migrated = migrate(region));
  CHECK(action_of(*migrated, 1) == "action=migrated");
  // Nothing, or all of it.
  const Bytes content = region.file("00/000/000");
  CHECK((content == source.file("00/000/000") || content == region.raw().write_all().bytes()));
}

// ---- dry runs -----------------------------------------------------------------------------------

std::string without_would(std::string text) {
  const std::size_t at = text.find("would_change");
  return at == std::string::npos ? text : text.replace(at, 12, "changed");
}

// A dry run changes nothing and says what the real run then does.
void check_dry_run(const TestRegion& region, MigrateOptions options = {}) {
  options.dry_run = true;
  const auto before = region.snapshot();
  const Migrated foretold = migrate(region, options);
  CHECK(region.snapshot() == before);
  options.dry_run = false;
  const Migrated done = migrate(region, options);
  CHECK(foretold.reports.order == done.reports.order);
  REQUIRE(foretold.reports.extents.size() == done.reports.extents.size());
  for (std::size_t i = 0; i < done.reports.extents.size(); ++i) {
    CAPTURE(i);
    const ExtentRecord& record = foretold.reports.extents[i];
    CHECK(fields_of(record).find("would_change=") != std::string::npos);
    CHECK(without_would(fields_of(record)) == fields_of(done.reports.extents[i]));
    CHECK(record.format == done.reports.extents[i].format);
    CHECK(record.metadata == done.reports.extents[i].metadata);
  }
  CHECK(foretold.summary.migrated_count == done.summary.migrated_count);
  CHECK(foretold.summary.replaced_count == done.summary.replaced_count);
  CHECK(foretold.summary.cleaned_count == done.summary.cleaned_count);
  CHECK(foretold.summary.left_count == done.summary.left_count);
  CHECK(foretold.summary.row_count == done.summary.row_count);
  CHECK(foretold.summary.written_bytes == done.summary.written_bytes);
}

TEST_CASE("a dry run says what a real run does to extents of every kind") {
  TestRegion region({512, 12, 8});
  region.put_raw(0, region.raw().write_all().set_numbers(7, 8));
  region.put_sqlite(1, 5);
  auto killed = region.make_sqlite(2);
  killed->write(1, region.data_for(1));
  killed->die();
  killed.reset();
  // 3 is missing.
  region.put_raw(4, region.raw().resize(100));
  region.put_raw(5);
  region.make_directory("00/000/005.copy");
  region.put_raw(6);
  region.put_file("00/000/006.db-wal", std::string_view("x"));
  region.put_sqlite(7, 5);
  std::filesystem::resize_file(region.path_of(7), 11 * 512UL);
  SUBCASE("by default") { check_dry_run(region); }
  SUBCASE("with everything allowed") {
    MigrateOptions options;
    options.check = options.accept_damage = options.extend_short = true;
    check_dry_run(region, options);
  }
}

TEST_CASE("a dry run says what becomes of a replacement") {
  TestRegion region = two_extents();
  SUBCASE("raw onto raw") {
    region.put_raw(0);
    TestRegion source({512, 12, 1});
    source.put_raw(0, source.raw().write(3, A).set_numbers(5, 6));
    put_replacement(region, source);
  }
  SUBCASE("SQLite onto SQLite") {
    region.put_sqlite(0, 2);
    put_replacement(region, sqlite_source(7));
  }
  SUBCASE("SQLite with a log onto one with another") {
    auto writer = region.make_sqlite(0);
    writer->write(2, region.data_for(2));
    writer->die();
    writer.reset();
    put_replacement(region, killed_sqlite_source());
  }
  SUBCASE("SQLite in place of a missing extent") { put_replacement(region, sqlite_source(7)); }
  SUBCASE("raw in place of a missing extent, with a stray log") {
    region.put_file("00/000/000.db-wal", std::string_view("x"));
    TestRegion source({512, 12, 1});
    source.put_raw(0, source.raw().write_all());
    put_replacement(region, source);
  }
  SUBCASE("one that would then be left for its blocks") {
    region.put_sqlite(0, 2);
    const TestRegion source = killed_sqlite_source();
    Bytes data = source.file("00/000/000");
    data[6 * 512UL] ^= std::byte{1};
    source.put_file("00/000/000", data);
    put_replacement(region, source);
  }
  SUBCASE("one that is refused") {
    region.put_raw(0);
    put_replacement(region, sqlite_source(3));
  }
  check_dry_run(region);
}

}  // namespace
}  // namespace libregion
