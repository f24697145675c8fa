// The files of a SQLite extent: short, long, missing, damaged, and what stands beside them.

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/format/sqlite_walk.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/random.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;

void check_refused(const TestRegion& region, const std::string& findings) {
  const auto before = region.snapshot();
  const SqliteReading reading = read_sqlite(region);
  CHECK(region.snapshot() == before);
  CHECK(reading.rows == std::nullopt);
  CHECK(names_of(reading.findings) == findings);
}

// ---- the data file ------------------------------------------------------------------------------

TEST_CASE("a data file of the right size has all its blocks") {
  TestRegion region;
  region.put_sqlite(0, 8);
  const OpenedExtent opened = open_extent_of(region, 0);
  CHECK(names_of(opened.findings) == "");
  REQUIRE(opened.reader != nullptr);
  CHECK(opened.reader->format() == ExtentFormat::sqlite);
  CHECK(opened.reader->readable_blocks() == 8);
  CHECK(opened.reader->metadata() == ExtentMetadata{false, 3, 5, 1, 0, 0});
  CHECK(opened.reader->files().size() == 2);
  const auto blocks = read_blocks_of(*opened.reader, {0, 8});
  REQUIRE(blocks.size() == 8);
  for (const SeenBlock& seen : blocks) {
    CHECK(seen.data == region.data_for(seen.block));
    CHECK(seen.selected == 0);
    CHECK(seen.slots == std::vector<SlotValue>{plain_context(seen.data)});
    CHECK(seen.slot_a.empty());
  }
}

TEST_CASE("a data file that is too short has the blocks that are whole") {
  TestRegion region;
  region.put_sqlite(0, 8);
  for (const std::uint64_t size_bytes : {0U, 511U, 512U, 8U * 512U - 1U}) {
    CAPTURE(size_bytes);
    std::filesystem::resize_file(region.path_of(0), size_bytes);
    const OpenedExtent opened = open_extent_of(region, 0);
    REQUIRE(names_of(opened.findings) == "short_data_file");
    const Finding& finding = opened.findings[0];
    CHECK(finding.file == "00/000/000");
    CHECK(finding.offset_bytes == size_bytes);
    CHECK(finding.length_bytes == 4096 - size_bytes);
    CHECK(finding.expected == "4096 bytes");
    CHECK(finding.found == std::to_string(size_bytes) + " bytes");
    REQUIRE(opened.reader != nullptr);
    CHECK(opened.reader->readable_blocks() == size_bytes / 512);
    std::filesystem::resize_file(region.path_of(0), 4096);
  }
}

TEST_CASE("a data file that is too long is a migration that was interrupted") {
  TestRegion region;
  region.put_sqlite(0, 8);
  for (const std::uint64_t more_bytes : {1U, 500U, 8U * 96U + 1U + 32U, 100'000U}) {
    CAPTURE(more_bytes);
    std::filesystem::resize_file(region.path_of(0), 4096 + more_bytes);
    const OpenedExtent opened = open_extent_of(region, 0);
    REQUIRE(names_of(opened.findings) == "partial_migration");
    CHECK(opened.findings[0].offset_bytes == 4096);
    CHECK(opened.findings[0].length_bytes == more_bytes);
    REQUIRE(opened.reader != nullptr);
    CHECK(opened.reader->readable_blocks() == 8);
  }
}

TEST_CASE("a data file that is missing is a missing extent; its database is still looked at") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.remove("00/000/000");
  check_refused(region, "missing_extent");
  region.put_file("00/000/000.db", std::string_view());
  check_refused(region, "missing_extent, sqlite_empty_file");
}

// ---- the database file --------------------------------------------------------------------------

TEST_CASE("a .db of length 0 is damage, not an empty database") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_file("00/000/000.db", std::string_view());
  check_refused(region, "sqlite_empty_file");
  // SQLite would throw the log away.
  region.put_file("00/000/000.db-wal", std::string_view("rows"));
  check_refused(region, "sqlite_empty_file");
}

