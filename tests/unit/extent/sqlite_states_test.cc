// A SQLite extent in every state of its log and the index of that log: the same rows, and nothing
// on disk is touched.

#include <algorithm>
#include <functional>

#include <doctest/doctest.h>

#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;

// Blocks 0 to 3 flushed and in the .db file; then block 1 again, flushed, and block 2 again, not
// flushed: only in the log, if the service was killed.
TestRegion region_of(bool killed) {
  TestRegion region;
  region.put_sqlite(0, 4);
  const auto writer = region.continue_sqlite(0);
  writer->write(1, region.data_for(1, 1));
  writer->flush(3, 6);
  writer->write(2, region.data_for(2, 1));
  if (killed) {
    writer->die();
  } else {
    writer->close_cleanly();
  }
  return region;
}

Rows expected_rows(const TestRegion& region) {
  Rows rows = {plain_row(region, 0), plain_row(region, 1, 1), plain_row(region, 2),
               plain_row(region, 2, 1), plain_row(region, 3)};
  // Two rows of a block stand in the order of their hashes.
  const auto hash = [&](std::uint64_t version) {
    return static_cast<std::int64_t>(plain_context(region.data_for(2, version)).on_disk_hash);
  };
  if (hash(1) < hash(0)) std::swap(rows[2], rows[3]);
  return rows;
}

void check_reading(const TestRegion& region, const std::string& findings) {
  const auto before = region.snapshot();
  const SqliteReading reading = read_sqlite(region);
  CHECK(region.snapshot() == before);
  CHECK(reading.rows == expected_rows(region));
  CHECK(reading.metadata == ExtentMetadata{true, 3, 6, 1, 0, 0});
  CHECK(names_of(reading.findings) == findings);
  CHECK(read_copy_by_sqlite(region) == reading.rows);
}

TEST_CASE("a database that was closed, without log and index") {
  const TestRegion region = region_of(/*killed=*/false);
  REQUIRE_FALSE(region.has("00/000/000.db-wal"));
  REQUIRE_FALSE(region.has("00/000/000.db-shm"));
  check_reading(region, "");
}

TEST_CASE("a database with log and index, as a service that was killed leaves it") {
  const TestRegion region = region_of(/*killed=*/true);
  REQUIRE(region.has("00/000/000.db-wal"));
  REQUIRE(region.has("00/000/000.db-shm"));
  check_reading(region, "sqlite_hot_wal");
}

TEST_CASE("a database with a log and no index") {
  const TestRegion region = region_of(/*killed=*/true);
  region.remove("00/000/000.db-shm");
  check_reading(region, "sqlite_hot_wal");
}

TEST_CASE("a database with an index and no log") {
  const TestRegion region = region_of(/*killed=*/false);
  const TestRegion killed = region_of(/*killed=*/true);
  region.put_file("00/000/000.db-shm", killed.file("00/000/000.db-shm"));
  check_reading(region, "");
}

TEST_CASE("a database with an index that is garbage, or not even a file") {
  const TestRegion region = region_of(/*killed=*/true);
  SUBCASE("garbage") { region.put_file("00/000/000.db-shm", std::string_view("not an index")); }
  SUBCASE("a symbolic link") {
    region.remove("00/000/000.db-shm");
    region.put_symbolic_link("00/000/000.db-shm", "/nowhere");
  }
  SUBCASE("a FIFO") {
    region.remove("00/000/000.db-shm");
    region.put_fifo("00/000/000.db-shm");
  }
  check_reading(region, "sqlite_hot_wal");
}

TEST_CASE("a database with a log of length 0") {
  const TestRegion region = region_of(/*killed=*/false);
  region.put_file("00/000/000.db-wal", std::string_view());
  check_reading(region, "");
}

TEST_CASE("a database whose log holds everything, its own file nearly nothing") {
  TestRegion region;
  const auto writer = region.make_sqlite(0);
  writer->write(7, region.data_for(7));
  writer->flush(1, 1);
  writer->die();
  const SqliteReading reading = read_sqlite(region);
  CHECK(reading.rows == Rows{plain_row(region, 7)});
  CHECK(reading.metadata == ExtentMetadata{false, 1, 1, 1, 0, 0});
  CHECK(names_of(reading.findings) == "sqlite_hot_wal");
  // Without the log there is not even a table.
  region.remove("00/000/000.db-wal");
  CHECK(names_of(read_sqlite(region).findings) == "sqlite_unknown_schema");
}

TEST_CASE("databases of every page size, with rows in the log") {
  for (const unsigned page_bytes : {512U, 1024U, 8192U, 32768U, 65536U}) {
    CAPTURE(page_bytes);
    TestRegion region;
    const auto writer = region.make_sqlite(0);
    writer->execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = " +
                    std::to_string(page_bytes) + "; VACUUM; PRAGMA journal_mode = WAL");
    for (std::uint64_t block = 0; block < 8; ++block) {
      writer->write(block, region.data_for(block), some_encryption(block));
    }
    writer->flush(1, 1);
    writer->write(3, region.data_for(3, 1), some_encryption(30));
    writer->die();
    const Bytes log = region.file("00/000/000.db-wal");
    REQUIRE((log.size() - 32) % (24 + page_bytes) == 0);
    const SqliteReading reading = read_sqlite(region);
    CHECK(names_of(reading.findings) == "sqlite_hot_wal");
    CHECK(reading.metadata == ExtentMetadata{true, 1, 1, 1, 0, 0});
    REQUIRE(reading.rows);
    CHECK(reading.rows->size() == 9);
    CHECK(read_copy_by_sqlite(region) == reading.rows);
  }
}

TEST_CASE("the log's own finding counts its frames") {
  const TestRegion region = region_of(/*killed=*/true);
  const auto findings = read_sqlite(region).findings;
  REQUIRE(names_of(findings) == "sqlite_hot_wal");
  CHECK(findings[0].file == "00/000/000.db-wal");
  CHECK(findings[0].extent == ExtentId{0});
  const std::uint64_t frames = (region.file("00/000/000.db-wal").size() - 32) / (24 + 4096);
  CHECK(findings[0].found.starts_with(std::to_string(frames) + " committed frames"));
}

TEST_CASE("a block with encrypted contexts keeps nonce and tag") {
  TestRegion region;
  const auto writer = region.make_sqlite(0);
  writer->write(5, region.data_for(5), some_encryption(50));
  writer->write(5, region.data_for(5, 1), some_encryption(51));
  writer->die();
  const SqliteReading reading = read_sqlite(region);
  REQUIRE(reading.rows);
  Rows expected = {row_text(5, encrypted_context(region.data_for(5), some_encryption(50))),
                   row_text(5, encrypted_context(region.data_for(5, 1), some_encryption(51)))};
  Rows found = *reading.rows;
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  CHECK(found == expected);
  CHECK(read_copy_by_sqlite(region) == reading.rows);
}

}  // namespace
}  // namespace libregion
