#include "libregion/extent/sqlite_extent.h"

#include <iterator>

#include <fmt/format.h>

#include "libregion/extent/extent_file.h"
#include "libregion/extent/slot_selection.h"
#include "libregion/extent/sqlite_image.h"
#include "libregion/format/raw_layout.h"

namespace libregion {
namespace {

void append(std::vector<Finding>& findings, std::vector<Finding> more) {
  std::move(more.begin(), more.end(), std::back_inserter(findings));
}

std::optional<Finding> check_data_size(std::uint64_t size_bytes, const Geometry& geometry,
                                       ExtentId extent) {
  const std::uint64_t expected_bytes = geometry.extent_data_bytes();
  if (size_bytes == expected_bytes) return std::nullopt;
  const bool is_short = size_bytes < expected_bytes;
  Finding finding{is_short ? FindingId::short_data_file : FindingId::partial_migration, extent,
                  extent_path(extent)};
  finding.offset_bytes = std::min(size_bytes, expected_bytes);
  finding.length_bytes = is_short ? expected_bytes - size_bytes : size_bytes - expected_bytes;
  finding.expected = fmt::format("{} bytes", expected_bytes);
  finding.found = fmt::format("{} bytes", size_bytes);
  return finding;
}

}  // namespace

ExtentSummary SqliteExtent::read_summary(const Directory& leaf, ExtentId extent,
                                         const ExtentParts& parts, const Geometry& geometry,
                                         const FileClaim& claim) {
  ExtentSummary summary;
  auto data =
      open_extent_file(leaf, extent, ExtentPart::data, Access::read, claim, summary.findings);
  if (data != nullptr) {
    auto problem = check_data_size(data->status().size_bytes, geometry, extent);
    if (problem) summary.findings.push_back(std::move(*problem));
    summary.files.push_back(std::move(data));
  }
  auto [image, metadata, read_bytes] = load_sqlite_metadata(leaf, extent, parts, claim);
  append(summary.findings, std::move(image.findings));
  if (image.db != nullptr) summary.files.push_back(std::move(image.db));
  summary.metadata = metadata;
  summary.read_bytes = read_bytes;
  if (!image.pages) return summary;
  SqliteTables tables = read_sqlite_metadata(*image.pages, extent, geometry);
  append(summary.findings, std::move(tables.findings));
  summary.metadata = tables.metadata;
  return summary;
}

SqliteExtent::Opening SqliteExtent::open(const Directory& leaf, ExtentId extent,
                                         const ExtentParts& parts, const Geometry& geometry,
                                         Access data_access, const FileClaim& claim) {
  Opening opening;
  auto data =
      open_extent_file(leaf, extent, ExtentPart::data, data_access, claim, opening.findings);
  std::uint64_t data_file_bytes = 0;
  if (data != nullptr) {
    data_file_bytes = data->status().size_bytes;
    auto problem = check_data_size(data_file_bytes, geometry, extent);
    if (problem) opening.findings.push_back(std::move(*problem));
  }
  SqliteImage image = load_sqlite_image(leaf, extent, parts, claim);
  append(opening.findings, std::move(image.findings));
  SqliteTables tables;
  if (image.pages) tables = read_sqlite_tables(*image.pages, extent, geometry);
  append(opening.findings, std::move(tables.findings));
  if (data == nullptr || !tables.rows) {
    if (data != nullptr) opening.files.push_back(std::move(data));
    if (image.db != nullptr) opening.files.push_back(std::move(image.db));
    return opening;
  }
  opening.extent.reset(new SqliteExtent(std::move(data), std::move(image.db), geometry,
                                        std::move(tables), data_file_bytes));
  return opening;
}

SqliteExtent::SqliteExtent(std::unique_ptr<File> data, std::unique_ptr<File> db,
                           const Geometry& geometry, SqliteTables tables,
                           std::uint64_t data_file_bytes)
    : data_(std::move(data)),
      db_(std::move(db)),
      geometry_(geometry),
      data_file_bytes_(data_file_bytes),
      metadata_(tables.metadata),
      generation_(tables.generation),
      rows_(std::move(*tables.rows)),
      chunk_(geometry) {}

std::uint64_t SqliteExtent::readable_blocks() const {
  return std::min(data_file_bytes_ >> geometry_.shift(), geometry_.extent_size_blocks());
}

void SqliteExtent::read_blocks(BlockRange range,
                               const std::function<void(const BlockRecord&)>& visit) {
  LIBREGION_ASSERT(range.end() <= readable_blocks());
  while (range.count > 0) {
    const BlockRange now{range.first, chunk_.blocks_of(range)};
    load(now);
    for (const BlockRecord& record : records_) visit(record);
    range = {now.end(), range.count - now.count};
  }
}

void SqliteExtent::load(BlockRange range) {
  make_records(range);
  if (!wants_views() || !data_->has_torn_view()) return;
  // Reading tells what is the matter with the file, and where.
  stop_views();
  make_records(range);
}

void SqliteExtent::make_records(BlockRange range) {
  if (wants_views()) {
    chunk_.load_view(*data_, range);
  } else {
    chunk_.load(*data_, range);
  }
  records_.resize(range.count);
  if (generation_ == SqliteGeneration::s3) complete_rows(range);
  for (std::uint64_t i = 0; i < range.count; ++i) {
    BlockRecord& record = records_[i];
    record.block = range.first + i;
    if (generation_ != SqliteGeneration::s3) record.slots = rows_.of_block(record.block);
    record.data = chunk_.data(record.block);
    record.data_hash = chunk_.hash(record.block);
    record.integrity_hash.reset();
    record.selected = select_row(record.slots, record.data_hash);
  }
  if (wants_integrity_hashes()) add_integrity_hashes(records_);
}

void SqliteExtent::complete_rows(BlockRange range) {
  std::size_t row_count = 0;
  for (std::uint64_t block = range.first; block < range.end(); ++block) {
    row_count += rows_.of_block(block).size();
  }
  completed_rows_.clear();
  completed_rows_.reserve(row_count);  // the records' slots point there
  for (std::uint64_t block = range.first; block < range.end(); ++block) {
    const std::size_t first = completed_rows_.size();
    for (const SlotValue& row : rows_.of_block(block)) {
      completed_rows_.emplace_back(
          complete_s3_context(std::get<BlockContext>(row), chunk_.data(block), chunk_.hash(block)));
    }
    records_[block - range.first].slots = std::span(completed_rows_).subspan(first);
  }
}

void SqliteExtent::forget_blocks() {
  rows_ = ContextRows();
  chunk_ = BlockChunk(geometry_);
  records_ = {};
  completed_rows_ = {};
  data_->end_view();
}

std::uint64_t SqliteExtent::count_unwritten(BlockRange range) {
  const std::uint64_t zero_blocks = chunk_.known_zero_blocks(*data_, range);
  if (zero_blocks == 0) return 0;
  return std::min(zero_blocks, rows_.first_block_from(range.first) - range.first);
}

}  // namespace libregion
