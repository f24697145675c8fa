// A database read without SQLite, against SQLite: whatever is done to an image, either both say the
// same, or the walk refuses it. REGION_WALK_MUTATIONS sets how many images; a normal run takes a
// few thousand.

#include "libregion/format/sqlite_walk.h"

#include <cstdlib>
#include <map>

#include <doctest/doctest.h>

#include "libregion/extent/sqlite_image.h"
#include "libregion/format/sqlite_pages.h"
#include "tests/support/random.h"
#include "tests/unit/extent/open_test_sqlite.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_count = 40'000;
const Geometry geometry = std::get<Geometry>(Geometry::make(512, block_count));

// As the loader leaves it: without a log.
Bytes without_log(Bytes image) {
  image[18] = image[19] = std::byte{1};
  return image;
}

// Every third block has a row; hashes of all magnitudes.
Bytes build_image(std::uint64_t row_count, bool encrypted) {
  Random random(row_count);
  SlotArray contexts(3 * row_count);
  for (std::uint64_t i = 0; i < row_count; ++i) {
    BlockContext context{random.next() >> random.below(64), std::nullopt,
                         random.next() >> random.below(64), 0};
    if (encrypted) context.encryption = some_encryption(i);
    contexts.set(3 * i, context);
  }
  return without_log(build_sqlite_image({true, 300, 70'000, sqlite_ext_version, 0, 0}, contexts));
}

// What a service leaves after overwriting and removing: free blocks and fragments in the pages,
// several rows for a block.
Bytes build_used_image() {
  TestRegion region({.block_size_bytes = 512, .extent_size_blocks = 256, .extent_count = 1});
  const auto writer = region.make_sqlite(0);
  Random random(7);
  writer->execute("BEGIN");
  for (int i = 0; i < 1'500; ++i) {
    const std::string block = std::to_string(random.below(256));
    const auto hash = std::to_string(static_cast<std::int64_t>(random.next() >> random.below(64)));
    const std::string secrets = random.coin() ? "randomblob(12), randomblob(16)" : "NULL, NULL";
    std::string values = block;
    values += ", " + hash + ", " + secrets + ", " + hash;
    writer->execute("INSERT OR REPLACE INTO block_context VALUES (" + values + ")");
    if (i % 3 == 0) writer->execute("DELETE FROM block_context WHERE block = " + block);
    if (i % 50 == 0) {
      writer->execute("UPDATE metadata SET value = " + std::to_string(i) +
                      " WHERE name LIKE '%number'");
    }
  }
  writer->execute("COMMIT");
  writer->close_cleanly();
  return without_log(region.file("00/000/000.db"));
}

// ---- what is sound ------------------------------------------------------------------------------

struct Tally {
  std::uint64_t walked = 0;
  std::uint64_t refused = 0;
};

// Fails where the walk takes what SQLite reads otherwise or complains of.
void compare(ByteView image, Tally& tally) {
  const ExtentId extent{0};
  const auto metadata = walk_sqlite_metadata(image);
  const auto rows = walk_sqlite_rows(image, block_count);
  if (metadata && !rows) {
    const SqliteTables reference = read_metadata_with_sqlite(image, extent, geometry);
    if (reference.metadata != metadata || !reference.findings.empty()) FAIL("other metadata");
  }
  ++(rows && metadata ? tally.walked : tally.refused);
  if (!rows || !metadata) return;
  const SqliteTables reference = read_tables_with_sqlite(image, extent, geometry);
  if (!reference.findings.empty()) FAIL(names_of(reference.findings));
  if (reference.metadata != metadata) FAIL("other metadata");
  if (reference.rows != rows) FAIL("other rows");
}

TEST_CASE("a database as Crucible makes it is walked, whatever its size") {
  Tally tally;
  for (const std::uint64_t row_count : {0U, 1U, 2U, 60U, 200U, 13'000U}) {
    CAPTURE(row_count);
    for (const bool encrypted : {false, true}) {
      const Bytes image = build_image(row_count, encrypted);
      const auto rows = walk_sqlite_rows(image, block_count);
      REQUIRE(rows);
      CHECK(rows->size() == row_count);
      compare(image, tally);
    }
  }
  CHECK(tally.refused == 0);
}

TEST_CASE("a database that was written to for long is walked") {
  Tally tally;
  compare(build_used_image(), tally);
  CHECK(tally.walked == 1);
}

TEST_CASE("a database with its mark of a log, or of another number of pages, is refused") {
  Bytes image = build_image(5, false);
  REQUIRE(walk_sqlite_metadata(image));
  SUBCASE("the log") { image[19] = std::byte{2}; }
  SUBCASE("a page more") { image.resize(image.size() + sqlite_page_bytes); }
  SUBCASE("half a page more") { image.resize(image.size() + sqlite_page_bytes / 2); }
  SUBCASE("a page less") { image.resize(image.size() - sqlite_page_bytes); }
  SUBCASE("nothing") { image.clear(); }
  SUBCASE("another schema") { image[4000] ^= std::byte{1}; }
  CHECK(walk_sqlite_metadata(image) == std::nullopt);
  CHECK_FALSE(walk_sqlite_rows(image, block_count).has_value());
}

TEST_CASE("pages of a database that is too large, or less than a header, are refused") {
  const Bytes image = build_image(5, false);
  REQUIRE(walk_sqlite_metadata(image, image.size()));
  CHECK_FALSE(walk_sqlite_metadata(ByteView(image).first(99), image.size()));
  CHECK_FALSE(walk_sqlite_metadata(image, (std::uint64_t{1} << 30) + sqlite_page_bytes));
}

// ---- b-trees that are none ----------------------------------------------------------------------

// Of three levels: the root is page 4.
class Tree {
 public:
  static constexpr std::uint32_t root = 4;

  [[nodiscard]] bool is_refused() const { return !walk_sqlite_rows(image, block_count); }
  [[nodiscard]] bool is_interior(std::uint32_t page) const {
    return image[offset_of(page)] == std::byte{2};
  }
  [[nodiscard]] std::uint32_t left_child(std::uint32_t page) const {
    return big_endian_at<4>(image, cell_of(page));
  }
  [[nodiscard]] std::uint32_t right_child(std::uint32_t page) const {
    return big_endian_at<4>(image, offset_of(page) + 8);
  }
  void set_left_child(std::uint32_t page, std::uint32_t child) { put(cell_of(page), child); }
  void set_right_child(std::uint32_t page, std::uint32_t child) { put(offset_of(page) + 8, child); }
  void remove_cells(std::uint32_t page) {
    image[offset_of(page) + 3] = image[offset_of(page) + 4] = std::byte{0};
  }
  void copy(std::uint32_t source, std::uint32_t target) {
    std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(offset_of(source)), sqlite_page_bytes,
                image.begin() + static_cast<std::ptrdiff_t>(offset_of(target)));
  }

  Bytes image = build_image(13'000, true);

 private:
  static std::size_t offset_of(std::uint32_t page) {
    return std::size_t{page - 1} * sqlite_page_bytes;
  }
  // The first one.
  [[nodiscard]] std::size_t cell_of(std::uint32_t page) const {
    return offset_of(page) + big_endian_at<2>(image, offset_of(page) + 12);
  }
  void put(std::size_t at, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i) {
      image[at + i] = static_cast<std::byte>(number >> (24 - 8 * i));
    }
  }
};

TEST_CASE("a tree with a page that leads nowhere, or lies on the wrong level, is refused") {
  Tree tree;
  REQUIRE_FALSE(tree.is_refused());
  const std::uint32_t inner = tree.left_child(Tree::root);
  const std::uint32_t leaf = tree.left_child(inner);
  REQUIRE(tree.is_interior(inner));
  REQUIRE_FALSE(tree.is_interior(leaf));
  SUBCASE("no page") { tree.set_left_child(Tree::root, 0); }
  SUBCASE("no page at the end") { tree.set_right_child(inner, 0); }
  SUBCASE("an interior page without a cell") { tree.remove_cells(inner); }
  SUBCASE("a root without a cell that is no leaf") { tree.remove_cells(Tree::root); }
  SUBCASE("a leaf without a cell") { tree.remove_cells(leaf); }
  SUBCASE("a leaf above the others") {
    tree.set_right_child(Tree::root, tree.left_child(tree.right_child(Tree::root)));
  }
  SUBCASE("a table's page") { tree.copy(2, leaf); }
  SUBCASE("more levels than there can be") {
    std::uint32_t page = Tree::root;
    for (std::uint32_t next = 10; next < 16; ++next) {
      tree.copy(inner, next);
      tree.set_left_child(page, next);
      page = next;
    }
  }
  CHECK(tree.is_refused());
}

TEST_CASE("rows of blocks that the extent does not have are left to SQLite") {
  const Bytes image = build_image(5, false);
  CHECK(walk_sqlite_rows(image, 13).has_value());
  CHECK_FALSE(walk_sqlite_rows(image, 12).has_value());
}

// ---- what was changed ---------------------------------------------------------------------------

// Aims at what gives an image its structure.
class Mutator {
 public:
  Mutator(Bytes& image, Random& random) : image_(image), random_(random) {}

  void change() {
    const std::size_t page = random_.below(image_.size() / sqlite_page_bytes) * sqlite_page_bytes;
    const std::size_t header = page + (page == 0 ? sqlite_header_bytes : 0);
    switch (random_.below(9)) {
      case 0: put(random_.below(sqlite_header_bytes)); break;
      case 1: put(header + random_.below(12)); break;
      case 2: put(pointer_of(header) + random_.below(2)); break;
      case 3: swap_pointers(header); break;
      case 4: put(in_page(page, number_at(header + 1) + random_.below(4))); break;
      case 5: put(page + random_.below(sqlite_page_bytes)); break;
      case 6: copy_page(page); break;
      case 7: copy_cell(page, header); break;
      default: put(in_page(page, number_at(pointer_of(header)) + random_.below(12))); break;
    }
  }

 private:
  std::size_t number_at(std::size_t offset) { return big_endian_at<2>(image_, offset); }
  static std::size_t in_page(std::size_t page, std::size_t offset) {
    return page + offset % sqlite_page_bytes;
  }

  // The place that points to some cell.
  std::size_t pointer_of(std::size_t header) {
    const std::size_t cell_count = std::min<std::size_t>(number_at(header + 3) + 1, 600);
    const bool is_interior = image_[header] == std::byte{2};
    return header + (is_interior ? 12 : 8) + 2 * random_.below(cell_count);
  }

  void put(std::size_t offset) {
    constexpr std::array<unsigned char, 16> telling = {0, 1,  2,  4,  5,  6,    7,    8,
                                                       9, 10, 13, 36, 44, 0x7F, 0x80, 0xFF};
    std::byte& target = image_[offset];
    switch (random_.below(5)) {
      case 0: target = std::byte{telling[random_.below(telling.size())]}; break;
      case 1: target ^= static_cast<std::byte>(1U << random_.below(8)); break;
      case 2: target = static_cast<std::byte>(std::to_integer<unsigned>(target) + 1); break;
      case 3: target = static_cast<std::byte>(std::to_integer<unsigned>(target) - 1); break;
      default: target = random_.byte();
    }
  }

  void swap_pointers(std::size_t header) {
    const auto first = image_.begin() + static_cast<std::ptrdiff_t>(pointer_of(header));
    const auto second = image_.begin() + static_cast<std::ptrdiff_t>(pointer_of(header));
    if (first != second) std::swap_ranges(first, first + 2, second);
  }

  void copy_page(std::size_t page) {
    const std::size_t target = random_.below(image_.size() / sqlite_page_bytes) * sqlite_page_bytes;
    const auto source = image_.begin() + static_cast<std::ptrdiff_t>(page);
    if (target == page || random_.below(4) != 0) return;
    std::copy_n(source, sqlite_page_bytes, image_.begin() + static_cast<std::ptrdiff_t>(target));
  }

  // The first bytes of one cell over those of another: often still a sound page.
  void copy_cell(std::size_t page, std::size_t header) {
    const std::size_t source = number_at(pointer_of(header));
    const std::size_t target = number_at(pointer_of(header));
    const std::size_t size = 1 + random_.below(24);
    for (std::size_t i = 0; i < size; ++i) {
      image_[in_page(page, target + i)] = image_[in_page(page, source + i)];
    }
  }

  Bytes& image_;
  Random& random_;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST_CASE("whatever is changed in an image, SQLite reads the same, or the walk refuses it") {
  const std::vector<Bytes> sound = {build_image(3, true), build_image(40, false),
                                    build_image(300, true), build_used_image()};
  const std::uint64_t count = number_from("REGION_WALK_MUTATIONS", 4'000);
  const std::uint64_t first_seed = number_from("REGION_WALK_SEED", 0);
  Tally tally;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = first_seed + i;
    CAPTURE(seed);
    Random random(seed);
    Bytes image = sound[seed % sound.size()];
    Mutator mutator(image, random);
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) mutator.change();
    compare(image, tally);
  }
  MESSAGE(count << " images: " << tally.walked << " walked and read the same by SQLite, "
                << tally.refused << " refused");
  CHECK(tally.walked >= count / 20);
  CHECK(tally.refused >= count / 20);
}

}  // namespace
}  // namespace libregion
