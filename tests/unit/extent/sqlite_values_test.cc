// The odd values of a SQLite extent's tables: which go through with a warning, which do not.

#include <doctest/doctest.h>

#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;

SqliteReading read_with(const std::string& sql) {
  TestRegion region;
  region.put_sqlite_with(0, sql);
  return read_sqlite(region);
}

// ---- the table metadata -------------------------------------------------------------------------

const std::string numbers =
    "UPDATE metadata SET value = 7 WHERE name = 'gen_number';"
    "UPDATE metadata SET value = 9 WHERE name = 'flush_number';";

SqliteReading read_with_number(const std::string& name, const std::string& value) {
  return read_with(numbers + "UPDATE metadata SET value = " + value + " WHERE name = '" + name +
                   "'");
}

TEST_CASE("numbers as they should be are read without a finding") {
  const SqliteReading reading = read_with_number("dirty", "1");
  CHECK(reading.metadata == ExtentMetadata{true, 7, 9, 1, 0, 0});
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("any dirty other than 0 is dirty, with a warning") {
  for (const char* value : {"2", "255", "-1", "9223372036854775807"}) {
    CAPTURE(value);
    const SqliteReading reading = read_with_number("dirty", value);
    CHECK(reading.metadata == ExtentMetadata{true, 7, 9, 1, 0, 0});
    REQUIRE(names_of(reading.findings) == "sqlite_odd_dirty");
    CHECK(reading.findings[0].found == std::string("dirty ") + value);
    CHECK(reading.findings[0].file == "00/000/000.db");
  }
}

TEST_CASE("ext_version is not looked at, but told of") {
  SUBCASE("another number") {
    const SqliteReading reading = read_with_number("ext_version", "2");
    CHECK(reading.metadata == ExtentMetadata{false, 7, 9, 1, 0, 0});
    REQUIRE(names_of(reading.findings) == "sqlite_odd_version");
    CHECK(reading.findings[0].found == "ext_version 2");
  }
  SUBCASE("no row") {
    const SqliteReading reading =
        read_with(numbers + "DELETE FROM metadata WHERE name = 'ext_version'");
    CHECK(reading.metadata == ExtentMetadata{false, 7, 9, 1, 0, 0});
    REQUIRE(names_of(reading.findings) == "sqlite_odd_version");
    CHECK(reading.findings[0].found == "ext_version is missing");
  }
  SUBCASE("text") {
    const SqliteReading reading = read_with_number("ext_version", "'one'");
    CHECK(reading.metadata.has_value());
    CHECK(names_of(reading.findings) == "sqlite_odd_version");
  }
}

TEST_CASE("a number that is missing, negative or none is an error, and the rows are still read") {
  struct Case {
    std::string name;
    std::string sql;
    std::string found;
  };
  const auto set = [](const std::string& name, const std::string& value) {
    return "UPDATE metadata SET value = " + value + " WHERE name = '" + name + "';";
  };
  std::vector<Case> cases;
  for (const std::string name : {"gen_number", "flush_number"}) {
    cases.push_back({name, set(name, "-1"), name + " -1"});
    cases.push_back({name, set(name, "-9223372036854775807 - 1"), name + " -9223372036854775808"});
  }
  for (const std::string name : {"gen_number", "flush_number", "dirty"}) {
    cases.push_back({name, set(name, "'x'"), name + " is not an integer"});
    cases.push_back({name, set(name, "0.5"), name + " is not an integer"});
    cases.push_back({name, set(name, "x'01'"), name + " is not an integer"});
    cases.push_back(
        {name, "DELETE FROM metadata WHERE name = '" + name + "';", name + " is missing"});
  }
  for (const Case& wrong : cases) {
    CAPTURE(wrong.sql);
    const SqliteReading reading =
        read_with(wrong.sql + "INSERT INTO block_context VALUES (1, 5, NULL, NULL, 5)");
    CHECK(reading.metadata == std::nullopt);
    CHECK(reading.rows == Rows{"1|5|NULL|NULL|5"});
    REQUIRE(names_of(reading.findings) == "sqlite_bad_number");
    CHECK(reading.findings[0].found == wrong.found);
    CHECK(reading.findings[0].expected.starts_with(wrong.name));
  }
}

TEST_CASE("every number that is wrong is told of") {
  const SqliteReading reading = read_with("DELETE FROM metadata");
  CHECK(names_of(reading.findings) ==
        "sqlite_bad_number, sqlite_bad_number, sqlite_bad_number, sqlite_odd_version");
}

TEST_CASE("a row of metadata without a name is none of the numbers") {
  const SqliteReading reading = read_with(numbers + "INSERT INTO metadata VALUES (NULL, 5)");
  CHECK(reading.metadata == ExtentMetadata{false, 7, 9, 1, 0, 0});
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("the largest numbers there are come through whole") {
  const SqliteReading reading = read_with(
      "UPDATE metadata SET value = 9223372036854775807 WHERE name LIKE '%number';"
      "INSERT INTO block_context VALUES (7, -9223372036854775807 - 1, NULL, NULL, -1)");
  CHECK(reading.metadata == ExtentMetadata{false, 0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 1, 0, 0});
  // Hashes are unsigned: the same bits.
  const BlockContext context{0x8000000000000000, std::nullopt, 0xFFFFFFFFFFFFFFFF, 0};
  CHECK(reading.rows == Rows{row_text(7, context)});
  CHECK(names_of(reading.findings) == "");
}

// ---- the table block_context --------------------------------------------------------------------

const std::string nonce = "x'000102030405060708090a0b'";
const std::string tag = "x'00112233445566778899aabbccddeeff'";

SqliteReading read_with_rows(const std::string& rows) {
  return read_with("INSERT INTO block_context VALUES " + rows);
}

TEST_CASE("a row with nonce and tag is an encrypted context") {
  const SqliteReading reading = read_with_rows("(3, 4, " + nonce + ", " + tag + ", 5)");
  CHECK(reading.rows ==
        Rows{"3|4|X'000102030405060708090A0B'|X'00112233445566778899AABBCCDDEEFF'|5"});
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("a nonce without a tag, or a tag without a nonce, counts as not encrypted") {
  for (const std::string& half : {nonce + ", NULL", "NULL, " + tag}) {
    CAPTURE(half);
    const SqliteReading reading = read_with_rows("(3, 4, " + half + ", 5)");
    CHECK(reading.rows == Rows{"3|4|NULL|NULL|5"});
    REQUIRE(names_of(reading.findings) == "sqlite_half_encrypted_row");
    CHECK(reading.findings[0].blocks == BlockRange{3, 1});
  }
}

TEST_CASE("half encrypted rows of neighbouring blocks are one finding") {
  const SqliteReading reading =
      read_with_rows("(1, 4, " + nonce + ", NULL, 5), (2, 4, " + nonce + ", NULL, 5), (3, 4, " +
                     nonce + ", NULL, 5), (6, 4, " + nonce + ", NULL, 5)");
  REQUIRE(names_of(reading.findings) == "sqlite_half_encrypted_row, sqlite_half_encrypted_row");
  CHECK(reading.findings[0].blocks == BlockRange{1, 3});
  CHECK(reading.findings[1].blocks == BlockRange{6, 1});
}

TEST_CASE("rows that cannot be contexts of neighbouring blocks are one finding") {
  const SqliteReading reading = read_with_rows(
      "(1, NULL, NULL, NULL, 5), (2, NULL, NULL, NULL, 5), (3, NULL, NULL, NULL, "
      "5)");
  REQUIRE(names_of(reading.findings) == "sqlite_bad_row");
  CHECK(reading.findings[0].blocks == BlockRange{1, 3});
}

TEST_CASE("rows of blocks beyond the extent are ignored, with one warning for all") {
  const SqliteReading reading = read_with_rows(
      "(7, 1, NULL, NULL, 1), (8, 1, NULL, NULL, 1), (9223372036854775807, 1, NULL, NULL, 1), "
      "(-1, 1, NULL, NULL, 1)");
  CHECK(reading.rows == Rows{"7|1|NULL|NULL|1"});
  REQUIRE(names_of(reading.findings) == "sqlite_row_out_of_range");
  CHECK(reading.findings[0].expected == "blocks 0 to 7");
  CHECK(reading.findings[0].found == "3 rows");
}

TEST_CASE("a row that cannot be a context is an error; the others are read") {
  struct Case {
    std::string row;
    std::string found;
  };
  const std::vector<Case> cases = {
      {"(2, NULL, NULL, NULL, 5)", "2, NULL, NULL, NULL, 5"},
      {"(2, 'abc', NULL, NULL, 5)", "2, neither integer nor blob, NULL, NULL, 5"},
      {"(2, 0.5, NULL, NULL, 5)", "2, neither integer nor blob, NULL, NULL, 5"},
      {"(2, x'0102030405060708', NULL, NULL, 5)", "2, a blob of 8 bytes, NULL, NULL, 5"},
      {"(2, 4, NULL, NULL, 'abc')", "2, 4, NULL, NULL, neither integer nor blob"},
      {"(2, 4, x'000102030405060708090a', " + tag + ", 5)",
       "2, 4, a blob of 11 bytes, a blob of 16 bytes, 5"},
      {"(2, 4, " + nonce + ", x'00', 5)", "2, 4, a blob of 12 bytes, a blob of 1 bytes, 5"},
      {"(2, 4, x'', x'', 5)", "2, 4, a blob of 0 bytes, a blob of 0 bytes, 5"},
      {"(2, 4, 'abcdefghijkl', " + tag + ", 5)",
       "2, 4, neither integer nor blob, a blob of 16 bytes, 5"},
  };
  for (const Case& bad : cases) {
    CAPTURE(bad.row);
    const SqliteReading reading = read_with_rows("(1, 1, NULL, NULL, 1), " + bad.row);
    CHECK(reading.rows == Rows{"1|1|NULL|NULL|1"});
    REQUIRE(names_of(reading.findings) == "sqlite_bad_row");
    CHECK(reading.findings[0].found == bad.found);
    CHECK(reading.findings[0].blocks == BlockRange{2, 1});
  }
}

TEST_CASE("a row whose block is no number is an error of no block") {
  const SqliteReading reading = read_with_rows("('abc', 1, NULL, NULL, 1)");
  CHECK(reading.rows == Rows{});
  REQUIRE(names_of(reading.findings) == "sqlite_bad_row");
  CHECK(reading.findings[0].blocks == std::nullopt);
}

TEST_CASE("numbers that are written as text but are numbers are taken, as SQLite takes them") {
  const SqliteReading reading = read_with_rows("('2', '4', NULL, NULL, '5')");
  CHECK(reading.rows == Rows{"2|4|NULL|NULL|5"});
  CHECK(names_of(reading.findings) == "");
}

TEST_CASE("every row of a block is there, in the order of the table") {
  const SqliteReading reading = read_with_rows(
      "(1, 3, NULL, NULL, 30), (0, 1, NULL, NULL, 10), (1, 2, NULL, NULL, -20), "
      "(1, 4, NULL, NULL, 40)");
  CHECK(reading.rows ==
        Rows{"0|1|NULL|NULL|10", "1|2|NULL|NULL|-20", "1|3|NULL|NULL|30", "1|4|NULL|NULL|40"});
}

TEST_CASE("a hundred thousand rows for one block are read") {
  TestRegion region;
  region.put_sqlite_with(0,
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
                         "100000) INSERT INTO block_context SELECT 0, i, NULL, NULL, i FROM n");
  const SqliteReading reading = read_sqlite(region);
  REQUIRE(reading.rows);
  CHECK(reading.rows->size() == 100'000);
  CHECK(reading.rows->back() == "0|100000|NULL|NULL|100000");
}

}  // namespace
}  // namespace libregion
