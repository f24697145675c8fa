// What a SQLite extent becomes, byte for byte, and which is left alone because of its damage.

#include "libregion/ops/migrate.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/older_sqlite.h"
#include "tests/unit/ops/migrated_extent.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;
using enum ContextSlot;

// Extent 0 after migrating, in a region where it is the only one.
void check_becomes(const TestRegion& region, const RawExtentBuilder& expected,
                   const MigrateOptions& options = {}) {
  const Migrated migrated = migrate(region, options);
  CHECK(files_of(region) == "000");
  CHECK(region.file("00/000/000") == expected.bytes());
  CHECK(action_of(migrated) == "action=migrated changed=true");
  CHECK(migrated.summary.migrated_count == 1);
  CHECK(migrated.summary.left_count == 0);
}

TestRegion one_extent() { return TestRegion({512, 12, 1}); }

MigrateOptions checking() {
  MigrateOptions options;
  options.check = true;
  return options;
}
MigrateOptions accepting_damage() {
  MigrateOptions options;
  options.accept_damage = true;
  return options;
}

// ---- what an extent becomes ---------------------------------------------------------------------

TEST_CASE("a clean extent: contexts in slots A, flush ids 0, the same numbers") {
  TestRegion region = one_extent();
  region.put_sqlite(0, 7);
  RawExtentBuilder expected = region.raw();
  for (std::uint64_t block = 0; block < 7; ++block) expected.write(block, A);
  check_becomes(region, expected.set_numbers(3, 5));
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("an extent whose rows are in its log, and the log is gone") {
  TestRegion region = one_extent();
  auto writer = region.make_sqlite(0);
  writer->write(3, region.data_for(3));
  writer->write(11, region.data_for(11));
  writer->flush(8, 9);
  writer->die();
  writer.reset();
  REQUIRE(files_of(region) == "000 000.db 000.db-wal 000.db-shm");
  RawExtentBuilder expected = region.raw();
  check_becomes(region, expected.write(3, A).write(11, A).set_numbers(8, 9));
}

TEST_CASE("stale rows: a dirty extent stays dirty, each block with the row that matches") {
  TestRegion region = one_extent();
  auto writer = region.make_sqlite(0);
  writer->write(0, region.data_for(0));
  writer->flush(8, 9);
  writer->write(0, region.data_for(0, 1));
  writer->write(0, region.data_for(0, 2));
  writer->write(5, region.data_for(5), std::nullopt, /*data_arrives=*/false);
  writer->die();
  writer.reset();
  RawExtentBuilder expected = region.raw();
  check_becomes(region, expected.write(0, A, 2).set_numbers(8, 9).set_dirty());
}

TEST_CASE("an encrypted extent keeps nonces and tags") {
  TestRegion region({512, 12, 1, true});
  auto writer = region.make_sqlite(0);
  for (const std::uint64_t block : {2U, 3U}) {
    writer->write(block, region.data_for(block), some_encryption(block));
  }
  writer->flush(1, 1);
  writer->close_cleanly();
  writer.reset();
  RawExtentBuilder expected = region.raw();
  check_becomes(region, expected.write_encrypted(2, A).write_encrypted(3, A).set_numbers(1, 1));
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("an extent that was never written") {
  TestRegion region = one_extent();
  region.put_sqlite_with(0, "");
  check_becomes(region, region.raw());
}

TEST_CASE("duplicate SQLite rows: the same write again and again leaves one context") {
  TestRegion region = one_extent();
  auto writer = region.make_sqlite(0);
  for (int i = 0; i < 3; ++i) writer->write(4, region.data_for(4));
  writer->flush(8, 9);
  for (int i = 0; i < 3; ++i) writer->write(4, region.data_for(4));
  writer->die();
  writer.reset();
  RawExtentBuilder expected = region.raw();
  check_becomes(region, expected.write(4, A).set_numbers(8, 9).set_dirty());
}

TEST_CASE("partial migration: what an earlier attempt wrote behind the data is written again") {
  TestRegion region = one_extent();
  region.put_sqlite(0, 12);
  const Bytes raw = region.raw().write_all(A).set_numbers(3, 5).bytes();
  const std::size_t data_bytes = region.file("00/000/000").size();
  for (const std::size_t more_bytes : {std::size_t{1}, std::size_t{500}, raw.size() - data_bytes}) {
    CAPTURE(more_bytes);
    TestRegion interrupted = one_extent();
    interrupted.put_sqlite(0, 12);
    interrupted.put_file("00/000/000", ByteView(raw).first(data_bytes + more_bytes));
    check_becomes(interrupted, region.raw().write_all(A).set_numbers(3, 5));
  }
}

TEST_CASE("corrupt partial migration: whatever is behind the data does not matter") {
  for (const std::uint64_t more_bytes : {1U, 500U, 12U * 96U + 2U + 32U, 10'000U}) {
    CAPTURE(more_bytes);
    TestRegion region = one_extent();
    region.put_sqlite(0, 12);
    Bytes data = region.file("00/000/000");
    data.resize(data.size() + more_bytes, std::byte{0xEE});
    region.put_file("00/000/000", data);
    check_becomes(region, region.raw().write_all(A).set_numbers(3, 5));
  }
}

TEST_CASE("odd values that Crucible takes are migrated, with their warnings") {
  struct Case {
    std::string sql;
    std::string finding;
    bool dirty;
  };
  for (const Case& odd : {
           Case{"UPDATE metadata SET value = 2 WHERE name = 'dirty'", "sqlite_odd_dirty", true},
           Case{"DELETE FROM metadata WHERE name = 'ext_version'", "sqlite_odd_version", false},
           Case{"INSERT INTO block_context VALUES (12, 1, NULL, NULL, 1)",
                "sqlite_row_out_of_range", false},
       }) {
    CAPTURE(odd.finding);
    TestRegion region = one_extent();
    region.put_sqlite_with(0, odd.sql);
    const Migrated migrated = migrate(region);
    CHECK(names_of(migrated.reports.findings) == odd.finding);
    CHECK(files_of(region) == "000");
    CHECK(region.file("00/000/000") == region.raw().set_dirty(odd.dirty ? 1 : 0).bytes());
  }
}

TEST_CASE("a nonce without a tag becomes a context that is not encrypted") {
  TestRegion region = one_extent();
  auto writer = region.make_sqlite(0);
  writer->write(4, region.data_for(4));
  writer->flush(1, 1);
  writer->execute("UPDATE block_context SET nonce = zeroblob(12)");
  writer->close_cleanly();
  writer.reset();
  RawExtentBuilder expected = region.raw();
  check_becomes(region, expected.write(4, A).set_numbers(1, 1));
}

// ---- damage -------------------------------------------------------------------------------------

TEST_CASE("a clean row that does not match is migrated unchecked, and verify says it") {
  TestRegion region = one_extent();
  region.put_sqlite(0, 12);
  Bytes data = region.file("00/000/000");
  data[3 * 512UL] ^= std::byte{1};
  region.put_file("00/000/000", data);
  SUBCASE("by default") {
    Bytes expected = region.raw().write_all(A).set_numbers(3, 5).bytes();
    std::copy(data.begin(), data.end(), expected.begin());
    const Migrated migrated = migrate(region);
    CHECK(names_of(migrated.reports.findings) == "");
    CHECK(region.file("00/000/000") == expected);
    CHECK(names_of(verify(region).reports.findings) == "no_matching_slot");
  }
  SUBCASE("with a check it is left") { check_left(region, "sqlite_no_matching_row", checking()); }
  SUBCASE("with a check and damage accepted it goes through") {
    MigrateOptions options = checking();
    options.accept_damage = true;
    const Migrated migrated = migrate(region, options);
    CHECK(names_of(migrated.reports.findings) == "sqlite_no_matching_row");
    CHECK(action_of(migrated) == "action=migrated changed=true");
  }
}

TEST_CASE("rows none of which match: a dirty block is left, unless damage is accepted") {
  TestRegion region = one_extent();
  auto writer = region.make_sqlite(0);
  writer->write(2, region.data_for(2));
  writer->die();
  writer.reset();
  Bytes data = region.file("00/000/000");
  data[2 * 512UL] ^= std::byte{1};
  region.put_file("00/000/000", data);
  check_left(region, "sqlite_no_matching_row");
  const Migrated migrated = migrate(region, accepting_damage());
  CHECK(action_of(migrated) == "action=migrated changed=true");
  Bytes expected = region.raw().set_dirty().bytes();
  std::copy(data.begin(), data.end(), expected.begin());
  CHECK(region.file("00/000/000") == expected);
}

TEST_CASE("a data file that is too short is left, unless it may be extended") {
  TestRegion region = one_extent();
  region.put_sqlite(0, 11);
  fs::resize_file(region.path_of(0), 11 * 512UL);
  check_left(region, "short_data_file");
  check_left(region, "short_data_file", accepting_damage());
  MigrateOptions options;
  options.extend_short = true;
  RawExtentBuilder expected = region.raw();
  for (std::uint64_t block = 0; block < 11; ++block) expected.write(block, A);
  check_becomes(region, expected.set_numbers(3, 5), options);
}

TEST_CASE("what cannot be read from a database leaves the extent alone, damage accepted or not") {
  TestRegion region = one_extent();
  std::string finding;
  SUBCASE("numbers that are missing") {
    region.put_sqlite_with(0, "DELETE FROM metadata WHERE name = 'gen_number'");
    finding = "sqlite_bad_number";
  }
  SUBCASE("numbers that are negative") {
    region.put_sqlite_with(0, "UPDATE metadata SET value = -1 WHERE name = 'flush_number'");
    finding = "sqlite_bad_number";
  }
  SUBCASE("a hash that is NULL") {
    region.put_sqlite_with(0, "INSERT INTO block_context VALUES (1, NULL, NULL, NULL, 1)");
    finding = "sqlite_bad_row";
  }
  SUBCASE("a nonce of 11 bytes") {
    region.put_sqlite_with(
        0, "INSERT INTO block_context VALUES (1, 1, zeroblob(11), zeroblob(16), 1)");
    finding = "sqlite_bad_row";
  }
  SUBCASE("a file of length 0") {
    region.put_sqlite(0, 5);
    region.put_file("00/000/000.db", std::string_view());
    finding = "sqlite_empty_file";
  }
  SUBCASE("no database") {
    region.put_sqlite(0, 5);
    region.put_file("00/000/000.db", std::string_view("no database"));
    finding = "sqlite_not_a_database";
  }
  SUBCASE("a damaged database") {
    region.put_sqlite(0, 5);
    fs::resize_file(region.path_of(0, ExtentPart::db), 8192);
    finding = "sqlite_corrupt";
  }
  SUBCASE("a generation without hashes") {
    region.put_sqlite_with(0, "DROP TABLE block_context");
    finding = "sqlite_without_hashes";
  }
  SUBCASE("an older generation") {
    put_older_sqlite(region, 0, OlderGeneration::s4, 5, /*encrypted=*/false);
    finding = "sqlite_older_generation, older_in_place";
  }
  SUBCASE("a hot journal") {
    region.put_sqlite(0, 5);
    region.put_file("00/000/000.db-journal", std::string_view("\xd9\xd5\x05\xf9"));
    finding = "sqlite_hot_journal";
  }
  SUBCASE("no data file") {
    region.put_sqlite(0, 5);
    region.remove("00/000/000");
    finding = "missing_extent";
  }
  check_left(region, finding);
  check_left(region, finding, accepting_damage());
}

TEST_CASE("damage of one extent does not keep the others") {
  TestRegion region({512, 12, 3});
  for (std::uint32_t extent = 0; extent < 3; ++extent) region.put_sqlite(extent, 5);
  region.put_file("00/000/001.db", std::string_view());
  const Migrated migrated = migrate(region);
  CHECK(migrated.summary.migrated_count == 2);
  CHECK(migrated.summary.left_count == 1);
  CHECK(migrated.summary.extent_count == 3);
  CHECK(migrated.summary.row_count == 10);
  CHECK(files_of(region, 0) == "000");
  CHECK(files_of(region, 1) == "001 001.db");
  CHECK(files_of(region, 2) == "002");
  CHECK(action_of(migrated, 1) == "action=left changed=false");
}

}  // namespace
}  // namespace libregion
