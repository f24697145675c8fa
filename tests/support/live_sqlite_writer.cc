#include "tests/support/live_sqlite_writer.h"

#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include <fmt/format.h>
#include <sqlite3.h>

#include "libregion/base/text.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

std::string blob_literal(ByteView bytes) { return "x'" + to_hex(bytes) + "'"; }

}  // namespace

LiveSqliteWriter::LiveSqliteWriter(const std::string& path, const Geometry& geometry)
    : geometry_(geometry), data_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (!data_.is_open()) throw std::runtime_error("cannot open " + path);
  if (sqlite3_open((path + ".db").c_str(), &database_) != SQLITE_OK) {
    throw std::runtime_error("cannot open " + path + ".db");
  }
  execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
}

LiveSqliteWriter::~LiveSqliteWriter() { close(); }

void LiveSqliteWriter::write(std::uint64_t block, ByteView data,
                             const std::optional<EncryptionContext>& encryption,
                             bool data_arrives) {
  const std::uint64_t disk_hash = on_disk_hash(data);
  const std::uint64_t hash = encryption ? integrity_hash(*encryption, data) : disk_hash;
  execute("UPDATE metadata SET value = 1 WHERE name = 'dirty'");
  execute(fmt::format(
      "INSERT OR REPLACE INTO block_context VALUES ({}, {}, {}, {}, {})", block,
      static_cast<std::int64_t>(hash), encryption ? blob_literal(encryption->nonce) : "NULL",
      encryption ? blob_literal(encryption->tag) : "NULL", static_cast<std::int64_t>(disk_hash)));
  if (!data_arrives) return;
  const auto offset = static_cast<off_t>(geometry_.block_offset_bytes(block));
  if (::pwrite(data_.number(), data.data(), data.size(), offset) !=
      static_cast<ssize_t>(data.size())) {
    throw std::runtime_error("cannot write a block");
  }
  written_[block] = disk_hash;
}

void LiveSqliteWriter::flush(std::uint64_t gen_number, std::uint64_t flush_number) {
  execute("BEGIN");
  for (const auto& [block, hash] : written_) {
    execute(fmt::format("DELETE FROM block_context WHERE block = {} AND on_disk_hash != {}", block,
                        static_cast<std::int64_t>(hash)));
  }
  execute(fmt::format("UPDATE metadata SET value = {} WHERE name = 'gen_number'", gen_number));
  execute(fmt::format("UPDATE metadata SET value = {} WHERE name = 'flush_number'", flush_number));
  execute("UPDATE metadata SET value = 0 WHERE name = 'dirty'");
  execute("COMMIT");
  written_.clear();
}

void LiveSqliteWriter::execute(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(fmt::format("{}: {}", sql, sqlite3_errmsg(database_)));
  }
}

void LiveSqliteWriter::close_cleanly() { close(); }

void LiveSqliteWriter::die() {
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  close();
}

void LiveSqliteWriter::close() {
  sqlite3_close(database_);
  database_ = nullptr;
}

}  // namespace libregion
