// Reading the database of a test's SQLite extent, and what SQLite itself makes of a copy of it.

#pragma once

#include <filesystem>

#include "libregion/extent/sqlite_extent.h"
#include "tests/unit/extent/open_test_extent.h"

namespace libregion {

struct SqliteReading {
  std::optional<std::vector<std::string>> rows;  // as rows_by_sqlite tells them
  std::optional<ExtentMetadata> metadata;
  std::vector<Finding> findings;
};

inline SqliteReading read_sqlite(const TestRegion& region, std::uint32_t extent = 0) {
  const auto leaf = open_leaf_of(region);
  const auto opening = SqliteExtent::open(*leaf, ExtentId{extent}, parts_in(*leaf, extent),
                                          region.geometry(), Access::read, [](File&) {});
  SqliteReading reading{std::nullopt, std::nullopt, opening.findings};
  if (opening.extent == nullptr) return reading;
  reading.metadata = opening.extent->metadata();
  reading.rows.emplace();
  for (std::uint64_t block = 0; block < region.geometry().extent_size_blocks(); ++block) {
    for (const SlotValue& row : opening.extent->rows().of_block(block)) {
      reading.rows->push_back(row_text(block, std::get<BlockContext>(row)));
    }
  }
  return reading;
}

inline std::optional<std::vector<std::string>> read_copy_by_sqlite(const TestRegion& region,
                                                                   std::uint32_t extent = 0) {
  const TemporaryDirectory directory;
  const std::string copy = directory.path() + "/copy.db";
  std::filesystem::copy_file(region.path_of(extent, ExtentPart::db), copy);
  const std::string log = region.path_of(extent, ExtentPart::db_wal);
  if (std::filesystem::exists(log)) std::filesystem::copy_file(log, copy + "-wal");
  return rows_by_sqlite(copy);
}

// The row of a block that is not encrypted.
inline std::string plain_row(const TestRegion& region, std::uint64_t block,
                             std::uint64_t version = 0) {
  return row_text(block, plain_context(region.data_for(block, version)));
}

}  // namespace libregion
