// Databases that were made to mislead or to keep a reader busy: never taken for what they are not,
// never worth more than the time it takes to look at each page once.

#include <doctest/doctest.h>

#include "tests/unit/extent/open_test_sqlite.h"
#include "tests/unit/extent/own_process.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;
constexpr const char* db_name = "00/000/000.db";

// Reads the database in a process of its own. Some 10 seconds of a slow expression are too many.
bool is_read_in_time(const TestRegion& region) {
  return succeeds_in_time(5, [&] {
    (void)read_sqlite(region);
    return true;
  });
}

// ---- expressions in the schema ------------------------------------------------------------------

// Some 10 seconds each time it is computed.
const std::string slow = "instr(hex(zeroblob(400000)), hex(zeroblob(200000)) || '1') = 0";
const std::string unchecked = "PRAGMA ignore_check_constraints = ON;";
const std::string fill_metadata = "INSERT INTO metadata (name) VALUES ('dirty'), ('gen_number');";

TEST_CASE("an expression in the schema is never computed, however long it would take") {
  TestRegion region;
  SUBCASE("the check of a table beside the extent's") {
    region.put_sqlite_with(
        0, unchecked + "CREATE TABLE t (x CHECK (" + slow + ")); INSERT INTO t VALUES (1), (2)");
  }
  SUBCASE("the check of a table of the extent") {
    region.put_sqlite_with(0, unchecked +
                                  "DROP TABLE metadata; CREATE TABLE metadata (name TEXT PRIMARY "
                                  "KEY, value INTEGER NOT NULL DEFAULT 0, CHECK (" +
                                  slow + "));" + fill_metadata);
  }
  SUBCASE("the check of a table of the extent that claims to be another's") {
    region.put_sqlite_with(
        0, unchecked +
               "DROP TABLE metadata; CREATE TABLE metadata (name TEXT PRIMARY KEY, value INTEGER "
               "NOT NULL DEFAULT 0, CHECK (" +
               slow + "));" + fill_metadata +
               "PRAGMA writable_schema = ON; UPDATE sqlite_master SET tbl_name = 'x' WHERE name = "
               "'metadata'");
  }
  SUBCASE("a generated column") {
    region.put_sqlite_with(0,
                           "DROP TABLE metadata; CREATE TABLE metadata (name TEXT PRIMARY KEY, "
                           "value INTEGER AS (" +
                               slow + "));" + fill_metadata);
  }
  SUBCASE("a generated column written without spaces") {
    region.put_sqlite_with(0,
                           "DROP TABLE metadata; CREATE TABLE metadata (name TEXT PRIMARY KEY, "
                           "value INTEGER NOT NULL AS(" +
                               slow + "));" + fill_metadata);
  }
  SUBCASE("a generated column of a table beside the extent's") {
    region.put_sqlite_with(
        0, "CREATE TABLE t (x, y NOT NULL AS (" + slow + ")); INSERT INTO t (x) VALUES (1), (2)");
  }
  CHECK(is_read_in_time(region));
}

// ---- tables that contradict themselves ----------------------------------------------------------

// An index that holds all columns and was left behind when the table changed.
TEST_CASE("the rows are those of the table, not of an index that contradicts it") {
  TestRegion region;
  const std::string index = "CREATE INDEX i ON block_context(on_disk_hash,hash,nonce,tag,block)";
  region.put_sqlite_with(0,
                         "INSERT INTO block_context VALUES (1, 11, NULL, NULL, 11), "
                         "(2, 22, NULL, NULL, 22);" +
                             index +
                             "; CREATE TABLE kept AS SELECT rootpage FROM sqlite_master WHERE name "
                             "= 'i'; PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE "
                             "name = 'i'");
  const auto changing = region.continue_sqlite(0);
  changing->execute(
      "UPDATE block_context SET hash = 33, on_disk_hash = 33 WHERE block = 2;"
      "PRAGMA writable_schema = ON; INSERT INTO sqlite_master SELECT 'index', 'i', "
      "'block_context', rootpage, '" +
      index + "' FROM kept");
  changing->close_cleanly();
  const SqliteReading reading = read_sqlite(region);
  CAPTURE(names_of(reading.findings));
  // Whoever does not want to decide may refuse it.
  const bool is_right = reading.rows == Rows{"1|11|NULL|NULL|11", "2|33|NULL|NULL|33"};
  const bool is_refused = !reading.rows && !reading.findings.empty();
  CHECK((is_right || is_refused));
}

