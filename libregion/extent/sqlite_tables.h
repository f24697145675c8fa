// The tables of a SQLite extent's database (generation S6, from 2023-06-07):
//
//   metadata(name TEXT PRIMARY KEY, value INTEGER NOT NULL)
//       rows: ext_version (1), gen_number, flush_number, dirty (0/1)
//   block_context(block INTEGER, hash INTEGER, nonce BLOB, tag BLOB, on_disk_hash INTEGER,
//       PRIMARY KEY (block, on_disk_hash)) WITHOUT ROWID
//
// hash and on_disk_hash are unsigned 64-bit numbers, stored as the signed ones with the same bits.
// nonce (12 bytes) and tag (16 bytes) are both NULL for a block that is not encrypted. A block that
// was never written has no row; between flushes it may have several, one for each version.
//
// Older generations have the same table metadata; what they have for block_context is in
// sqlite_rows.h.

#pragma once

#include <optional>
#include <vector>

#include "libregion/extent/sqlite_rows.h"
#include "libregion/format/bytes.h"
#include "libregion/format/context_rows.h"
#include "libregion/format/metadata.h"
#include "libregion/format/slot_array.h"
#include "libregion/format/units.h"
#include "libregion/report/finding.h"

namespace libregion {

struct SqliteTables {
  SqliteGeneration generation = SqliteGeneration::unknown;
  // None where a number is missing or impossible.
  std::optional<ExtentMetadata> metadata;
  // None where the table cannot be read; without the rows that cannot be contexts.
  std::optional<ContextRows> rows;
  std::vector<Finding> findings;
};

// Reads an untrusted image. Whatever is wrong with it is a finding. A database of exactly the shape
// that Crucible gives it is read without SQLite, every other one by it.
SqliteTables read_sqlite_tables(ByteView image, ExtentId extent, const Geometry& geometry);

// The same without the rows.
SqliteTables read_sqlite_metadata(ByteView image, ExtentId extent, const Geometry& geometry);

// What SQLite makes of it, always: the reference for the two above.
SqliteTables read_tables_with_sqlite(ByteView image, ExtentId extent, const Geometry& geometry);
SqliteTables read_metadata_with_sqlite(ByteView image, ExtentId extent, const Geometry& geometry);

// A database as Crucible makes them, with one row for each context that is there; of the metadata
// the version is always that of SQLite extents.
Bytes build_sqlite_image(const ExtentMetadata& metadata, const SlotArray& contexts);
// The same with any number of rows for each of the first `block_count` blocks. nullopt where two
// rows of a block have the same on-disk hash.
std::optional<Bytes> build_sqlite_image(const ExtentMetadata& metadata, const ContextRows& rows,
                                        std::uint64_t block_count);

}  // namespace libregion
