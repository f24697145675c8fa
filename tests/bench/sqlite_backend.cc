#include "tests/bench/sqlite_backend.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <sqlite3.h>

#include "libregion/format/extent_names.h"
#include "libregion/io/file_descriptor.h"

namespace libregion::bench {

class SqliteBackend::Extent {
 public:
  Extent(const std::string& path, const Geometry& geometry)
      : geometry_(geometry), data_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (!data_.is_open()) throw std::runtime_error("cannot open " + path);
    check(sqlite3_open((path + ".db").c_str(), &database_));
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    insert_ = prepare("INSERT OR REPLACE INTO block_context VALUES (?1, ?2, NULL, NULL, ?2)");
    remove_ = prepare("DELETE FROM block_context WHERE block = ?1 AND on_disk_hash != ?2");
    set_number_ = prepare("UPDATE metadata SET value = ?1 WHERE name = 'flush_number'");
  }
  ~Extent() {
    for (sqlite3_stmt* statement : {insert_, remove_, set_number_}) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }
  Extent(const Extent&) = delete;
  Extent& operator=(const Extent&) = delete;

  void write(std::uint64_t first_block, ByteView data, std::span<const std::uint64_t> hashes) {
    if (written_.empty()) run("UPDATE metadata SET value = 1 WHERE name = 'dirty'");
    run("BEGIN");
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      step(insert_, first_block + i, hashes[i]);
      written_.emplace_back(first_block + i, hashes[i]);
    }
    run("COMMIT");
    const auto offset = static_cast<off_t>(geometry_.block_offset_bytes(first_block));
    if (::pwrite(data_.number(), data.data(), data.size(), offset) !=
        static_cast<ssize_t>(data.size())) {
      throw std::runtime_error("cannot write a block");
    }
  }

  void flush(std::uint64_t flush_number) {
    if (written_.empty()) return;
    if (::fsync(data_.number()) != 0) throw std::runtime_error("cannot sync");
    run("BEGIN");
    // Of several versions of a block the last one stays.
    std::set<std::uint64_t> seen;
    std::reverse(written_.begin(), written_.end());
    for (const auto& [block, hash] : written_) {
      if (seen.insert(block).second) step(remove_, block, hash);
    }
    step(set_number_, flush_number, 0);
    run("UPDATE metadata SET value = 0 WHERE name = 'dirty'");
    run("COMMIT");
    written_.clear();
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
  }
  void run(const char* sql) { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr));
    return statement;
  }
  void step(sqlite3_stmt* statement, std::uint64_t first, std::uint64_t second) {
    sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(first));
    if (sqlite3_bind_parameter_count(statement) > 1) {
      sqlite3_bind_int64(statement, 2, static_cast<std::int64_t>(second));
    }
    if (sqlite3_step(statement) != SQLITE_DONE) check(sqlite3_errcode(database_));
    check(sqlite3_reset(statement));
  }

  Geometry geometry_;
  FileDescriptor data_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* remove_ = nullptr;
  sqlite3_stmt* set_number_ = nullptr;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> written_;  // block and hash, since the flush
};

SqliteBackend::SqliteBackend(const std::string& path, const Geometry& geometry,
                             std::uint32_t extent_count)
    : geometry_(geometry) {
  for (std::uint32_t number = 0; number < extent_count; ++number) {
    extents_.push_back(
        std::make_unique<Extent>(path + "/" + extent_path(ExtentId{number}), geometry));
  }
}

SqliteBackend::~SqliteBackend() = default;

void SqliteBackend::write(std::uint64_t first_region_block, ByteView data,
                          std::span<const std::uint64_t> hashes) {
  const std::uint64_t extent_blocks = geometry_.extent_size_blocks();
  std::size_t index = 0;
  while (index < hashes.size()) {
    const std::uint64_t block = (first_region_block + index) % extent_blocks;
    const std::size_t count = std::min<std::uint64_t>(hashes.size() - index, extent_blocks - block);
    const std::uint64_t extent = (first_region_block + index) / extent_blocks;
    extents_.at(extent)->write(block,
                               data.subspan(index << geometry_.shift(), count << geometry_.shift()),
                               hashes.subspan(index, count));
    index += count;
  }
}

void SqliteBackend::flush(std::uint64_t flush_number) {
  for (const auto& extent : extents_) extent->flush(flush_number);
}

}  // namespace libregion::bench
