// SQLite extents of older generations, with the tables as Crucible made them then.

#pragma once

#include <string>

#include "libregion/base/text.h"
#include "tests/support/region_builder.h"

namespace libregion {

// From 2022-01-20, 2022-10-06 and 2023-05-17 on, without the table metadata.
inline const std::string contexts_of_s3 =
    "CREATE TABLE encryption_context (counter INTEGER, block INTEGER, nonce BLOB NOT NULL, "
    "tag BLOB NOT NULL, PRIMARY KEY (block, counter));"
    "CREATE TABLE integrity_hashes (counter INTEGER, block INTEGER, hash BLOB NOT NULL, "
    "PRIMARY KEY (block, counter));";
inline const std::string contexts_of_s4 =
    "CREATE TABLE block_context (block INTEGER, hash BLOB NOT NULL, nonce BLOB, tag BLOB, "
    "on_disk_hash BLOB NOT NULL, PRIMARY KEY (block, hash, nonce, tag, on_disk_hash));";
inline const std::string contexts_of_s5 =
    contexts_of_s4 +
    "CREATE UNIQUE INDEX unencrypted ON block_context (block, hash, on_disk_hash) "
    "WHERE nonce IS NULL AND tag IS NULL;";

// The bytes of a number, least significant first, as a literal.
inline std::string hash_literal(std::uint64_t hash) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(hash >> (8 * i));
  return "x'" + to_hex(bytes) + "'";
}

inline std::string blob_literal(ByteView bytes) { return "x'" + to_hex(bytes) + "'"; }

// Statements that add the context of a block, in generations S4 and S5.
inline std::string insert_s4(std::uint64_t block, const BlockContext& context) {
  const std::string encryption =
      context.encryption
          ? blob_literal(context.encryption->nonce) + ", " + blob_literal(context.encryption->tag)
          : "NULL, NULL";
  return "INSERT INTO block_context VALUES (" + std::to_string(block) + ", " +
         hash_literal(context.hash) + ", " + encryption + ", " +
         hash_literal(context.on_disk_hash) + ");";
}

// The same in generation S3.
inline std::string insert_s3(std::uint64_t block, std::uint64_t counter,
                             const BlockContext& context) {
  const std::string place = std::to_string(counter) + ", " + std::to_string(block) + ", ";
  std::string sql =
      "INSERT INTO integrity_hashes VALUES (" + place + hash_literal(context.hash) + ");";
  if (context.encryption) {
    sql += "INSERT INTO encryption_context VALUES (" + place +
           blob_literal(context.encryption->nonce) + ", " + blob_literal(context.encryption->tag) +
           ");";
  }
  return sql;
}

// A clean extent (generation 3, flush 5) with these tables and rows, over this data.
inline void put_older_sqlite(TestRegion& region, std::uint32_t extent, const std::string& sql,
                             ByteView data) {
  region.put_sqlite_with(extent,
                         "DROP TABLE block_context;"
                         "UPDATE metadata SET value = 3 WHERE name = 'gen_number';"
                         "UPDATE metadata SET value = 5 WHERE name = 'flush_number';" +
                             sql);
  write_whole_file(region.path_of(extent), data);
}

// The same, its first blocks written, encrypted or not.
enum class OlderGeneration : std::uint8_t { s3, s4, s5 };
inline void put_older_sqlite(TestRegion& region, std::uint32_t extent, OlderGeneration generation,
                             std::uint64_t written_blocks, bool encrypted) {
  std::string sql = generation == OlderGeneration::s3   ? contexts_of_s3
                    : generation == OlderGeneration::s4 ? contexts_of_s4
                                                        : contexts_of_s5;
  Bytes data;
  for (std::uint64_t block = 0; block < written_blocks; ++block) {
    const Bytes block_data = region.data_for(block);
    data.insert(data.end(), block_data.begin(), block_data.end());
    const BlockContext context = encrypted ? encrypted_context(block_data, some_encryption(block))
                                           : plain_context(block_data);
    sql += generation == OlderGeneration::s3 ? insert_s3(block, 0, context)
                                             : insert_s4(block, context);
  }
  data.resize(region.geometry().extent_data_bytes());
  put_older_sqlite(region, extent, sql, data);
}

// region.json as it was then: without both database versions.
inline void make_definition_older(const TestRegion& region) {
  std::string text = to_text(region.file("region.json"));
  const std::size_t start = text.find(",\n  \"database_read_version\"");
  text.replace(start, text.rfind('}') - start, "\n");
  region.put_file("region.json", std::string_view(text));
}

}  // namespace libregion
