// The rows that say what a SQLite extent's blocks are, in each generation that has hashes:
//
//   S6      block_context(block INTEGER, hash INTEGER, nonce BLOB, tag BLOB, on_disk_hash INTEGER)
//           hashes are unsigned numbers stored as the signed ones with the same bits
//   S4, S5  the same columns; hashes are BLOBs of 8 bytes, little-endian; a row may repeat
//   S3      encryption_context(counter INTEGER, block INTEGER, nonce BLOB, tag BLOB)
//           integrity_hashes(counter INTEGER, block INTEGER, hash BLOB)
//           by counter the i-th context of a block belongs to its i-th hash; a hash without a
//           context is of a block that is not encrypted. There is no on-disk hash: of an encrypted
//           block nobody knows it before the data has been read

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libregion/extent/sqlite_schema.h"
#include "libregion/format/context_rows.h"
#include "libregion/format/context_slot.h"
#include "libregion/format/units.h"
#include "libregion/report/finding.h"

namespace libregion {

struct ContextRowsOptions {
  SqliteGeneration generation = SqliteGeneration::s6;
  std::uint64_t block_count = 0;  // of the extent
  std::uint64_t rows_max = 0;     // a table that has more repeats its own pages
};

using ReportRow = std::function<void(FindingId id, const std::string& expected,
                                     const std::string& found, std::optional<BlockRange> blocks)>;

// Reads the tables, which must have been checked. Rows that cannot be contexts are reported and
// left out; nullopt where a table has no end.
std::optional<ContextRows> read_context_rows(SqliteDatabase& database,
                                             const ContextRowsOptions& options,
                                             const ReportRow& report);

// The context that a row of S3 is once its block's data is known: of an encrypted block the on-disk
// hash is the data's, where the integrity hash says that the context is the data's.
BlockContext complete_s3_context(const BlockContext& row, ByteView data, std::uint64_t data_hash);

}  // namespace libregion
