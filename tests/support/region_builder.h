// Regions put together by hand, block by block, on a real disk.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libregion/format/bytes.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/region_definition.h"
#include "libregion/report/finding.h"
#include "tests/support/live_sqlite_writer.h"
#include "tests/support/raw_extent_builder.h"

namespace libregion {

// A directory of its own, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Bytes read_whole_file(const std::string& path);
void write_whole_file(const std::string& path, ByteView content);

// Everything below a directory: names, kinds, modes, sizes, times of change and content.
std::map<std::string, std::string> snapshot_of(const std::string& path);

// The names of findings, in their order: "wrong_size, dirty_extent".
std::string names_of(const std::vector<Finding>& findings);
// The findings with this id.
std::vector<Finding> only(FindingId id, const std::vector<Finding>& findings);

struct TestRegionOptions {
  std::uint64_t block_size_bytes = 512;
  std::uint64_t extent_size_blocks = 8;
  std::uint32_t extent_count = 2;
  bool encrypted = false;
};

// A region in a temporary directory: region.json and 00/000; no extents at first.
class TestRegion {
 public:
  explicit TestRegion(const TestRegionOptions& options = {});

  [[nodiscard]] const std::string& path() const { return path_; }
  // Of something in it, for instance "00/000/000.db".
  [[nodiscard]] std::string path_of(const std::string& relative) const;
  [[nodiscard]] std::string path_of(std::uint32_t extent, ExtentPart part = ExtentPart::data) const;
  [[nodiscard]] const RegionDefinition& definition() const { return definition_; }
  [[nodiscard]] const Geometry& geometry() const { return definition_.geometry; }
  [[nodiscard]] std::map<std::string, std::string> snapshot() const { return snapshot_of(path_); }

  // ---- extents ----------------------------------------------------------------------------------

  [[nodiscard]] RawExtentBuilder raw() const;
  // Of bytes that look random.
  [[nodiscard]] Bytes data_for(std::uint64_t block, std::uint64_t version = 0) const;
  void put_raw(std::uint32_t extent, const RawExtentBuilder& built);
  void put_raw(std::uint32_t extent) { put_raw(extent, raw()); }
  // Each extent of the region, every block written.
  void put_raw_everywhere();

  // A SQLite extent that was never written, and the service at work on it.
  std::unique_ptr<LiveSqliteWriter> make_sqlite(std::uint32_t extent);
  // The service starts again on an extent that is there.
  std::unique_ptr<LiveSqliteWriter> continue_sqlite(std::uint32_t extent);
  // Blocks written and flushed (generation 3, flush 5), closed cleanly.
  void put_sqlite(std::uint32_t extent, std::uint64_t written_blocks);
  // A clean SQLite extent without a row, changed by these statements.
  void put_sqlite_with(std::uint32_t extent, const std::string& sql);

  // ---- files ------------------------------------------------------------------------------------

  void make_directory(const std::string& relative) const;
  void put_file(const std::string& relative, ByteView content) const;
  void put_file(const std::string& relative, std::string_view text) const;
  [[nodiscard]] Bytes file(const std::string& relative) const;
  [[nodiscard]] bool has(const std::string& relative) const;
  void remove(const std::string& relative) const;
  void put_symbolic_link(const std::string& relative, const std::string& target) const;
  void put_fifo(const std::string& relative) const;
  void put_hard_link(const std::string& relative, const std::string& existing) const;

 private:
  TemporaryDirectory directory_;
  std::string path_;
  RegionDefinition definition_;
};

// The tables as Crucible makes them since 2023-06-07 (S6), with their rows of metadata.
extern const char* const sqlite_schema_s6;
extern const char* const sqlite_metadata_rows;

// What SQLite itself reads of a database on disk, its log applied: the rows of block_context, each
// "block|hash|nonce|tag|on_disk_hash" as SQL literals, in that order. It changes the files; where
// SQLite reports an error, nullopt.
std::optional<std::vector<std::string>> rows_by_sqlite(const std::string& database_path);

// The same text for one context.
std::string row_text(std::uint64_t block, const BlockContext& context);

}  // namespace libregion
