// Databases of older generations: the same contexts, otherwise encoded.

#include <doctest/doctest.h>

#include "libregion/format/integrity.h"
#include "tests/support/older_sqlite.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

using Rows = std::vector<std::string>;
using enum OlderGeneration;

// The extent's blocks as they are read, with their rows.
std::vector<SeenBlock> read(const TestRegion& region, BlockRange range) {
  const auto opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  CHECK(names_of(opened.findings) == "sqlite_older_generation");
  return read_blocks_of(*opened.reader, range);
}

std::string row_of(const SeenBlock& block, std::size_t row) {
  return row_text(block.block, std::get<BlockContext>(block.slots.at(row)));
}

TEST_CASE("each generation says of its blocks what S6 would say") {
  for (const OlderGeneration generation : {s3, s4, s5}) {
    for (const bool encrypted : {false, true}) {
      CAPTURE(static_cast<int>(generation));
      CAPTURE(encrypted);
      TestRegion region({512, 8, 1, encrypted});
      put_older_sqlite(region, 0, generation, 5, encrypted);
      const auto before = region.snapshot();
      const auto blocks = read(region, {0, 8});
      CHECK(region.snapshot() == before);
      REQUIRE(blocks.size() == 8);
      for (const SeenBlock& block : blocks) {
        CAPTURE(block.block);
        REQUIRE(block.slots.size() == (block.block < 5 ? 1 : 0));
        if (block.block >= 5) continue;
        CHECK(block.selected == 0);
        const Bytes data = region.data_for(block.block);
        CHECK(row_of(block, 0) ==
              row_text(block.block, encrypted
                                        ? encrypted_context(data, some_encryption(block.block))
                                        : plain_context(data)));
      }
      const SqliteReading reading = read_sqlite(region);
      REQUIRE(reading.metadata.has_value());
      CHECK(reading.metadata->gen_number == 3);
      CHECK(reading.metadata->flush_number == 5);
      CHECK_FALSE(reading.metadata->dirty);
    }
  }
}

TEST_CASE("S4: rows that repeat are one, and of several the one that matches is selected") {
  TestRegion region({512, 8, 1});
  const Bytes old_data = region.data_for(2, 1);
  const Bytes new_data = region.data_for(2);
  std::string sql = contexts_of_s4;
  for (int i = 0; i < 50; ++i) {
    sql += insert_s4(2, plain_context(old_data)) + insert_s4(2, plain_context(new_data));
  }
  Bytes data(region.geometry().extent_data_bytes());
  std::copy(new_data.begin(), new_data.end(), data.begin() + 2 * 512);
  put_older_sqlite(region, 0, sql, data);
  const auto blocks = read(region, {2, 1});
  REQUIRE(blocks[0].slots.size() == 2);
  CHECK(blocks[0].selected == 1);
  CHECK(row_of(blocks[0], 1) == row_text(2, plain_context(new_data)));
}

TEST_CASE("S3: the i-th context of a block belongs to its i-th hash, by the counters") {
  TestRegion region({512, 8, 1, true});
  const Bytes old_data = region.data_for(1, 1);
  const Bytes new_data = region.data_for(1);
  // The counters of the two tables need not be the same, nor in the order of the rows.
  const BlockContext old_context = encrypted_context(old_data, some_encryption(1));
  const BlockContext new_context = encrypted_context(new_data, some_encryption(2));
  const auto place = [](int counter) { return "VALUES (" + std::to_string(counter) + ", 1, "; };
  const auto encryption = [](const BlockContext& context) {
    return blob_literal(context.encryption->nonce) + ", " + blob_literal(context.encryption->tag) +
           ");";
  };
  Bytes data(region.geometry().extent_data_bytes());
  std::copy(new_data.begin(), new_data.end(), data.begin() + 512);
  put_older_sqlite(region, 0,
                   contexts_of_s3 + "INSERT INTO integrity_hashes " + place(9) +
                       hash_literal(new_context.hash) + ");INSERT INTO integrity_hashes " +
                       place(4) + hash_literal(old_context.hash) +
                       ");INSERT INTO encryption_context " + place(7) + encryption(new_context) +
                       "INSERT INTO encryption_context " + place(3) + encryption(old_context),
                   data);
  const auto blocks = read(region, {1, 1});
  REQUIRE(blocks[0].slots.size() == 2);
  CHECK(blocks[0].selected == 1);
  CHECK(row_of(blocks[0], 1) == row_text(1, new_context));
  // What is not the data's has no on-disk hash that anybody knows: it matches nothing.
  CHECK(std::get<BlockContext>(blocks[0].slots[0]).on_disk_hash != blocks[0].data_hash);
}

TEST_CASE("S3: a block without an encryption context is not encrypted, though a later one is") {
  TestRegion region({512, 8, 1, true});
  const Bytes plain = region.data_for(1);
  const Bytes secret = region.data_for(2);
  Bytes data(region.geometry().extent_data_bytes());
  std::copy(plain.begin(), plain.end(), data.begin() + 512);
  std::copy(secret.begin(), secret.end(), data.begin() + 2 * 512);
  const BlockContext plain_one = plain_context(plain);
  const BlockContext secret_one = encrypted_context(secret, some_encryption(2));
  put_older_sqlite(region, 0,
                   contexts_of_s3 + insert_s3(1, 0, plain_one) + insert_s3(2, 0, secret_one), data);
  const auto blocks = read(region, {1, 2});
  CHECK(row_of(blocks[0], 0) == row_text(1, plain_one));
  CHECK(row_of(blocks[1], 0) == row_text(2, secret_one));
}

