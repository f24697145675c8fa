#include "libregion/format/sqlite_walk.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libregion/format/sqlite_pages.h"

namespace libregion {
namespace {

constexpr std::uint32_t schema_page = 1;
constexpr std::uint32_t metadata_root = 2;
constexpr std::uint32_t metadata_index_root = 3;
constexpr std::uint32_t block_context_root = 4;

// A leaf holds 60 rows and more: the largest extent's table has 4 levels at most.
constexpr int levels_max = 5;
// SQLite uses the page behind for its locks.
constexpr std::size_t image_bytes_max = std::size_t{1} << 30;
// Of a row that is not encrypted, with its place in the page; an encrypted one takes more.
constexpr std::size_t usual_row_bytes = 2 + 1 + 6 + 2 + 8 + 8;

// ---- records ------------------------------------------------------------------------------------
//
// The record's header is its own size, then the type of each column, here all in one byte: 0 is
// NULL; 1 to 6 are signed integers of 1, 2, 3, 4, 6 and 8 bytes; 8 and 9 the numbers 0 and 1; n
// bytes of a blob are 12 + 2 n, n bytes of text 13 + 2 n. The values follow.

constexpr std::uint8_t null_type = 0;
constexpr std::uint8_t blob_type(std::size_t size_bytes) {
  return static_cast<std::uint8_t>(12 + 2 * size_bytes);
}
constexpr std::uint8_t text_type(std::size_t size_bytes) {
  return static_cast<std::uint8_t>(13 + 2 * size_bytes);
}

constexpr std::array<std::uint8_t, 7> integer_sizes = {0, 1, 2, 3, 4, 6, 8};

// Reads the columns of a record one after the other. Once one is of another type than asked for,
// or not all there, `is_refused` and all values mean nothing.
class RecordReader {
 public:
  RecordReader(ByteView record, std::size_t column_count) {
    const std::size_t header_bytes = 1 + column_count;
    is_refused_ = record.size() < header_bytes || big_endian_at<1>(record, 0) != header_bytes;
    if (is_refused_) return;
    types_ = record.subspan(1, column_count);
    values_ = record.subspan(header_bytes);
  }

  std::int64_t integer() {
    const std::uint8_t type = next_type();
    if (type == 8 || type == 9) return type - 8;
    const std::size_t size_bytes = type < integer_sizes.size() ? integer_sizes[type] : 0;
    if (size_bytes == 0 || size_bytes > values_.size()) {
      is_refused_ = true;
      return 0;
    }
    // Its bytes are the high ones of the eight from its first on, where there are eight.
    const std::uint64_t high = values_.size() >= sizeof(std::uint64_t)
                                   ? big_endian_at<8>(values_, 0)
                                   : high_bytes(values_);
    values_ = values_.subspan(size_bytes);
    return static_cast<std::int64_t>(high) >> (64 - 8 * size_bytes);
  }

  // False for NULL.
  template <std::size_t size_bytes>
  bool blob(std::array<std::byte, size_bytes>& target) {
    const std::uint8_t type = next_type();
    if (type == null_type) return false;
    if (type != blob_type(size_bytes)) is_refused_ = true;
    const ByteView bytes = value(size_bytes);
    std::copy_n(bytes.begin(), size_bytes, target.begin());
    return true;
  }

  bool has_text(std::string_view expected) {
    const bool has_type =
        !types_.empty() && big_endian_at<1>(types_, 0) == text_type(expected.size());
    if (!has_type || values_.size() < expected.size()) return false;
    const ByteView found = values_.first(expected.size());
    const ByteView wanted = as_byte_view(expected);
    if (!std::equal(wanted.begin(), wanted.end(), found.begin())) return false;
    next_type();
    value(expected.size());
    return true;
  }

  // Once all columns are read.
  [[nodiscard]] bool is_complete() const { return !is_refused_ && values_.empty(); }

 private:
  std::uint8_t next_type() {
    if (types_.empty()) return null_type;  // refused before
    const std::uint8_t type = big_endian_at<1>(types_, 0);
    types_ = types_.subspan(1);
    return type;
  }

  // Of less than eight bytes, followed by zeros.
  static std::uint64_t high_bytes(ByteView bytes) {
    std::array<std::byte, sizeof(std::uint64_t)> all{};
    std::copy(bytes.begin(), bytes.end(), all.begin());
    return big_endian_at<8>(all, 0);
  }

  // Zeros where it is not all there.
  ByteView value(std::size_t size_bytes) {
    static constexpr std::array<std::byte, 16> zeros{};
    if (is_refused_ || size_bytes > values_.size()) {
      is_refused_ = true;
      return ByteView(zeros).first(size_bytes);
    }
    const ByteView bytes = values_.first(size_bytes);
    values_ = values_.subspan(size_bytes);
    return bytes;
  }

