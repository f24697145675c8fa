// A SQLite extent (extent version 1), opened for reading: a data file and a database.

#pragma once

#include "libregion/extent/chunk.h"
#include "libregion/extent/extent_reader.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/extent_names.h"

namespace libregion {

class SqliteExtent : public ExtentReader {
 public:
  // What opening found; without an extent where there is no data file, or no database to go by.
  struct Opening {
    std::unique_ptr<SqliteExtent> extent;
    std::vector<Finding> findings;
    std::vector<std::unique_ptr<File>> files;  // as in OpenedExtent
  };
  // The data file is opened with `data_access`, the database for reading.
  static Opening open(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                      const Geometry& geometry, Access data_access, const FileClaim& claim);

  // The data file's size, and the database's table of metadata alone.
  static ExtentSummary read_summary(const Directory& leaf, ExtentId extent,
                                    const ExtentParts& parts, const Geometry& geometry,
                                    const FileClaim& claim);

  [[nodiscard]] ExtentFormat format() const override { return ExtentFormat::sqlite; }
  [[nodiscard]] const std::optional<ExtentMetadata>& metadata() const override { return metadata_; }
  [[nodiscard]] std::uint64_t readable_blocks() const override;
  void read_blocks(BlockRange range, const std::function<void(const BlockRecord&)>& visit) override;
  [[nodiscard]] std::uint64_t count_unwritten(BlockRange range) override;
  [[nodiscard]] std::vector<const File*> files() const override { return {data_.get(), db_.get()}; }

  // As they stand in the database: of generation S3 without the on-disk hash of encrypted blocks,
  // which read_blocks() completes.
  [[nodiscard]] const ContextRows& rows() const { return rows_; }
  // Gives back the memory of what was read. Blocks have no rows from here on.
  void forget_blocks();
  [[nodiscard]] SqliteGeneration generation() const { return generation_; }
  [[nodiscard]] File& data_file() { return *data_; }
  [[nodiscard]] std::uint64_t data_file_bytes() const { return data_file_bytes_; }

 private:
  SqliteExtent(std::unique_ptr<File> data, std::unique_ptr<File> db, const Geometry& geometry,
               SqliteTables tables, std::uint64_t data_file_bytes);
  void load(BlockRange range);
  void make_records(BlockRange range);
  void complete_rows(BlockRange range);

  std::unique_ptr<File> data_;
  std::unique_ptr<File> db_;
  Geometry geometry_;
  std::uint64_t data_file_bytes_;
  std::optional<ExtentMetadata> metadata_;
  SqliteGeneration generation_;
  ContextRows rows_;

  // The chunk in hand.
  BlockChunk chunk_;
  std::vector<BlockRecord> records_;
  std::vector<SlotValue> completed_rows_;  // of generation S3
};

}  // namespace libregion
