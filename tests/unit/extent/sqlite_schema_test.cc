// Databases with other tables than those of an extent, and with more than its tables.

#include <doctest/doctest.h>

#include "tests/support/older_sqlite.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;

std::string only_metadata() {
  return "CREATE TABLE metadata (name TEXT PRIMARY KEY, value INTEGER NOT NULL);" +
         std::string(sqlite_metadata_rows);
}

// A database made by these statements alone.
SqliteReading read_made_by(const std::string& sql) {
  TestRegion region;
  write_whole_file(region.path_of(0), Bytes(region.geometry().extent_data_bytes()));
  const auto writer = region.continue_sqlite(0);
  writer->execute(sql);
  writer->close_cleanly();
  const auto before = region.snapshot();
  SqliteReading reading = read_sqlite(region);
  CHECK(region.snapshot() == before);
  return reading;
}

// Its rows can be read, and its generation is named.
void check_older(const std::string& sql, const std::string& name) {
  const SqliteReading reading = read_made_by(only_metadata() + sql);
  CHECK(reading.rows == Rows{});
  CHECK(reading.metadata.has_value());
  REQUIRE(names_of(reading.findings) == "sqlite_older_generation");
  CHECK(reading.findings[0].found.starts_with(name));
  CHECK(reading.findings[0].expected.starts_with("S6"));
}

void check_without_hashes(const std::string& sql) {
  const SqliteReading reading = read_made_by(only_metadata() + sql);
  CHECK(reading.rows == std::nullopt);
  CHECK(reading.metadata == std::nullopt);
  REQUIRE(names_of(reading.findings) == "sqlite_without_hashes");
  CHECK(reading.findings[0].found.starts_with("before S3"));
}

void check_unknown(const SqliteReading& reading) {
  CHECK(reading.rows == std::nullopt);
  CHECK(names_of(reading.findings) == "sqlite_unknown_schema");
}

// ---- older generations --------------------------------------------------------------------------

TEST_CASE("each older generation is named") {
  check_older(contexts_of_s3, "S3");
  check_older(contexts_of_s4, "S4");
  check_older(contexts_of_s5, "S5");
}

TEST_CASE("a generation before there were hashes is named, and not read") {
  SUBCASE("with encryption contexts") {
    check_without_hashes(
        "CREATE TABLE encryption_context (block INTEGER PRIMARY KEY, nonce BLOB, tag BLOB)");
  }
  SUBCASE("without any") { check_without_hashes(""); }
}

TEST_CASE("tables of S3 with other columns than its own are not taken for them") {
  check_unknown(read_made_by(
      only_metadata() +
      "CREATE TABLE encryption_context (counter INTEGER, block INTEGER, nonce BLOB, tag BLOB);"
      "CREATE TABLE integrity_hashes (counter INTEGER, block INTEGER, hash INTEGER)"));
  check_unknown(read_made_by(
      only_metadata() +
      "CREATE TABLE encryption_context (counter INTEGER, block INTEGER, nonce BLOB, tag TEXT);"
      "CREATE TABLE integrity_hashes (counter INTEGER, block INTEGER, hash BLOB)"));
}

// ---- tables that are none -----------------------------------------------------------------------

TEST_CASE("a database without tables is not an extent's") {
  check_unknown(read_made_by("PRAGMA user_version = 1"));
}

TEST_CASE("a database without the table metadata is not an extent's") {
  const std::string schema = sqlite_schema_s6;
  check_unknown(read_made_by(schema.substr(schema.find("CREATE TABLE block_context"))));
}

TEST_CASE("a view in place of a table is not taken for it") {
  const std::string rows =
      "CREATE TABLE rows (block INTEGER, hash INTEGER, nonce BLOB, tag BLOB, on_disk_hash INTEGER);"
      "INSERT INTO rows VALUES (1, 1, NULL, NULL, 1);";
  SUBCASE("of contexts") {
    check_unknown(
        read_made_by(only_metadata() + rows + "CREATE VIEW block_context AS SELECT * FROM rows"));
  }
  SUBCASE("of contexts, and no other table") {
    check_unknown(read_made_by(only_metadata() +
                               "CREATE VIEW block_context AS SELECT 1 AS block, 1 AS hash, NULL AS "
                               "nonce, NULL AS tag, 1 AS on_disk_hash"));
  }
  SUBCASE("of metadata") {
    check_unknown(read_made_by(std::string(sqlite_schema_s6) +
                               "DROP TABLE metadata; CREATE VIEW metadata AS SELECT 'dirty' AS "
                               "name, 0 AS value"));
  }
}

