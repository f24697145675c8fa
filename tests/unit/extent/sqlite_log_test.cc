// Logs that were cut, damaged or made up: they count up to their last whole transaction.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/random.h"
#include "tests/unit/extent/open_test_sqlite.h"
#include "tests/unit/extent/spelled_wal.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;
constexpr const char* log_name = "00/000/000.db-wal";

// A database with rows for blocks 0 and 1, and a log of four transactions that each insert a row.
struct LoggedRegion {
  LoggedRegion() {
    region.put_sqlite(0, 2);
    rows_after.push_back({plain_row(region, 0), plain_row(region, 1)});
    log_bytes_after.push_back(32);
    const auto writer = region.continue_sqlite(0);
    for (std::uint64_t block = 2; block < 6; ++block) {
      const BlockContext context = plain_context(region.data_for(block));
      writer->execute(fmt::format("INSERT INTO block_context VALUES ({0}, {1}, NULL, NULL, {1})",
                                  block, static_cast<std::int64_t>(context.hash)));
      rows_after.push_back(rows_after.back());
      rows_after.back().push_back(plain_row(region, block));
      log_bytes_after.push_back(region.file(log_name).size());
    }
    writer->die();
    log = region.file(log_name);
  }

  void put_log(ByteView bytes) const { region.put_file(log_name, bytes); }
  // The log with one of its bytes changed.
  void flip(std::uint64_t offset) const {
    Bytes flipped = log;
    flipped[offset] ^= std::byte{0x40};
    put_log(flipped);
  }

  TestRegion region;
  std::vector<Rows> rows_after;                // that many transactions
  std::vector<std::uint64_t> log_bytes_after;  // likewise
  Bytes log;
};

TEST_CASE("a log that was cut counts up to its last whole transaction") {
  const LoggedRegion logged;
  for (std::size_t transactions = 1; transactions <= 4; ++transactions) {
    for (const std::uint64_t missing_bytes : {0U, 1U, 4096U, 4119U}) {
      CAPTURE(transactions);
      CAPTURE(missing_bytes);
      logged.put_log(
          ByteView(logged.log).first(logged.log_bytes_after[transactions] - missing_bytes));
      const std::size_t whole = missing_bytes == 0 ? transactions : transactions - 1;
      CHECK(read_sqlite(logged.region).rows == logged.rows_after[whole]);
    }
  }
}

TEST_CASE("a log that ends in its first frame says nothing, and that is no finding") {
  const LoggedRegion logged;
  for (const std::uint64_t size_bytes : {32U, 33U, 56U, 32U + 24U + 4095U}) {
    CAPTURE(size_bytes);
    logged.put_log(ByteView(logged.log).first(size_bytes));
    const SqliteReading reading = read_sqlite(logged.region);
    CHECK(reading.rows == logged.rows_after[0]);
    CHECK(names_of(reading.findings) == "");
  }
}

TEST_CASE("a damaged frame ends the log, whatever follows it") {
  const LoggedRegion logged;
  for (std::size_t transaction = 0; transaction < 4; ++transaction) {
    // Page number, commit, both salts, both checksums, the page's first and last byte.
    for (const std::uint64_t offset : {3U, 7U, 8U, 15U, 16U, 23U, 24U, 24U + 4095U}) {
      CAPTURE(transaction);
      CAPTURE(offset);
      logged.flip(logged.log_bytes_after[transaction] + offset);
      CHECK(read_sqlite(logged.region).rows == logged.rows_after[transaction]);
    }
  }
}

TEST_CASE("what an older log left behind the newest transaction does not count") {
  const LoggedRegion logged;
  Bytes log = logged.log;
  log.resize(logged.log_bytes_after[2]);
  // Frames of a log with other salts, whole in themselves.
  const SpelledWal older = SpelledWal(4096).add({2, 4, Bytes(4096, std::byte{0xEE})});
  log.insert(log.end(), older.bytes().begin() + 32, older.bytes().end());
  logged.put_log(log);
  CHECK(read_sqlite(logged.region).rows == logged.rows_after[2]);
}

