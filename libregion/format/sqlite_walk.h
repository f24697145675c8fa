// The tables of a SQLite extent, read straight out of the pages of its database, several times as
// fast as SQLite reads them. Only a database of exactly the shape that Crucible gives it is read
// so; any other, sound or not, is refused, and SQLite itself has to say what it is.
//
//   page 1   the database's header; the schema: three rows of known bytes, on this page
//   page 2   the table metadata: four rows, on this page
//   page 3   the index of its primary key, on this page
//   page 4   the root of block_context: an index b-tree of records
//              block, on_disk_hash, hash, nonce, tag
//            in ascending order of the first two: integers; nonce and tag are blobs of 12 and 16
//            bytes, or both are NULL
//
// The header has to say: pages of 4096 bytes, none reserved; "rollback journal" (in memory there is
// no log); as many pages as there are; schema format 4, UTF-8, no automatic vacuum. The list of
// free pages is never looked at: SQLite does not either, to check or read these tables.
//
// What is read is what SQLite reads, with nothing to report of either table: no number is missing,
// negative or of another type, no row is of a block that the extent does not have.

#pragma once

#include <cstdint>
#include <optional>

#include "libregion/format/bytes.h"
#include "libregion/format/context_rows.h"
#include "libregion/format/metadata.h"
#include "libregion/format/sqlite_pages.h"

namespace libregion {

// The statements that make the tables, as Crucible writes them.
inline constexpr const char* sqlite_metadata_sql = R"(CREATE TABLE metadata (
                    name TEXT PRIMARY KEY,
                    value INTEGER NOT NULL
                ))";
inline constexpr const char* sqlite_block_context_sql = R"(CREATE TABLE block_context (
                    block INTEGER,
                    hash INTEGER,
                    nonce BLOB,
                    tag BLOB,
                    on_disk_hash INTEGER,
                    PRIMARY KEY (block, on_disk_hash)
                ) WITHOUT ROWID)";

// nullopt: refused. Of a database of `database_bytes` the pages 1 to 3 are enough.
constexpr std::size_t sqlite_metadata_bytes = 3 * sqlite_page_bytes;
std::optional<ExtentMetadata> walk_sqlite_metadata(ByteView pages, std::uint64_t database_bytes);
inline std::optional<ExtentMetadata> walk_sqlite_metadata(ByteView image) {
  return walk_sqlite_metadata(image, image.size());
}

// The rows of an extent of `block_count` blocks. nullopt: refused.
std::optional<ContextRows> walk_sqlite_rows(ByteView image, std::uint64_t block_count);

}  // namespace libregion