TEST_CASE("a .db that is no database is named as such") {
  TestRegion region;
  region.put_sqlite(0, 8);
  for (const std::size_t size_bytes : {1U, 16U, 99U, 100U, 4096U, 100'000U}) {
    CAPTURE(size_bytes);
    region.put_file("00/000/000.db", Random(size_bytes).bytes(size_bytes));
    check_refused(region, "sqlite_not_a_database");
  }
  const Bytes zeros(4096);
  region.put_file("00/000/000.db", zeros);
  check_refused(region, "sqlite_not_a_database");
}

TEST_CASE("a .db that ends after its magic is damage") {
  TestRegion region;
  region.put_sqlite(0, 8);
  const Bytes database = region.file("00/000/000.db");
  for (const std::size_t size_bytes : {16U, 50U, 99U}) {
    CAPTURE(size_bytes);
    region.put_file("00/000/000.db", ByteView(database).first(size_bytes));
    check_refused(region, "sqlite_not_a_database");
  }
}

TEST_CASE("a .db that was cut off anywhere behind its header is damage") {
  TestRegion region;
  region.put_sqlite(0, 8);
  const Bytes database = region.file("00/000/000.db");
  REQUIRE(database.size() >= 4 * 4096);
  for (std::size_t size_bytes = 100; size_bytes < database.size(); size_bytes += 998) {
    CAPTURE(size_bytes);
    region.put_file("00/000/000.db", ByteView(database).first(size_bytes));
    const SqliteReading reading = read_sqlite(region);
    CHECK(reading.rows == std::nullopt);
    REQUIRE_FALSE(reading.findings.empty());
    CHECK(finding_info(reading.findings.back().id).severity == Severity::error);
  }
}

TEST_CASE("a .db that is larger than any extent's is not read") {
  TestRegion region;
  region.put_sqlite(0, 8);
  // A hole: it takes no space, but would take memory.
  std::filesystem::resize_file(region.path_of(0, ExtentPart::db), (std::uint64_t{1} << 30) + 1);
  const auto reading = read_sqlite(region);
  CHECK(reading.rows == std::nullopt);
  CHECK(names_of(reading.findings) == "sqlite_too_large");
}

TEST_CASE("whatever byte of a .db is wrong, it is read or refused, never more") {
  TestRegion region;
  region.put_sqlite(0, 8);
  const Rows right = *read_sqlite(region).rows;
  const Bytes database = region.file("00/000/000.db");
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Bytes damaged = database;
    // Half of them where pages keep their headers.
    std::uint64_t at = random.below(damaged.size());
    if (random.coin()) at = at / 4096 * 4096 + random.below(120);
    damaged[at] ^= std::byte{1} << random.below(8);
    region.put_file("00/000/000.db", damaged);
    const SqliteReading reading = read_sqlite(region);
    if (reading.rows) {
      CHECK(reading.rows->size() <= 2 * right.size());
    } else {
      ++refused;
      CHECK_FALSE(reading.findings.empty());
    }
  }
  CHECK(refused > 100);
}

// ---- the rollback journal -----------------------------------------------------------------------

TEST_CASE("a hot journal beside the database: it is not read") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_file("00/000/000.db-journal", std::string_view("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8));
  check_refused(region, "sqlite_hot_journal");
  CHECK(read_sqlite(region).findings[0].file == "00/000/000.db-journal");
}

TEST_CASE("a journal that was committed is none") {
  TestRegion region;
  region.put_sqlite(0, 8);
  SUBCASE("by cutting it off") { region.put_file("00/000/000.db-journal", std::string_view()); }
  SUBCASE("by overwriting its header") {
    const Bytes zeros(512);
    region.put_file("00/000/000.db-journal", zeros);
  }
  const SqliteReading reading = read_sqlite(region);
  REQUIRE(reading.rows);
  CHECK(reading.rows->size() == 8);
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("a journal that is no regular file: the database is not read") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.make_directory("00/000/000.db-journal");
  check_refused(region, "not_a_regular_file");
}

// ---- a disk that fails --------------------------------------------------------------------------

TEST_CASE("a database that cannot be read is an error, not a damaged database") {
  TestRegion region;
  region.put_sqlite(0, 8);
  const auto writer = region.continue_sqlite(0);
  writer->write(0, region.data_for(0, 1));
  writer->die();
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  const auto leaf = expect_opened(disk.open_directory("/r/00/000"), "/r/00/000");
  for (const char* name : {"000.db", "000.db-wal"}) {
    disk.restart();
    disk.add_fault({EIO, CallKind::read, std::string("/r/00/000/") + name, 0, true});
    CAPTURE(name);
    CHECK_THROWS_AS(
        open_extent(*leaf, ExtentId{0}, parts_in(*leaf, 0), region.geometry(), [](File&) {}),
        SystemError);
  }
}

// ---- summaries ----------------------------------------------------------------------------------

TEST_CASE("a summary takes the first pages of a database, and all of one that has a log") {
  TestRegion region({512, 64, 1});
  region.put_sqlite(0, 64);
  const auto summarize = [&] {
    const auto leaf = open_leaf_of(region);
    return SqliteExtent::read_summary(*leaf, ExtentId{0}, parts_in(*leaf, 0), region.geometry(),
                                      [](File&) {});
  };
  const ExtentSummary clean = summarize();
  CHECK(clean.metadata == read_sqlite(region).metadata);
  CHECK(clean.read_bytes == sqlite_metadata_bytes);
  CHECK(clean.findings.empty());

  std::filesystem::rename(region.path_of(0), region.path_of("data"));
  const ExtentSummary without_data = summarize();
  CHECK(without_data.metadata == clean.metadata);
  CHECK(names_of(without_data.findings) == "missing_extent");
  std::filesystem::rename(region.path_of("data"), region.path_of(0));

  const auto service = region.continue_sqlite(0);
  service->write(40, region.data_for(40, 1));
  service->flush(7, 9);
  const ExtentSummary in_use = summarize();
  REQUIRE(in_use.metadata.has_value());
  CHECK(in_use.metadata->flush_number == 9);
  CHECK(in_use.metadata == read_sqlite(region).metadata);
  CHECK(in_use.read_bytes == std::filesystem::file_size(region.path_of(0, ExtentPart::db)));
}

}  // namespace
}  // namespace libregion