  ByteView types_;
  ByteView values_;
  bool is_refused_;
};

// ---- the header and the schema ------------------------------------------------------------------

bool has_known_header(ByteView pages, std::uint64_t database_bytes) {
  if (database_bytes < block_context_root * sqlite_page_bytes || database_bytes > image_bytes_max ||
      database_bytes % sqlite_page_bytes != 0 || pages.size() < sqlite_header_bytes) {
    return false;
  }
  constexpr std::string_view magic("SQLite format 3\0", 16);
  const std::uint32_t change_counter = big_endian_at<4>(pages, 24);
  return to_text(pages.first(magic.size())) == magic &&
         big_endian_at<2>(pages, 16) == sqlite_page_bytes &&
         big_endian_at<2>(pages, 18) == 0x0101 &&  // to be written and read without a log
         big_endian_at<1>(pages, 20) == 0 &&       // reserved bytes of each page
         big_endian_at<3>(pages, 21) == 0x402020 &&
         big_endian_at<4>(pages, 28) == database_bytes / sqlite_page_bytes &&
         big_endian_at<4>(pages, 44) == 4 &&             // schema format
         big_endian_at<4>(pages, 52) == 0 &&             // no automatic vacuum
         big_endian_at<4>(pages, 56) == 1 &&             // UTF-8
         big_endian_at<4>(pages, 64) == 0 &&             // nor a stepwise one
         big_endian_at<4>(pages, 92) == change_counter;  // the number of pages is to be trusted
}

std::optional<SqlitePage> open_page(ByteView image, std::uint32_t page_number) {
  if (page_number == 0 || page_number > image.size() / sqlite_page_bytes) return std::nullopt;
  const std::size_t offset = (page_number - 1) * sqlite_page_bytes;
  const std::span<const std::byte, sqlite_page_bytes> page(
      image.subspan(offset, sqlite_page_bytes));
  return SqlitePage::open(page, page_number == schema_page ? sqlite_header_bytes : 0);
}

// A number below 2^14, 7 bits in each byte, as SQLite writes it.
std::string number_text(std::size_t number) {
  std::string text;
  if (number > 127) text += static_cast<char>(number >> 7U | 0x80U);
  return text + static_cast<char>(number & 0x7FU);
}

// A row of the schema, as a cell: of what type, its name, the table that it belongs to, its root
// page, the statement that made it.
Bytes schema_cell(std::uint8_t row_number, std::string_view type, std::string_view name,
                  std::string_view table, std::uint32_t root_page, std::string_view sql) {
  std::string types;
  for (const std::string_view text : {type, name, table}) {
    types += number_text(text_type(text.size()));
  }
  types += number_text(1);  // an integer of one byte
  types += number_text(sql.empty() ? null_type : 13 + 2 * sql.size());
  std::string record = number_text(1 + types.size()) + types;
  record += type;
  record += name;
  record += table;
  record += static_cast<char>(root_page);
  record += sql;
  const std::string cell = number_text(record.size()) + static_cast<char>(row_number) + record;
  const ByteView bytes = as_byte_view(cell);
  return Bytes(bytes.begin(), bytes.end());
}

bool has_known_schema(ByteView image) {
  static const std::array rows = {
      schema_cell(1, "table", "metadata", "metadata", metadata_root, sqlite_metadata_sql),
      schema_cell(2, "index", "sqlite_autoindex_metadata_1", "metadata", metadata_index_root, ""),
      schema_cell(3, "table", "block_context", "block_context", block_context_root,
                  sqlite_block_context_sql)};
  auto page = open_page(image, schema_page);
  if (!page || page->kind() != SqlitePageKind::table_leaf || page->cell_count() != rows.size()) {
    return false;
  }
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (!page->take_cell(i, rows[i])) return false;
  }
  return page->is_complete();
}

// ---- metadata -----------------------------------------------------------------------------------

struct MetadataRows {
  std::optional<std::int64_t> ext_version;
  std::optional<std::int64_t> gen_number;
  std::optional<std::int64_t> flush_number;
  std::optional<std::int64_t> dirty;
};

// False where it is none of the four, or one of them for the second time.
bool take_metadata_row(ByteView record, MetadataRows& rows) {
  RecordReader reader(record, 2);
  for (const auto& [name, row] : {std::pair{"ext_version", &rows.ext_version},
                                  {"gen_number", &rows.gen_number},
                                  {"flush_number", &rows.flush_number},
                                  {"dirty", &rows.dirty}}) {
    if (row->has_value() || !reader.has_text(name)) continue;
    *row = reader.integer();
    return reader.is_complete();
  }
  return false;
}

std::optional<MetadataRows> read_metadata_rows(ByteView image) {
  auto page = open_page(image, metadata_root);
  if (!page || page->kind() != SqlitePageKind::table_leaf) return std::nullopt;
  MetadataRows rows;
  std::uint8_t last_row_number = 0;
  for (std::uint32_t cell = 0; cell < page->cell_count(); ++cell) {
    const auto record = page->take_record(cell);
    if (!record || !take_metadata_row(*record, rows)) return std::nullopt;
    const std::uint8_t row_number = page->row_number(cell).value_or(0);
    if (row_number <= last_row_number) return std::nullopt;
    last_row_number = row_number;
  }
  if (!page->is_complete()) return std::nullopt;
  return rows;
}

// Its records are never read; SQLite's check of the table looks at its page.
bool is_index_sound(ByteView image) {
  auto page = open_page(image, metadata_index_root);
  if (!page || page->kind() != SqlitePageKind::index_leaf) return false;
  for (std::uint32_t cell = 0; cell < page->cell_count(); ++cell) {
    if (!page->take_record(cell)) return false;
  }
  return page->is_complete();
}

// ---- block_context ------------------------------------------------------------------------------

// Walks the b-tree in the order of its records.
class RowWalker {
 public:
  RowWalker(ByteView image, std::uint64_t block_count)
      : image_(image),
        block_count_(static_cast<std::int64_t>(block_count)),
        is_used_(image.size() / sqlite_page_bytes + 1) {
    rows_.reserve(std::min<std::size_t>(block_count, image.size() / usual_row_bytes));
  }