// ---- pages that are used again and again --------------------------------------------------------

constexpr std::size_t page_bytes = 4096;

void put_number(Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t size_bytes) {
  for (std::size_t i = 0; i < size_bytes; ++i) {
    bytes[at + i] = static_cast<std::byte>(value >> (8 * (size_bytes - 1 - i)));
  }
}

// Makes an interior page of a table from `at` on: 200 cells, each of which is the same one, and
// the page behind the last cell. A cell is the number of a page and a row number.
void put_interior(Bytes& database, std::size_t page, std::size_t header, std::size_t cell_count,
                  std::uint64_t cell_page, std::uint64_t last_page) {
  const std::size_t start = (page - 1) * page_bytes;
  const std::size_t cell = page_bytes - 5;
  put_number(database, start + header, 5, 1);
  put_number(database, start + header + 1, 0, 2);
  put_number(database, start + header + 3, cell_count, 2);
  put_number(database, start + header + 5, cell, 2);
  put_number(database, start + header + 7, 0, 1);
  put_number(database, start + header + 8, last_page, 4);
  for (std::size_t i = 0; i < cell_count; ++i) {
    put_number(database, start + header + 12 + 2 * i, cell, 2);
  }
  put_number(database, start + cell, cell_page, 4);
  put_number(database, start + cell + 4, 100, 1);
}

TEST_CASE("a schema whose pages are used again and again ends, one way or the other") {
  TestRegion region;
  region.put_sqlite(0, 4);
  Bytes database = region.file(db_name);
  const std::size_t page_count = database.size() / page_bytes;
  constexpr std::size_t interior_count = 8;
  database.resize((page_count + 2 + interior_count) * page_bytes);
  // The schema's own leaf moves from page 1 to the first new page; a leaf with the row of the
  // primary key's index alone, the second of the schema, is the second.
  const std::size_t whole = page_count + 1;
  const std::size_t alone = page_count + 2;
  const auto page_at = [&](std::size_t page) {
    return database.begin() + static_cast<std::ptrdiff_t>((page - 1) * page_bytes);
  };
  for (const std::size_t page : {whole, alone}) {
    std::copy_n(page_at(1), page_bytes, page_at(page));
    std::copy_n(page_at(1) + 100, 8 + 2 * 8, page_at(page));
  }
  REQUIRE(page_at(whole)[0] == std::byte{13});
  put_number(database, (alone - 1) * page_bytes + 3, 1, 2);
  std::copy_n(page_at(1) + 108 + 2, 2, page_at(alone) + 8);
  // 200 to the power of 8 rows.
  for (std::size_t i = 1; i <= interior_count; ++i) {
    const std::size_t next = i < interior_count ? alone + i + 1 : alone;
    put_interior(database, alone + i, 0, 200, next, next);
  }
  put_interior(database, 1, 100, 1, whole, alone + 1);
  put_number(database, 28, database.size() / page_bytes, 4);
  region.put_file(db_name, database);
  CHECK(is_read_in_time(region));
}

TEST_CASE("pages of rows that are used twice are found before they lead in circles") {
  TestRegion region;
  region.put_sqlite_with(0,
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
                         "5000) INSERT INTO block_context SELECT 0, i, NULL, NULL, i FROM n");
  Bytes database = region.file(db_name);
  // Page 4 is the root of block_context: its header is 12 bytes, then 2 for each cell, whose first
  // 4 bytes are the number of a page.
  const std::size_t root = 3 * page_bytes;
  REQUIRE(database[root] == std::byte{2});
  const auto cell_at = [&](std::size_t cell) {
    const std::size_t pointer = root + 12 + 2 * cell;
    return root + (std::to_integer<std::size_t>(database[pointer]) << 8U |
                   std::to_integer<std::size_t>(database[pointer + 1]));
  };
  SUBCASE("two cells with one page") {
    for (std::size_t i = 0; i < 4; ++i) database[cell_at(1) + i] = database[cell_at(0) + i];
  }
  SUBCASE("a cell that leads back to the root") { database[cell_at(1) + 3] = std::byte{4}; }
  region.put_file(db_name, database);
  const SqliteReading reading = read_sqlite(region);
  CHECK(reading.rows == std::nullopt);
  CHECK(names_of(reading.findings) == "sqlite_corrupt");
}

}  // namespace
}  // namespace libregion