TEST_CASE("a log whose header is damaged counts as empty, with a finding") {
  const LoggedRegion logged;
  // Magic, format, page size, sequence, both salts, both checksums.
  for (const std::uint64_t offset : {0U, 3U, 5U, 9U, 10U, 12U, 16U, 23U, 24U, 31U}) {
    CAPTURE(offset);
    logged.flip(offset);
    const SqliteReading reading = read_sqlite(logged.region);
    CHECK(reading.rows == logged.rows_after[0]);
    REQUIRE(names_of(reading.findings) == "sqlite_invalid_wal");
    CHECK(reading.findings[0].file == log_name);
  }
}

TEST_CASE("a log that is garbage or too short for a header counts as empty, with a finding") {
  const LoggedRegion logged;
  for (const std::uint64_t size_bytes : {1U, 31U, 32U, 100U, 5000U}) {
    CAPTURE(size_bytes);
    logged.put_log(Random(size_bytes).bytes(size_bytes));
    const SqliteReading reading = read_sqlite(logged.region);
    CHECK(reading.rows == logged.rows_after[0]);
    CHECK(names_of(reading.findings) == "sqlite_invalid_wal");
  }
}

Bytes page_of(const Bytes& database, std::uint64_t page_number, std::uint64_t page_bytes = 4096) {
  const ByteView page = ByteView(database).subspan((page_number - 1) * page_bytes, page_bytes);
  return {page.begin(), page.end()};
}

TEST_CASE("a log of another page size than the database's makes it unusable") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  for (const std::uint32_t page_bytes : {512U, 2048U, 8192U, 65536U}) {
    CAPTURE(page_bytes);
    Bytes page = database;
    page.resize(page_bytes);
    logged.put_log(SpelledWal(page_bytes)
                       .add({1, static_cast<std::uint32_t>(database.size() / page_bytes + 1), page})
                       .bytes());
    const SqliteReading reading = read_sqlite(logged.region);
    CHECK(reading.rows == std::nullopt);
    CHECK_FALSE(only(FindingId::sqlite_corrupt, reading.findings).empty());
  }
}

TEST_CASE("a commit of absurdly many pages makes the database unusable, and takes no memory") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  for (const std::uint32_t page_count : {100'000U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    CAPTURE(page_count);
    logged.put_log(SpelledWal(4096).add({1, page_count, page_of(database, 1)}).bytes());
    const SqliteReading reading = read_sqlite(logged.region);
    CHECK(reading.rows == std::nullopt);
    REQUIRE(names_of(reading.findings) == "sqlite_corrupt");
    CHECK(reading.findings[0].file == log_name);
  }
}

TEST_CASE(
    "a commit that makes the database larger than any extent's is not read, large log or not") {
  const LoggedRegion logged;
  constexpr std::uint32_t page_bytes = 65536;
  constexpr std::uint64_t limit_bytes = std::uint64_t{1} << 30;
  logged.put_log(
      SpelledWal(page_bytes).add({1, limit_bytes / page_bytes + 1, Bytes(page_bytes)}).bytes());
  // A hole.
  std::filesystem::resize_file(logged.region.path_of(log_name), limit_bytes + page_bytes);
  const SqliteReading reading = read_sqlite(logged.region);
  CHECK(reading.rows == std::nullopt);
  REQUIRE(names_of(reading.findings) == "sqlite_too_large");
  CHECK(reading.findings[0].file == log_name);
}

TEST_CASE("a commit that leaves out pages the database needs is found") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  logged.put_log(SpelledWal(4096).add({1, 1, page_of(database, 1)}).bytes());
  const SqliteReading reading = read_sqlite(logged.region);
  CHECK(reading.rows == std::nullopt);
  CHECK(names_of(reading.findings) == "sqlite_hot_wal, sqlite_corrupt");
}

