// Which generation of Crucible made a SQLite extent's database: only its tables tell.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libregion/extent/sqlite_database.h"

namespace libregion {

enum class SqliteGeneration : std::uint8_t { unknown, before_hashes, s3, s4, s5, s6 };
std::string_view generation_text(SqliteGeneration generation);

struct SqliteSchema {
  SqliteGeneration generation = SqliteGeneration::unknown;
  bool has_own_index = false;  // on a table of the extent, beside those of the primary keys
};

// Reads the list of tables and nothing else; a table with an expression in its definition, which
// SQLite would compute while it checks the table, makes the schema an unknown one.
SqliteSchema read_sqlite_schema(SqliteDatabase& database);

// The first few, for messages.
std::string table_names(SqliteDatabase& database);

}  // namespace libregion
