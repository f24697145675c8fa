#include "tests/support/region_builder.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>

#include <fmt/format.h>
#include <sqlite3.h>

#include "libregion/base/text.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

std::string describe_entry(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) throw std::runtime_error("cannot look at " + path);
  std::string text = fmt::format("mode {:o}, {} links, {} bytes, changed {}.{:09}", found.st_mode,
                                 found.st_nlink, S_ISDIR(found.st_mode) ? 0 : found.st_size,
                                 found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
  if (S_ISREG(found.st_mode)) text += ", " + to_hex(read_whole_file(path));
  if (S_ISLNK(found.st_mode)) text += ", to " + fs::read_symlink(path).string();
  return text;
}

}  // namespace

// ---- files --------------------------------------------------------------------------------------

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (fs::temp_directory_path() / "region-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Bytes read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = as_byte_view(text);
  return {bytes.begin(), bytes.end()};
}

void write_whole_file(const std::string& path, ByteView content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const std::string text = to_text(content);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::map<std::string, std::string> snapshot_of(const std::string& path) {
  std::map<std::string, std::string> snapshot = {{".", describe_entry(path)}};
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    snapshot[fs::relative(entry.path(), path).string()] = describe_entry(entry.path().string());
  }
  return snapshot;
}

// ---- findings -----------------------------------------------------------------------------------

std::string names_of(const std::vector<Finding>& findings) {
  std::string names;
  for (const Finding& finding : findings) {
    names += names.empty() ? "" : ", ";
    names += finding_info(finding.id).name;
  }
  return names;
}

std::vector<Finding> only(FindingId id, const std::vector<Finding>& findings) {
  std::vector<Finding> some;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(some),
               [&](const Finding& finding) { return finding.id == id; });
  return some;
}

// ---- regions ------------------------------------------------------------------------------------

TestRegion::TestRegion(const TestRegionOptions& options)
    : path_(directory_.path() + "/region"),
      definition_{
          std::get<Geometry>(Geometry::make(options.block_size_bytes, options.extent_size_blocks)),
          options.extent_count, *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"),
          options.encrypted} {
  make_directory("00/000");
  put_file("region.json", fmt::format(R"({{
  "block_size": {},
  "extent_size": {{
    "value": {},
    "shift": {}
  }},
  "extent_count": {},
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "encrypted": {},
  "database_read_version": 1,
  "database_write_version": 1
}}
)",
                                      options.block_size_bytes, options.extent_size_blocks,
                                      geometry().shift(), options.extent_count, options.encrypted));
}

std::string TestRegion::path_of(const std::string& relative) const {
  return path_ + "/" + relative;
}
std::string TestRegion::path_of(std::uint32_t extent, ExtentPart part) const {
  return path_of(extent_path(ExtentId{extent}, part));
}

RawExtentBuilder TestRegion::raw() const {
  return {geometry().block_size_bytes(), geometry().extent_size_blocks()};
}

Bytes TestRegion::data_for(std::uint64_t block, std::uint64_t version) const {
  return raw().data_for(block, version);
}

void TestRegion::put_raw(std::uint32_t extent, const RawExtentBuilder& built) {
  write_whole_file(path_of(extent), built.bytes());
}

void TestRegion::put_raw_everywhere() {
  for (std::uint32_t extent = 0; extent < definition_.extent_count; ++extent) {
    put_raw(extent, raw().write_all());
  }
}

// To the space: SQLite keeps the statements as they are written.
const char* const sqlite_schema_s6 = R"(
CREATE TABLE metadata (
                    name TEXT PRIMARY KEY,
                    value INTEGER NOT NULL
                );
CREATE TABLE block_context (
                    block INTEGER,
                    hash INTEGER,
                    nonce BLOB,
                    tag BLOB,
                    on_disk_hash INTEGER,
                    PRIMARY KEY (block, on_disk_hash)
                ) WITHOUT ROWID;)";
const char* const sqlite_metadata_rows = R"(
INSERT INTO metadata VALUES ('ext_version', 1), ('gen_number', 0), ('flush_number', 0),
    ('dirty', 0);)";

