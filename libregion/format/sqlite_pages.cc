#include "libregion/format/sqlite_pages.h"

namespace libregion {
namespace {

constexpr std::size_t leaf_header_bytes = 1 + 2 + 2 + 2 + 1;
constexpr std::size_t interior_header_bytes = leaf_header_bytes + 4;
constexpr std::size_t child_bytes = 4;
// SQLite gives no cell less, so that it can become a free block.
constexpr std::size_t cell_bytes_min = 4;
constexpr std::size_t free_block_bytes_min = 2 + 2;
// A number above it would go on in the next byte.
constexpr std::size_t one_byte_number_max = 127;

bool is_known_kind(std::uint8_t kind) {
  return kind == static_cast<std::uint8_t>(SqlitePageKind::index_interior) ||
         kind == static_cast<std::uint8_t>(SqlitePageKind::index_leaf) ||
         kind == static_cast<std::uint8_t>(SqlitePageKind::table_leaf);
}

}  // namespace

std::optional<SqlitePage> SqlitePage::open(std::span<const std::byte, sqlite_page_bytes> page,
                                           std::size_t header_offset_bytes) {
  LIBREGION_ASSERT(header_offset_bytes + interior_header_bytes <= page.size());
  std::optional<SqlitePage> opened{SqlitePage(page)};
  if (!opened->read_header(header_offset_bytes)) opened.reset();
  return opened;
}

bool SqlitePage::read_header(std::size_t header_offset_bytes) {
  const auto kind = std::to_integer<std::uint8_t>(page_[header_offset_bytes]);
  if (!is_known_kind(kind)) return false;
  kind_ = static_cast<SqlitePageKind>(kind);
  cell_count_ = big_endian_at<2>(page_, header_offset_bytes + 3);
  content_offset_bytes_ = big_endian_at<2>(page_, header_offset_bytes + 5);
  fragmented_bytes_ = big_endian_at<1>(page_, header_offset_bytes + 7);
  pointers_offset_bytes_ =
      header_offset_bytes + (is_interior() ? interior_header_bytes : leaf_header_bytes);
  const std::size_t pointers_end = pointers_offset_bytes_ + 2 * std::size_t{cell_count_};
  if (pointers_end > content_offset_bytes_ || content_offset_bytes_ > page_.size()) return false;
  return take_free_blocks(big_endian_at<2>(page_, header_offset_bytes + 1));
}

bool SqlitePage::take_free_blocks(std::size_t first_offset_bytes) {
  std::size_t offset = first_offset_bytes;
  while (offset != 0) {
    if (offset + free_block_bytes_min > page_.size()) return false;
    const std::size_t next = big_endian_at<2>(page_, offset);
    const std::size_t size = big_endian_at<2>(page_, offset + 2);
    if (size < free_block_bytes_min || !take(offset, size)) return false;
    // In ascending order; so near each other, they would be one.
    if (next != 0 && next < offset + size + free_block_bytes_min) return false;
    offset = next;
  }
  return true;
}

ByteView SqlitePage::from_cell(std::uint32_t cell) const {
  LIBREGION_ASSERT(cell < cell_count_);
  const std::size_t offset =
      big_endian_at<2>(page_, pointers_offset_bytes_ + 2 * std::size_t{cell});
  if (offset < content_offset_bytes_ || offset + cell_bytes_min > page_.size()) return {};
  return page_.subspan(offset);
}

std::optional<std::uint32_t> SqlitePage::left_child(std::uint32_t cell) const {
  LIBREGION_ASSERT(is_interior());
  const ByteView bytes = from_cell(cell);
  if (bytes.empty()) return std::nullopt;
  return big_endian_at<4>(bytes, 0);
}

std::uint32_t SqlitePage::right_child() const {
  LIBREGION_ASSERT(is_interior());
  return big_endian_at<4>(page_, pointers_offset_bytes_ - child_bytes);
}

std::optional<std::uint8_t> SqlitePage::row_number(std::uint32_t cell) const {
  LIBREGION_ASSERT(kind_ == SqlitePageKind::table_leaf);
  const ByteView bytes = from_cell(cell);
  if (bytes.empty()) return std::nullopt;
  return big_endian_at<1>(bytes, 1);
}

std::optional<ByteView> SqlitePage::take_record(std::uint32_t cell) {
  const ByteView bytes = from_cell(cell);
  if (bytes.empty()) return std::nullopt;
  const std::size_t length_offset = is_interior() ? child_bytes : 0;
  std::size_t record_offset = length_offset + 1;
  if (kind_ == SqlitePageKind::table_leaf) {
    if (big_endian_at<1>(bytes, record_offset) > one_byte_number_max) return std::nullopt;
    ++record_offset;
  }
  if (record_offset > bytes.size()) return std::nullopt;
  const std::size_t record_bytes = big_endian_at<1>(bytes, length_offset);
  if (record_bytes > one_byte_number_max) return std::nullopt;
  const std::size_t cell_bytes = std::max(record_offset + record_bytes, cell_bytes_min);
  if (!take(page_.size() - bytes.size(), cell_bytes)) return std::nullopt;
  return bytes.subspan(record_offset, record_bytes);
}

bool SqlitePage::take_cell(std::uint32_t cell, ByteView expected) {
  LIBREGION_ASSERT(expected.size() >= cell_bytes_min);
  const ByteView bytes = from_cell(cell);
  if (bytes.size() < expected.size()) return false;
  if (!std::equal(expected.begin(), expected.end(), bytes.begin())) return false;
  return take(page_.size() - bytes.size(), expected.size());
}

bool SqlitePage::is_complete() const {
  return content_offset_bytes_ + taken_bytes_ + fragmented_bytes_ == page_.size();
}

bool SqlitePage::take(std::size_t offset_bytes, std::size_t size_bytes) {
  if (offset_bytes < content_offset_bytes_) return false;
  if (offset_bytes > page_.size() || size_bytes > page_.size() - offset_bytes) return false;
  taken_bytes_ += size_bytes;
  while (size_bytes > 0) {
    const std::size_t shift = offset_bytes % 64;
    const std::size_t count = std::min(size_bytes, 64 - shift);
    const std::uint64_t mask = (~std::uint64_t{0} >> (64 - count)) << shift;
    std::uint64_t& word = taken_[offset_bytes / 64];
    if ((word & mask) != 0) return false;
    word |= mask;
    offset_bytes += count;
    size_bytes -= count;
  }
  return true;
}

}  // namespace libregion