TEST_CASE("frames of pages beyond the last commit do not count") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  const auto pages = static_cast<std::uint32_t>(database.size() / 4096);
  logged.put_log(SpelledWal(4096)
                     .add({0xFFFFFFFF, 0, Bytes(4096, std::byte{1})})
                     .add({pages + 1, 0, Bytes(4096, std::byte{1})})
                     .add({1, pages, page_of(database, 1)})
                     .bytes());
  CHECK(read_sqlite(logged.region).rows == logged.rows_after[0]);
}

TEST_CASE("a transaction that never ended does not count") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  const auto pages = static_cast<std::uint32_t>(database.size() / 4096);
  SpelledWal log(4096);
  log.add({1, pages, page_of(database, 1)});
  for (std::uint32_t page = 1; page <= pages; ++page) {
    log.add({page, 0, Bytes(4096, std::byte{1})});
  }
  logged.put_log(log.bytes());
  CHECK(read_sqlite(logged.region).rows == logged.rows_after[0]);
  CHECK(read_copy_by_sqlite(logged.region) == logged.rows_after[0]);
}

TEST_CASE("a log that was begun anew over an older one, and one that is in the database already") {
  TestRegion region;
  region.put_sqlite(0, 2);
  const auto writer = region.continue_sqlite(0);
  for (std::uint64_t block = 2; block < 6; ++block) writer->write(block, region.data_for(block));
  std::uint64_t expected_rows = 6;
  SUBCASE("begun anew") {
    writer->execute("PRAGMA wal_checkpoint(RESTART)");
    writer->write(6, region.data_for(6));
    expected_rows = 7;
  }
  SUBCASE("in the database already") { writer->execute("PRAGMA wal_checkpoint(PASSIVE)"); }
  writer->die();
  REQUIRE(region.file(log_name).size() > 4 * 4096);
  const SqliteReading reading = read_sqlite(region);
  REQUIRE(reading.rows);
  CHECK(reading.rows->size() == expected_rows);
  CHECK(read_copy_by_sqlite(region) == reading.rows);
}

TEST_CASE("a frame of page 0 ends the log") {
  const LoggedRegion logged;
  const Bytes database = logged.region.file("00/000/000.db");
  logged.put_log(
      SpelledWal(4096).add({0, 0, Bytes(4096)}).add({2, 4, Bytes(4096, std::byte{1})}).bytes());
  const SqliteReading reading = read_sqlite(logged.region);
  CHECK(reading.rows == logged.rows_after[0]);
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("a log that is no regular file is a finding, and the database is not used without it") {
  const LoggedRegion logged;
  SUBCASE("a symbolic link") {
    logged.region.remove(log_name);
    logged.region.put_symbolic_link(log_name, "000.db");
    CHECK(names_of(read_sqlite(logged.region).findings) == "not_a_regular_file");
  }
  SUBCASE("a FIFO") {
    logged.region.remove(log_name);
    logged.region.put_fifo(log_name);
    CHECK(names_of(read_sqlite(logged.region).findings) == "not_a_regular_file");
  }
  SUBCASE("a file with two names") {
    logged.region.put_hard_link("other", logged.region.path_of(log_name));
    CHECK(names_of(read_sqlite(logged.region).findings) == "several_links");
  }
  CHECK(read_sqlite(logged.region).rows == std::nullopt);
}

TEST_CASE("however a log is damaged, it says what SQLite itself reads from it") {
  const LoggedRegion logged;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Bytes log = logged.log;
    if (random.coin()) log.resize(random.below(log.size() + 1));
    for (std::uint64_t flips = random.below(3); flips > 0 && !log.empty(); --flips) {
      const std::uint64_t limit =
          random.coin() ? log.size() : std::min<std::size_t>(200, log.size());
      log[random.below(limit)] ^= std::byte{1} << random.below(8);
    }
    logged.put_log(log);
    const auto expected = read_copy_by_sqlite(logged.region);
    REQUIRE(expected);
    CHECK(read_sqlite(logged.region).rows == expected);
  }
}

}  // namespace
}  // namespace libregion
