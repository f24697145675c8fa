// A SQLite extent as a running service writes it, with real SQLite on real files: rows before data,
// several rows for a block between flushes, and, when it dies, a hot write-ahead log.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libregion/format/context_slot.h"
#include "libregion/format/units.h"
#include "libregion/io/file_descriptor.h"

struct sqlite3;

namespace libregion {

class LiveSqliteWriter {
 public:
  // Opens the extent whose data file is at `path`, as region-create made it.
  LiveSqliteWriter(const std::string& path, const Geometry& geometry);
  ~LiveSqliteWriter();
  LiveSqliteWriter(const LiveSqliteWriter&) = delete;
  LiveSqliteWriter& operator=(const LiveSqliteWriter&) = delete;

  // Marks the extent dirty, adds a row, then writes the data. Without `data_arrives` the service
  // dies between the two.
  void write(std::uint64_t block, ByteView data,
             const std::optional<EncryptionContext>& encryption = std::nullopt,
             bool data_arrives = true);

  // Removes the rows of earlier versions and clears the dirty mark.
  void flush(std::uint64_t gen_number, std::uint64_t flush_number);

  // Anything else, for the odd values that a database may hold.
  void execute(const std::string& sql);

  // The database closed as by a service that was stopped: no log is left. Nothing can follow.
  void close_cleanly();
  // As by one that was killed: log and index stay, nothing of them is in the .db file.
  void die();

 private:
  void close();

  Geometry geometry_;
  FileDescriptor data_;
  sqlite3* database_ = nullptr;
  std::map<std::uint64_t, std::uint64_t> written_;  // since the flush: block and its on-disk hash
};

}  // namespace libregion
