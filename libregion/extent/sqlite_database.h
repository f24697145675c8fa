// RAII around SQLite, for databases in memory only: SQLite never touches a disk here.

#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "libregion/format/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace libregion {

// What SQLite has against a database. A finding for its reader, not a failure of the job. Memory
// that it does not get is std::bad_alloc.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(const std::string& message, int code) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const { return code_; }  // SQLITE_CORRUPT and so on

 private:
  int code_;
};

class SqliteDatabase {
 public:
  // An empty database, to be filled and taken out with serialize().
  static SqliteDatabase create();

  // The database in `image`, which must outlive this object, read-only. Nothing that the image
  // says is executed: no views, no triggers, no functions in its schema.
  static SqliteDatabase open(ByteView image);

  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  ~SqliteDatabase();

  void execute(const std::string& sql);
  [[nodiscard]] Bytes serialize() const;

 private:
  friend class SqliteStatement;
  explicit SqliteDatabase(sqlite3* handle) : handle_(handle) {}
  explicit SqliteDatabase(ByteView image);
  void check(int code) const;

  std::uint64_t steps_left_ = 0;  // of an untrusted database
  sqlite3* handle_;
};

// One value of a result row. Valid until the statement's next step.
struct SqliteValue {
  std::optional<std::int64_t> integer;  // set for integers only: nothing is converted
  std::optional<ByteView> blob;         // set for blobs only
  bool is_null = false;
};

class SqliteStatement {
 public:
  SqliteStatement(SqliteDatabase& database, std::string_view sql);
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement();

  // Parameters count from 1.
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, ByteView blob);
  void bind_null(int parameter);

  // True while there is a row.
  bool step();
  void reset();

  // Columns count from 0.
  [[nodiscard]] SqliteValue value(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  SqliteDatabase& database_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace libregion