  std::optional<ContextRows> walk() {
    for (const std::uint32_t page : {schema_page, metadata_root, metadata_index_root}) {
      is_used_[page] = true;
    }
    if (!walk_page(block_context_root, 1)) return std::nullopt;
    return std::move(rows_);
  }

 private:
  // False: refused. No page is walked twice, none deeper than levels_max.
  bool walk_page(std::uint32_t page_number, int level) {
    auto page = open_page(image_, page_number);
    if (!page || is_used_[page_number] || level > levels_max) return false;
    is_used_[page_number] = true;
    const bool is_root = page_number == block_context_root;
    if (page->cell_count() == 0 && (page->is_interior() || !is_root)) return false;
    const bool walked = page->is_interior() ? walk_interior(*page, level) : walk_leaf(*page, level);
    return walked && page->is_complete();
  }

  bool walk_interior(SqlitePage& page, int level) {
    for (std::uint32_t cell = 0; cell < page.cell_count(); ++cell) {
      const auto child = page.left_child(cell);
      if (!child || !walk_page(*child, level + 1) || !take_row(page, cell)) return false;
    }
    return walk_page(page.right_child(), level + 1);
  }

  bool walk_leaf(SqlitePage& page, int level) {
    if (page.kind() != SqlitePageKind::index_leaf) return false;
    // All leaves are on one level.
    if (leaf_level_ == 0) leaf_level_ = level;
    if (level != leaf_level_) return false;
    for (std::uint32_t cell = 0; cell < page.cell_count(); ++cell) {
      if (!take_row(page, cell)) return false;
    }
    return true;
  }

  bool take_row(SqlitePage& page, std::uint32_t cell) {
    const auto record = page.take_record(cell);
    if (!record) return false;
    RecordReader reader(*record, 5);
    const std::int64_t block = reader.integer();
    const std::int64_t on_disk_hash = reader.integer();
    if (block < 0 || block >= block_count_) return false;
    const std::pair key(block, on_disk_hash);
    if (rows_.size() > 0 && key <= last_key_) return false;
    last_key_ = key;

    BlockContext& context = rows_.add(static_cast<std::uint64_t>(block));
    context.hash = static_cast<std::uint64_t>(reader.integer());
    context.on_disk_hash = static_cast<std::uint64_t>(on_disk_hash);
    const bool has_nonce = reader.blob(context.encryption.emplace().nonce);
    const bool has_tag = reader.blob(context.encryption->tag);
    if (!has_nonce) context.encryption.reset();
    return reader.is_complete() && has_nonce == has_tag;
  }

  ByteView image_;
  std::int64_t block_count_;
  std::vector<bool> is_used_;  // by page number
  int leaf_level_ = 0;
  std::pair<std::int64_t, std::int64_t> last_key_;
  ContextRows rows_;
};

}  // namespace

std::optional<ExtentMetadata> walk_sqlite_metadata(ByteView pages, std::uint64_t database_bytes) {
  if (!has_known_header(pages, database_bytes) || !has_known_schema(pages) ||
      !is_index_sound(pages)) {
    return std::nullopt;
  }
  const auto rows = read_metadata_rows(pages);
  if (!rows || rows->ext_version != sqlite_ext_version || !rows->gen_number ||
      !rows->flush_number || !rows->dirty) {
    return std::nullopt;
  }
  const bool is_usual = *rows->gen_number >= 0 && *rows->flush_number >= 0 &&
                        (*rows->dirty == 0 || *rows->dirty == 1);
  if (!is_usual) return std::nullopt;
  ExtentMetadata metadata;
  metadata.ext_version = sqlite_ext_version;
  metadata.gen_number = static_cast<std::uint64_t>(*rows->gen_number);
  metadata.flush_number = static_cast<std::uint64_t>(*rows->flush_number);
  metadata.dirty = *rows->dirty == 1;
  return metadata;
}

std::optional<ContextRows> walk_sqlite_rows(ByteView image, std::uint64_t block_count) {
  if (!has_known_header(image, image.size()) || !has_known_schema(image)) return std::nullopt;
  return RowWalker(image, block_count).walk();
}

}  // namespace libregion
