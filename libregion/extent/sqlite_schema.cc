#include "libregion/extent/sqlite_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <sstream>

namespace libregion {
namespace {

bool is_table_of_extent(const std::string& table) {
  constexpr std::array<std::string_view, 4> names = {"metadata", "block_context",
                                                     "encryption_context", "integrity_hashes"};
  return std::find(names.begin(), names.end(), table) != names.end();
}

// The condition of a partial index: that of S5 tests columns for NULL, and nothing else will do,
// for it is computed for each row.
bool is_harmless_condition(const std::string& condition) {
  std::istringstream words(condition);
  for (std::string word; words >> word;) {
    constexpr std::array<std::string_view, 5> harmless = {"NONCE", "TAG", "IS", "NULL", "AND"};
    if (std::find(harmless.begin(), harmless.end(), word) == harmless.end()) return false;
  }
  return true;
}

// An expression would be computed by the check of the table, however long that takes. The only
// parentheses within parentheses that an extent's statements have are the primary key's.
bool has_expression(std::string sql) {
  std::transform(sql.begin(), sql.end(), sql.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  const auto has = [&](const char* word) { return sql.find(word) != std::string::npos; };
  const bool is_index = sql.starts_with("CREATE INDEX") || sql.starts_with("CREATE UNIQUE INDEX");
  const bool nests = is_index && std::count(sql.begin(), sql.end(), '(') > 1;
  constexpr std::string_view where = "WHERE";
  const std::size_t condition = is_index ? sql.find(where) : std::string::npos;
  const bool has_condition = condition != std::string::npos &&
                             !is_harmless_condition(sql.substr(condition + where.size()));
  return nests || has_condition || has("CHECK") || has("GENERATED") || has(" AS ") ||
         has("DEFAULT");
}

// Generated and hidden columns make a list that no generation has.
std::string column_types(SqliteDatabase& database, const std::string& table) {
  SqliteStatement columns(database,
                          "SELECT name, type, hidden FROM pragma_table_xinfo('" + table + "')");
  std::string list;
  while (columns.step()) {
    list += columns.text(0) + " " + columns.text(1);
    list += columns.value(2).integer == 0 ? "," : " hidden,";
  }
  return list;
}

SqliteGeneration find_generation(SqliteDatabase& database, bool& has_own_index) {
  std::set<std::string> tables;  // with pages of their own: no views, no virtual tables
  std::uint64_t object_count = 0;
  bool has_unique_index = false;
  SqliteStatement master(
      database, "SELECT type, name, tbl_name, coalesce(sql, ''), rootpage FROM sqlite_master");
  while (master.step()) {
    const std::string sql = master.text(3);
    // What SQLite makes by itself for a primary key has no statement.
    if (sql.empty()) continue;
    ++object_count;
    const bool is_of_extent = is_table_of_extent(master.text(2));
    if (is_of_extent && has_expression(sql)) return SqliteGeneration::unknown;
    if (master.text(0) == "table" && master.value(4).integer > 0) tables.insert(master.text(1));
    has_own_index |= is_of_extent && master.text(0) == "index";
    has_unique_index |= master.text(0) == "index" && master.text(2) == "block_context" &&
                        sql.find("UNIQUE") != std::string::npos;
  }
  if (!tables.contains("metadata") ||
      column_types(database, "metadata") != "name TEXT,value INTEGER,") {
    return SqliteGeneration::unknown;
  }
  if (tables.contains("block_context")) {
    const std::string columns = column_types(database, "block_context");
    if (columns == "block INTEGER,hash INTEGER,nonce BLOB,tag BLOB,on_disk_hash INTEGER,") {
      return SqliteGeneration::s6;
    }
    const bool is_s4 = columns == "block INTEGER,hash BLOB,nonce BLOB,tag BLOB,on_disk_hash BLOB,";
    if (!is_s4) return SqliteGeneration::unknown;
    return has_unique_index ? SqliteGeneration::s5 : SqliteGeneration::s4;
  }
  if (tables.contains("encryption_context") && tables.contains("integrity_hashes")) {
    const bool is_s3 =
        column_types(database, "encryption_context") ==
            "counter INTEGER,block INTEGER,nonce BLOB,tag BLOB," &&
        column_types(database, "integrity_hashes") == "counter INTEGER,block INTEGER,hash BLOB,";
    return is_s3 ? SqliteGeneration::s3 : SqliteGeneration::unknown;
  }
  if (tables.contains("encryption_context")) return SqliteGeneration::before_hashes;
  return object_count == 1 ? SqliteGeneration::before_hashes : SqliteGeneration::unknown;
}

}  // namespace

std::string_view generation_text(SqliteGeneration generation) {
  switch (generation) {
    case SqliteGeneration::before_hashes: return "before S3 (before 2022-01-20): no hashes";
    case SqliteGeneration::s3: return "S3 (from 2022-01-20)";
    case SqliteGeneration::s4: return "S4 (from 2022-10-06)";
    case SqliteGeneration::s5: return "S5 (from 2023-05-17)";
    case SqliteGeneration::s6: return "S6 (from 2023-06-07)";
    case SqliteGeneration::unknown: break;
  }
  return "unknown";
}

std::span<const std::string_view> context_tables(SqliteGeneration generation) {
  static constexpr std::array<std::string_view, 1> one = {"block_context"};
  static constexpr std::array<std::string_view, 2> two = {"encryption_context", "integrity_hashes"};
  if (generation == SqliteGeneration::s3) return two;
  return one;
}

SqliteSchema read_sqlite_schema(SqliteDatabase& database) {
  SqliteSchema schema;
  schema.generation = find_generation(database, schema.has_own_index);
  return schema;
}

std::string table_names(SqliteDatabase& database) {
  SqliteStatement master(database, "SELECT type || ' ' || name FROM sqlite_master LIMIT 10");
  std::string names;
  while (master.step()) names += (names.empty() ? "" : ", ") + master.text(0);
  return names.empty() ? "none" : names;
}

}  // namespace libregion