std::unique_ptr<LiveSqliteWriter> TestRegion::make_sqlite(std::uint32_t extent) {
  write_whole_file(path_of(extent), Bytes(geometry().extent_data_bytes()));
  auto writer = continue_sqlite(extent);
  writer->execute(std::string(sqlite_schema_s6) + sqlite_metadata_rows);
  return writer;
}

std::unique_ptr<LiveSqliteWriter> TestRegion::continue_sqlite(std::uint32_t extent) {
  return std::make_unique<LiveSqliteWriter>(path_of(extent), geometry());
}

void TestRegion::put_sqlite(std::uint32_t extent, std::uint64_t written_blocks) {
  const auto writer = make_sqlite(extent);
  for (std::uint64_t block = 0; block < written_blocks; ++block) {
    writer->write(block, data_for(block));
  }
  writer->flush(3, 5);
  writer->close_cleanly();
}

void TestRegion::put_sqlite_with(std::uint32_t extent, const std::string& sql) {
  const auto writer = make_sqlite(extent);
  writer->execute(sql);
  writer->close_cleanly();
}

void TestRegion::make_directory(const std::string& relative) const {
  fs::create_directories(path_of(relative));
}
void TestRegion::put_file(const std::string& relative, ByteView content) const {
  write_whole_file(path_of(relative), content);
}
void TestRegion::put_file(const std::string& relative, std::string_view text) const {
  write_whole_file(path_of(relative), as_byte_view(text));
}
Bytes TestRegion::file(const std::string& relative) const {
  return read_whole_file(path_of(relative));
}
bool TestRegion::has(const std::string& relative) const {
  return fs::exists(fs::symlink_status(path_of(relative)));
}
void TestRegion::remove(const std::string& relative) const { fs::remove_all(path_of(relative)); }
void TestRegion::put_symbolic_link(const std::string& relative, const std::string& target) const {
  fs::create_symlink(target, path_of(relative));
}
void TestRegion::put_fifo(const std::string& relative) const {
  if (::mkfifo(path_of(relative).c_str(), 0644) != 0) throw std::runtime_error("cannot mkfifo");
}
void TestRegion::put_hard_link(const std::string& relative, const std::string& existing) const {
  fs::create_hard_link(existing, path_of(relative));
}

// ---- SQLite's own word --------------------------------------------------------------------------

std::optional<std::vector<std::string>> rows_by_sqlite(const std::string& database_path) {
  sqlite3* database = nullptr;
  sqlite3_stmt* query = nullptr;
  std::optional<std::vector<std::string>> rows(std::in_place);
  int code = sqlite3_open(database_path.c_str(), &database);
  if (code == SQLITE_OK) {
    code = sqlite3_prepare_v2(
        database,
        "SELECT block || '|' || hash || '|' || quote(nonce) || '|' || quote(tag) || '|' || "
        "on_disk_hash FROM block_context ORDER BY block, on_disk_hash",
        -1, &query, nullptr);
  }
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(query)) == SQLITE_ROW) {
      const auto* text = sqlite3_column_text(query, 0);
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(query, 0));
      rows->push_back(text == nullptr ? "NULL" : to_text(std::as_bytes(std::span(text, size))));
    }
  }
  sqlite3_finalize(query);
  sqlite3_close(database);
  if (code != SQLITE_DONE) rows.reset();
  return rows;
}

std::string row_text(std::uint64_t block, const BlockContext& context) {
  const auto blob = [](ByteView bytes) {
    std::string digits = to_hex(bytes);
    std::transform(digits.begin(), digits.end(), digits.begin(), [](char digit) {
      return digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
    });
    return "X'" + digits + "'";
  };
  return fmt::format("{}|{}|{}|{}|{}", block, static_cast<std::int64_t>(context.hash),
                     context.encryption ? blob(context.encryption->nonce) : "NULL",
                     context.encryption ? blob(context.encryption->tag) : "NULL",
                     static_cast<std::int64_t>(context.on_disk_hash));
}

}  // namespace libregion
