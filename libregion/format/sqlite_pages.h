// The pages of a SQLite database (sqlite.org/fileformat2.html), as far as Crucible's need it: pages
// of 4096 bytes, nothing reserved at their end, records that fit on their page. All integers are
// big-endian.
//
//   page of a b-tree                              cell
//     0  u8  2 index interior, 10 index leaf,       u32  left child          interior pages only
//            13 table leaf                          u8   length of the record, below 128
//     1  u16 first free block, or 0                 u8   row number, below 128    tables only
//     3  u16 number of cells                             the record
//     5  u16 where cells start
//     7  u8  fragmented bytes                     free block
//     8  u32 right child, interior pages only       u16  the next one, or 0
//        u16 for each cell, where it is             u16  its size, these 4 bytes included
//
// What a page says of itself is held against what is on it as strictly as SQLite's own check does:
// no byte in use twice, none unaccounted for.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "libregion/format/bytes.h"

namespace libregion {

constexpr std::size_t sqlite_page_bytes = 4096;
constexpr std::size_t sqlite_header_bytes = 100;  // of the database, before the first page's own

enum class SqlitePageKind : std::uint8_t { index_interior = 2, index_leaf = 10, table_leaf = 13 };

class SqlitePage {
 public:
  // `page` is the whole page; the database's first has its own header behind the database's.
  // nullopt where it is none of these kinds, or contradicts itself.
  static std::optional<SqlitePage> open(std::span<const std::byte, sqlite_page_bytes> page,
                                        std::size_t header_offset_bytes = 0);

  [[nodiscard]] SqlitePageKind kind() const { return kind_; }
  [[nodiscard]] bool is_interior() const { return kind_ == SqlitePageKind::index_interior; }
  [[nodiscard]] std::uint32_t cell_count() const { return cell_count_; }
  // Of an interior page: the page whose records come before the cell's, or after all cells.
  [[nodiscard]] std::optional<std::uint32_t> left_child(std::uint32_t cell) const;
  [[nodiscard]] std::uint32_t right_child() const;
  // Of the page of a table.
  [[nodiscard]] std::optional<std::uint8_t> row_number(std::uint32_t cell) const;

  // The record of a cell, whose bytes are now in use; each cell must be taken once.
  // nullopt where it is not wholly on the page, is longer than above, or overlaps what is in use.
  std::optional<ByteView> take_record(std::uint32_t cell);
  // The same for a cell that must have exactly these bytes.
  bool take_cell(std::uint32_t cell, ByteView expected);

  // Once all cells are taken: whether all bytes that are neither cells nor free are accounted for.
  [[nodiscard]] bool is_complete() const;

 private:
  explicit SqlitePage(ByteView page) : page_(page) {}
  bool read_header(std::size_t header_offset_bytes);
  bool take_free_blocks(std::size_t first_offset_bytes);
  // From the cell's first byte to the page's end; empty where there is no room for one.
  [[nodiscard]] ByteView from_cell(std::uint32_t cell) const;
  bool take(std::size_t offset_bytes, std::size_t size_bytes);

  ByteView page_;
  SqlitePageKind kind_ = SqlitePageKind::table_leaf;
  std::uint32_t cell_count_ = 0;
  std::size_t pointers_offset_bytes_ = 0;
  std::size_t content_offset_bytes_ = 0;
  std::size_t fragmented_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  std::array<std::uint64_t, sqlite_page_bytes / 64> taken_{};  // a bit for each byte
};

}  // namespace libregion
