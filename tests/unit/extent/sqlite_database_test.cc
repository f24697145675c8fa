// SQLite at its limits: without memory, and with more rows than a database of its size can have.

#include "libregion/extent/sqlite_database.h"

#include <new>

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "libregion/extent/sqlite_rows.h"
#include "tests/support/older_sqlite.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

// From here on SQLite gets no memory.
class NoMemory {
 public:
  NoMemory() : before_(sqlite3_hard_heap_limit64(1)) {}
  ~NoMemory() { sqlite3_hard_heap_limit64(before_); }
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;

 private:
  sqlite3_int64 before_;
};

// ---- memory -------------------------------------------------------------------------------------

TEST_CASE("memory that SQLite does not get is no fault of a database") {
  TestRegion region;
  region.put_sqlite(0, 3);
  const Bytes image = region.file("00/000/000.db");
  SUBCASE("for a database that is opened") {
    const NoMemory none;
    CHECK_THROWS_AS((void)read_tables_with_sqlite(image, ExtentId{0}, region.geometry()),
                    std::bad_alloc);
  }
  SUBCASE("for one that is made") {
    const NoMemory none;
    CHECK_THROWS_AS((void)SqliteDatabase::create(), std::bad_alloc);
    CHECK_THROWS_AS((void)build_sqlite_image({}, ContextRows(), 8), std::bad_alloc);
  }
  SUBCASE("for a statement") {
    SqliteDatabase database = SqliteDatabase::create();
    const NoMemory none;
    CHECK_THROWS_AS(database.execute("CREATE TABLE t (x)"), std::bad_alloc);
  }
  SUBCASE("for what is taken out") {
    SqliteDatabase database = SqliteDatabase::create();
    database.execute("CREATE TABLE t (x)");
    const NoMemory none;
    CHECK_THROWS_AS((void)database.serialize(), std::bad_alloc);
  }
}

// ---- rows ---------------------------------------------------------------------------------------

struct Read {
  bool is_whole = false;
  std::vector<std::string> found;
};

Read read_rows(const std::string& sql, SqliteGeneration generation, std::uint64_t rows_max) {
  SqliteDatabase database = SqliteDatabase::create();
  database.execute(sql);
  Read read;
  const ReportRow report = [&](FindingId id, const std::string& expected, const std::string& found,
                               std::optional<BlockRange> /*blocks*/) {
    read.found.push_back(std::string(finding_info(id).name) + " " + expected + " " + found);
  };
  read.is_whole = read_context_rows(database, {generation, 8, rows_max}, report).has_value();
  return read;
}

TEST_CASE("a table that has no end is left, whichever it is") {
  const auto check_left = [](const std::string& sql, SqliteGeneration generation) {
    const Read whole = read_rows(sql, generation, 3);
    CHECK(whole.is_whole);
    CHECK(whole.found.empty());
    const Read left = read_rows(sql, generation, 2);
    CHECK_FALSE(left.is_whole);
    CHECK(left.found == std::vector<std::string>{"sqlite_corrupt at most 2 rows more"});
  };
  const auto three = [](const std::string& statement) {
    std::string sql;
    for (const char* number : {"1", "2", "3"}) {
      std::string one = statement;
      while (one.find('?') != std::string::npos) one.replace(one.find('?'), 1, number);
      sql += one + ";";
    }
    return sql;
  };
  const std::string hashes = three("INSERT INTO integrity_hashes VALUES (?, 0, zeroblob(8))");
  const std::string contexts =
      three("INSERT INTO encryption_context VALUES (?, 0, zeroblob(12), zeroblob(16))");
  check_left(sqlite_schema_s6 + three("INSERT INTO block_context VALUES (?, 1, NULL, NULL, ?)"),
             SqliteGeneration::s6);
  check_left(contexts_of_s3 + hashes, SqliteGeneration::s3);
  check_left(contexts_of_s3 + hashes + contexts, SqliteGeneration::s3);
  const std::string two_hashes = hashes.substr(0, hashes.rfind("INSERT"));
  CHECK(read_rows(contexts_of_s3 + two_hashes + contexts, SqliteGeneration::s3, 2).found ==
        std::vector<std::string>{"sqlite_corrupt at most 2 rows more"});
}

}  // namespace
}  // namespace libregion