TEST_CASE("S3: a block that was damaged matches nothing") {
  TestRegion region({512, 8, 1, true});
  put_older_sqlite(region, 0, s3, 5, true);
  Bytes data = region.file("00/000/000");
  data[512] ^= std::byte{1};
  write_whole_file(region.path_of(0), data);
  const auto blocks = read(region, {1, 1});
  CHECK(std::get<BlockContext>(blocks[0].slots[0]).on_disk_hash != blocks[0].data_hash);
}

void check_bad_row(const std::string& sql, const std::string& found) {
  TestRegion region({512, 8, 1});
  put_older_sqlite(region, 0, sql, Bytes(region.geometry().extent_data_bytes()));
  const SqliteReading reading = read_sqlite(region);
  REQUIRE(names_of(reading.findings) == "sqlite_older_generation, sqlite_bad_row");
  CHECK(reading.findings[1].found == found);
  CHECK(reading.rows == Rows{});
}

TEST_CASE("rows that cannot be contexts") {
  const std::string nonce_and_tag = "zeroblob(12), zeroblob(16)";
  check_bad_row(contexts_of_s4 + "INSERT INTO block_context VALUES (1, 5, NULL, NULL, x'00')",
                "1, 5, NULL, NULL, a blob of 1 bytes");
  check_bad_row(contexts_of_s5 +
                    "INSERT INTO block_context VALUES (1, zeroblob(8), zeroblob(11), "
                    "zeroblob(16), zeroblob(8))",
                "1, a blob of 8 bytes, a blob of 11 bytes, a blob of 16 bytes, a blob of 8 bytes");
  check_bad_row(contexts_of_s3 + "INSERT INTO integrity_hashes VALUES (0, 1, zeroblob(7))",
                "1, 0, a blob of 7 bytes");
  check_bad_row(contexts_of_s3 + "INSERT INTO integrity_hashes VALUES (NULL, 1, zeroblob(8))",
                "1, NULL, a blob of 8 bytes");
  check_bad_row(contexts_of_s3 + "INSERT INTO integrity_hashes VALUES (0, NULL, zeroblob(8))",
                "NULL, 0, a blob of 8 bytes");
  check_bad_row(
      contexts_of_s3 + "INSERT INTO encryption_context VALUES (NULL, 1, " + nonce_and_tag + ")",
      "1, NULL, a blob of 12 bytes, a blob of 16 bytes");
  check_bad_row(
      contexts_of_s3 + "INSERT INTO encryption_context VALUES (0, NULL, " + nonce_and_tag + ")",
      "NULL, 0, a blob of 12 bytes, a blob of 16 bytes");
  check_bad_row(
      "CREATE TABLE integrity_hashes (counter INTEGER, block INTEGER, hash BLOB);"
      "CREATE TABLE encryption_context (counter INTEGER, block INTEGER, nonce BLOB, tag BLOB);"
      "INSERT INTO encryption_context VALUES (0, 1, NULL, NULL)",
      "1, 0, NULL, NULL");
  check_bad_row(contexts_of_s3 + "INSERT INTO encryption_context VALUES (0, 1, x'', x'')",
                "1, 0, a blob of 0 bytes, a blob of 0 bytes");
  check_bad_row(
      contexts_of_s3 + "INSERT INTO encryption_context VALUES (0, 1, " + nonce_and_tag + ")",
      "none");
}

TEST_CASE("rows that cannot be contexts are one finding only where they are neighbours, in order") {
  const auto blocks_of_bad_rows = [](const std::string& sql) {
    TestRegion region({512, 8, 1});
    put_older_sqlite(region, 0, sql, Bytes(region.geometry().extent_data_bytes()));
    std::string blocks;
    for (const Finding& finding : only(FindingId::sqlite_bad_row, read_sqlite(region).findings)) {
      blocks += finding.blocks ? std::to_string(finding.blocks->first) + "+" +
                                     std::to_string(finding.blocks->count) + " "
                               : "none ";
    }
    return blocks;
  };
  const std::string s4 = contexts_of_s4 + "INSERT INTO block_context VALUES ";
  const std::string rest = ", x'00', NULL, NULL, x'00')";
  CHECK(blocks_of_bad_rows(s4 + "(NULL" + rest + ", (3" + rest + ", (4" + rest) == "none 3+2 ");
  CHECK(blocks_of_bad_rows(contexts_of_s3 +
                           "INSERT INTO integrity_hashes VALUES (0, 5, x'00');"
                           "INSERT INTO encryption_context VALUES (0, 1, x'00', x'00')") ==
        "5+1 1+1 ");
}

TEST_CASE("rows of blocks beyond the extent are ignored and told") {
  TestRegion region({512, 8, 1});
  put_older_sqlite(region, 0,
                   contexts_of_s3 + "INSERT INTO integrity_hashes VALUES (0, 8, zeroblob(8))",
                   Bytes(region.geometry().extent_data_bytes()));
  const SqliteReading reading = read_sqlite(region);
  CHECK(names_of(reading.findings) == "sqlite_older_generation, sqlite_row_out_of_range");
  CHECK(reading.rows == Rows{});
}

TEST_CASE("a partial index may ask for NULL, and for nothing that takes time") {
  const auto reading_with = [](const std::string& condition) {
    TestRegion region({512, 8, 1});
    put_older_sqlite(
        region, 0,
        contexts_of_s4 + "CREATE UNIQUE INDEX i ON block_context (block) WHERE " + condition,
        Bytes(region.geometry().extent_data_bytes()));
    return names_of(read_sqlite(region).findings);
  };
  CHECK(reading_with("nonce IS NULL AND tag IS NULL") == "sqlite_older_generation");
  CHECK(reading_with("nonce LIKE '%a%b%c%' IS NULL") == "sqlite_unknown_schema");
  CHECK(reading_with("nonce IS NULL AND hash > 5") == "sqlite_unknown_schema");
}

}  // namespace
}  // namespace libregion