TEST_CASE("a virtual table is not taken for a table") {
  check_unknown(read_made_by(
      only_metadata() +
      "PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES ('table', 'block_context', "
      "'block_context', 0, 'CREATE VIRTUAL TABLE block_context USING csv(filename=x)')"));
}

TEST_CASE("other columns than an extent's are not taken for them") {
  const std::string table = only_metadata() + "CREATE TABLE block_context ";
  SUBCASE("a column more") {
    check_unknown(read_made_by(table + "(block INTEGER, hash INTEGER, nonce BLOB, tag BLOB, "
                                       "on_disk_hash INTEGER, more INTEGER)"));
  }
  SUBCASE("a column less") {
    check_unknown(read_made_by(table + "(block INTEGER, hash INTEGER, nonce BLOB, tag BLOB)"));
  }
  SUBCASE("another order") {
    check_unknown(read_made_by(table + "(hash INTEGER, block INTEGER, nonce BLOB, tag BLOB, "
                                       "on_disk_hash INTEGER)"));
  }
  SUBCASE("a type that no generation has") {
    check_unknown(read_made_by(table + "(block INTEGER, hash TEXT, nonce BLOB, tag BLOB, "
                                       "on_disk_hash INTEGER)"));
  }
  SUBCASE("a generated column in place of a stored one") {
    check_unknown(read_made_by(table + "(block INTEGER, hash INTEGER AS (block), nonce BLOB, tag "
                                       "BLOB, on_disk_hash INTEGER)"));
  }
  SUBCASE("a generated column more") {
    check_unknown(read_made_by(table + "(block INTEGER, hash INTEGER, nonce BLOB, tag BLOB, "
                                       "on_disk_hash INTEGER, more INTEGER AS (block) STORED)"));
  }
}

TEST_CASE("the table metadata must have its own columns too") {
  const std::string schema = sqlite_schema_s6;
  const std::string contexts = schema.substr(schema.find("CREATE TABLE block_context"));
  SUBCASE("a value that is computed") {
    check_unknown(read_made_by(
        contexts +
        "CREATE TABLE metadata (name TEXT PRIMARY KEY, value INTEGER AS (length(name)));"
        "INSERT INTO metadata (name) VALUES ('dirty'), ('gen_number')"));
  }
  SUBCASE("a value of another name") {
    check_unknown(read_made_by(
        contexts + "CREATE TABLE metadata (name TEXT PRIMARY KEY, number INTEGER NOT NULL)"));
  }
}

// ---- tables with company ------------------------------------------------------------------------

SqliteReading read_with_company(const std::string& sql) {
  return read_made_by(std::string(sqlite_schema_s6) + sqlite_metadata_rows +
                      "INSERT INTO block_context VALUES (1, 11, NULL, NULL, 11), "
                      "(2, 22, NULL, NULL, 22);" +
                      sql);
}
const Rows two_rows = {"1|11|NULL|NULL|11", "2|22|NULL|NULL|22"};

TEST_CASE("triggers, views and tables beside the extent's change nothing") {
  CHECK(read_with_company("CREATE TRIGGER t AFTER INSERT ON block_context BEGIN DELETE FROM "
                          "block_context; END")
            .rows == two_rows);
  CHECK(read_with_company("CREATE VIEW v AS SELECT * FROM block_context").rows == two_rows);
  CHECK(read_with_company("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(100000))").rows ==
        two_rows);
}

TEST_CASE("an index more changes nothing, not even the order of the rows") {
  CHECK(read_with_company("CREATE INDEX i ON block_context (hash DESC)").rows == two_rows);
  CHECK(read_with_company("CREATE INDEX i ON block_context (on_disk_hash DESC, hash, nonce, tag, "
                          "block)")
            .rows == two_rows);
  CHECK(read_with_company("CREATE INDEX i ON metadata (value)").rows == two_rows);
}

TEST_CASE("whatever would have to be computed makes a schema unknown") {
  check_unknown(read_with_company("CREATE INDEX i ON block_context (abs(hash))"));
  check_unknown(read_with_company("CREATE INDEX i ON block_context (hash) WHERE hash > 5"));
  const auto read_metadata_of = [](const std::string& column) {
    return read_made_by("CREATE TABLE metadata (name TEXT PRIMARY KEY, value INTEGER " + column +
                        ");" + contexts_of_s4);
  };
  check_unknown(read_metadata_of("DEFAULT 0"));
  check_unknown(read_metadata_of("GENERATED ALWAYS AS(1)"));
  check_unknown(read_metadata_of("AS (1)"));
  check_unknown(read_metadata_of("CHECK (value > 0)"));
}

}  // namespace
}  // namespace libregion
