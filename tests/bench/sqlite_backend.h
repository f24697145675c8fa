// A region of SQLite extents that is written as a service wrote it: rows in a transaction of their
// own before the data, the log synced with each; a flush syncs the data, then removes the rows of
// earlier versions and clears the dirty mark in one transaction.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "libregion/format/bytes.h"
#include "libregion/format/units.h"

namespace libregion::bench {

class SqliteBackend {
 public:
  // A region as region-create makes it with --extent-format sqlite.
  SqliteBackend(const std::string& path, const Geometry& geometry, std::uint32_t extent_count);
  ~SqliteBackend();
  SqliteBackend(const SqliteBackend&) = delete;
  SqliteBackend& operator=(const SqliteBackend&) = delete;

  // One hash for each block of `data`.
  void write(std::uint64_t first_region_block, ByteView data,
             std::span<const std::uint64_t> hashes);
  void flush(std::uint64_t flush_number);

 private:
  class Extent;
  Geometry geometry_;
  std::vector<std::unique_ptr<Extent>> extents_;
};

}  // namespace libregion::bench
