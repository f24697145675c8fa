#include "libregion/extent/sqlite_database.h"

#include <algorithm>
#include <memory>
#include <new>

#include <sqlite3.h>

namespace libregion {
namespace {

// Memory that is not to be had is no fault of the database.
[[noreturn]] void throw_sqlite_error(int code, const char* message) {
  if (code == SQLITE_NOMEM) throw std::bad_alloc();
  throw SqliteError(message, code);
}

sqlite3* open_in_memory() {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      ":memory:", &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
      nullptr);
  if (code == SQLITE_OK) return handle;
  sqlite3_close(handle);
  throw_sqlite_error(code, sqlite3_errstr(code));
}

constexpr int steps_at_once = 10'000;

// A sound database of this size is checked and read in a small part of these steps of SQLite's
// machine; one that leads in circles would take for ever.
std::uint64_t steps_for(std::uint64_t image_bytes) { return 10'000'000 + 4 * image_bytes; }

// Called by SQLite now and then; ends the statement once there are no steps left.
int take_steps(void* steps_left) {
  auto& left = *static_cast<std::uint64_t*>(steps_left);
  left -= std::min<std::uint64_t>(left, steps_at_once);
  return left == 0 ? 1 : 0;
}

void distrust(sqlite3* handle) {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 20);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 16);
  sqlite3_limit(handle, SQLITE_LIMIT_COLUMN, 64);
  sqlite3_limit(handle, SQLITE_LIMIT_EXPR_DEPTH, 20);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

}  // namespace

SqliteDatabase SqliteDatabase::create() { return SqliteDatabase(open_in_memory()); }

SqliteDatabase SqliteDatabase::open(ByteView image) { return SqliteDatabase(image); }

SqliteDatabase::SqliteDatabase(ByteView image) : SqliteDatabase(open_in_memory()) {
  distrust(handle_);
  steps_left_ = steps_for(image.size());
  sqlite3_progress_handler(handle_, steps_at_once, take_steps, &steps_left_);
  // SQLite takes a pointer to bytes it may change; with READONLY it does not.
  auto* bytes = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(image.data()));
  const auto size = static_cast<sqlite3_int64>(image.size());
  check(sqlite3_deserialize(handle_, "main", bytes, size, size, SQLITE_DESERIALIZE_READONLY));
  execute("PRAGMA cell_size_check = ON");
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close(handle_); }

void SqliteDatabase::execute(const std::string& sql) {
  check(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
}

Bytes SqliteDatabase::serialize() const {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> bytes(
      sqlite3_serialize(handle_, "main", &size, 0), sqlite3_free);
  if (bytes == nullptr) throw std::bad_alloc();
  const ByteView view = std::as_bytes(std::span(bytes.get(), static_cast<std::size_t>(size)));
  return Bytes(view.begin(), view.end());
}

void SqliteDatabase::check(int code) const {
  if (code != SQLITE_OK) throw_sqlite_error(code, sqlite3_errmsg(handle_));
}

SqliteStatement::SqliteStatement(SqliteDatabase& database, std::string_view sql)
    : database_(database) {
  database_.check(sqlite3_prepare_v2(database_.handle_, sql.data(), static_cast<int>(sql.size()),
                                     &handle_, nullptr));
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(handle_); }

void SqliteStatement::bind(int parameter, std::int64_t value) {
  database_.check(sqlite3_bind_int64(handle_, parameter, value));
}

void SqliteStatement::bind(int parameter, ByteView blob) {
  database_.check(
      sqlite3_bind_blob64(handle_, parameter, blob.data(), blob.size(), SQLITE_TRANSIENT));
}

void SqliteStatement::bind_null(int parameter) {
  database_.check(sqlite3_bind_null(handle_, parameter));
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.check(code);
  return code == SQLITE_ROW;
}

void SqliteStatement::reset() { database_.check(sqlite3_reset(handle_)); }

SqliteValue SqliteStatement::value(int column) const {
  SqliteValue value;
  switch (sqlite3_column_type(handle_, column)) {
    case SQLITE_NULL: value.is_null = true; break;
    case SQLITE_INTEGER: value.integer = sqlite3_column_int64(handle_, column); break;
    case SQLITE_BLOB: {
      const void* bytes = sqlite3_column_blob(handle_, column);
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
      value.blob = ByteView(static_cast<const std::byte*>(bytes), size);
      break;
    }
    default: break;  // text and floating point numbers have no place in an extent's tables
  }
  return value;
}

std::string SqliteStatement::text(int column) const {
  const auto* bytes = sqlite3_column_text(handle_, column);
  if (bytes == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return to_text(std::as_bytes(std::span(bytes, size)));
}

}  // namespace libregion
