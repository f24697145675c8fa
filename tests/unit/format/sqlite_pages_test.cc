// Pages of a database whose cells are not where they could be.

#include "libregion/format/sqlite_pages.h"

#include <doctest/doctest.h>

namespace libregion {
namespace {

// A page with one cell, at this place.
class OneCellPage {
 public:
  OneCellPage(SqlitePageKind kind, std::size_t cell_offset_bytes) {
    bytes_[0] = static_cast<std::byte>(kind);
    put_number(3, 1);    // cells
    put_number(5, 100);  // where they begin
    put_number(kind == SqlitePageKind::index_interior ? 12 : 8, cell_offset_bytes);
  }
  // Of this page, which has to last as long.
  [[nodiscard]] SqlitePage open() const& {
    const auto page = SqlitePage::open(bytes_);
    REQUIRE(page);
    return *page;
  }
  SqlitePage open() const&& = delete;

 private:
  void put_number(std::size_t at, std::size_t number) {
    bytes_[at] = static_cast<std::byte>(number >> 8U);
    bytes_[at + 1] = static_cast<std::byte>(number);
  }

  std::array<std::byte, sqlite_page_bytes> bytes_{};
};

TEST_CASE("a cell among the pointers, or behind the page, is none") {
  for (const std::size_t offset : {std::size_t{0}, std::size_t{99}, sqlite_page_bytes - 3,
                                   sqlite_page_bytes, std::size_t{0xFFFF}}) {
    CAPTURE(offset);
    const OneCellPage table_page(SqlitePageKind::table_leaf, offset);
    SqlitePage table = table_page.open();
    CHECK(table.row_number(0) == std::nullopt);
    CHECK_FALSE(table.take_record(0).has_value());
    const Bytes expected(4);
    CHECK_FALSE(table.take_cell(0, expected));
    const OneCellPage index_page(SqlitePageKind::index_interior, offset);
    SqlitePage index = index_page.open();
    CHECK(index.left_child(0) == std::nullopt);
    CHECK_FALSE(index.take_record(0).has_value());
  }
}

TEST_CASE("a cell that ends with the page has no record behind its child") {
  const OneCellPage index_page(SqlitePageKind::index_interior, sqlite_page_bytes - 4);
  SqlitePage page = index_page.open();
  CHECK(page.left_child(0) == 0);
  CHECK_FALSE(page.take_record(0).has_value());
}

}  // namespace
}  // namespace libregion
