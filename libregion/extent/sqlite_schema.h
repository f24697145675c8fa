// Which generation of Crucible made a SQLite extent's database: only its tables tell.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "libregion/extent/sqlite_database.h"

namespace libregion {

enum class SqliteGeneration : std::uint8_t { unknown, before_hashes, s3, s4, s5, s6 };
std::string_view generation_text(SqliteGeneration generation);

// S3 to S5: no Crucible of today reads them. What they say is the same, otherwise encoded.
[[nodiscard]] constexpr bool is_older_generation(SqliteGeneration generation) {
  return generation >= SqliteGeneration::s3 && generation <= SqliteGeneration::s5;
}

struct SqliteSchema {
  SqliteGeneration generation = SqliteGeneration::unknown;
  bool has_own_index = false;  // on a table of the extent, beside those of the primary keys
};

// The tables that a generation keeps contexts in.
std::span<const std::string_view> context_tables(SqliteGeneration generation);

// Reads the list of tables and nothing else; a table with an expression in its definition, which
// SQLite would compute while it checks the table, makes the schema an unknown one.
SqliteSchema read_sqlite_schema(SqliteDatabase& database);

// The first few, for messages.
std::string table_names(SqliteDatabase& database);

}  // namespace libregion
