#include "libregion/format/extent_names.h"

#include <set>

#include <doctest/doctest.h>

#include "tests/support/random.h"

namespace libregion {
namespace {

using namespace std::string_view_literals;
using Texts = std::vector<std::string_view>;

TEST_CASE(
    "extent names and paths up to FF/FFF/FFF: bits 31..24, 23..12 and 11..0 in upper-case hex") {
  CHECK(extent_path({0}) == "00/000/000");
  CHECK(extent_path({1}) == "00/000/001");
  CHECK(extent_path({1661}) == "00/000/67D");
  CHECK(extent_path({0xFFF}) == "00/000/FFF");
  CHECK(extent_path({0x1000}) == "00/001/000");
  CHECK(extent_path({0xABCDE}) == "00/0AB/CDE");
  CHECK(extent_path({0xFFFFFF}) == "00/FFF/FFF");
  CHECK(extent_path({0x1000000}) == "01/000/000");
  CHECK(extent_path({0x12345678}) == "12/345/678");
  CHECK(extent_path({0xFFFFFFFF}) == "FF/FFF/FFF");
}

TEST_CASE("what stands beside a data file has its name and a suffix") {
  CHECK(extent_path({0x1A}, ExtentPart::data) == "00/000/01A");
  CHECK(extent_path({0x1A}, ExtentPart::db) == "00/000/01A.db");
  CHECK(extent_path({0x1A}, ExtentPart::db_wal) == "00/000/01A.db-wal");
  CHECK(extent_path({0x1A}, ExtentPart::db_shm) == "00/000/01A.db-shm");
  CHECK(extent_path({0x1A}, ExtentPart::db_journal) == "00/000/01A.db-journal");
  CHECK(extent_path({0x1A}, ExtentPart::copy) == "00/000/01A.copy");
  CHECK(extent_path({0x1A}, ExtentPart::replace) == "00/000/01A.replace");
  CHECK(extent_path({0x1A}, ExtentPart::completed) == "00/000/01A.completed");
  CHECK(extent_file_name({0x12345678}, ExtentPart::db_wal) == "678.db-wal");
  CHECK(extent_file_name({0xFFFFFFFF}) == "FFF");
}

TEST_CASE("a leaf directory holds the 4096 extents that share bits 31..12") {
  CHECK(extents_per_leaf == 4096);
  CHECK(leaf_of({0}) == leaf_of({4095}));
  CHECK(leaf_of({4095}) != leaf_of({4096}));
  CHECK(leaf_of({0x12345678}).value == 0x12345);
  CHECK(leaf_directory_path(leaf_of({0})) == "00/000");
  CHECK(leaf_directory_path(leaf_of({0x12345678})) == "12/345");
  CHECK(leaf_directory_path(leaf_of({0xFFFFFFFF})) == "FF/FFF");
  CHECK(top_directory_name(leaf_of({0x0A345678})) == "0A");
}

TEST_CASE("the other files of a region have fixed names") {
  CHECK(definition_name == "region.json");
  CHECK(seed_database_name == "seed.db");
}

TEST_CASE("names of directories are two or three upper-case hex digits") {
  CHECK(parse_top_directory_name("00") == 0);
  CHECK(parse_top_directory_name("0A") == 0x0A);
  CHECK(parse_top_directory_name("FF") == 0xFF);
  CHECK(parse_leaf_directory_name("000") == 0);
  CHECK(parse_leaf_directory_name("FFF") == 0xFFF);
  for (const std::string_view name :
       Texts{"", "0", "000", "ff", "0a", "0G", " 0", "0 ", "+1", "0x", "..", "0\0"sv}) {
    CAPTURE(name);
    CHECK(parse_top_directory_name(name) == std::nullopt);
  }
  for (const std::string_view name : Texts{"", "00", "0000", "fff", "00g", "0/0", "-01", "0x1"}) {
    CAPTURE(name);
    CHECK(parse_leaf_directory_name(name) == std::nullopt);
  }
}

TEST_CASE("every part of an extent is recognised by its name") {
  const LeafId leaf{0x12345};
  const std::vector<std::pair<std::string_view, ExtentPart>> names = {
      {"67D", ExtentPart::data},
      {"67D.db", ExtentPart::db},
      {"67D.db-wal", ExtentPart::db_wal},
      {"67D.db-shm", ExtentPart::db_shm},
      {"67D.db-journal", ExtentPart::db_journal},
      {"67D.copy", ExtentPart::copy},
      {"67D.replace", ExtentPart::replace},
      {"67D.completed", ExtentPart::completed}};
  REQUIRE(names.size() == all_extent_parts.size());
  for (const auto& expected : names) {
    const std::string_view name = expected.first;
    CAPTURE(name);
    const auto parsed = parse_extent_name(leaf, name);
    REQUIRE(parsed);
    CHECK(parsed->extent.value == 0x1234567D);
    CHECK(parsed->part == expected.second);
  }
}

TEST_CASE("other names belong to no extent") {
  for (const std::string_view name : Texts{"",
                                           "0",
                                           "00",
                                           "0000",
                                           "67d",
                                           "67G",
                                           "67D.",
                                           "67D.DB",
                                           "67D.db-",
                                           "67D.db-wal2",
                                           "67D.dbwal",
                                           "67D.db.db",
                                           "67D copy",
                                           "67D.copy/",
                                           "67D~",
                                           "67D.replaced",
                                           "67D.db\n",
                                           ".67D",
                                           ".db",
                                           " 67D",
                                           "67D ",
                                           "67D\0"sv,
                                           "0x1",
                                           "+01",
                                           "region.json",
                                           "..",
                                           "."}) {
    CAPTURE(name);
    CHECK_FALSE(parse_extent_name(LeafId{0}, name).has_value());
  }
}

TEST_CASE("every part's path is its own, and any extent comes back from its name") {
  Random random(16);
  for (int i = 0; i < 1000; ++i) {
    const ExtentId extent{static_cast<std::uint32_t>(random.next())};
    std::set<std::string> paths;
    for (const ExtentPart part : all_extent_parts) {
      const auto parsed = parse_extent_name(leaf_of(extent), extent_file_name(extent, part));
      REQUIRE(parsed);
      REQUIRE(parsed->extent == extent);
      REQUIRE(parsed->part == part);
      paths.insert(extent_path(extent, part));
    }
    REQUIRE(paths.size() == all_extent_parts.size());
    REQUIRE(parse_extent_reference(extent_path(extent)) == extent);
  }
}

TEST_CASE("parts of an extent are kept apart") {
  for (const ExtentPart part : all_extent_parts) {
    ExtentParts parts;
    CHECK(parts.empty());
    parts.add(part);
    CHECK_FALSE(parts.empty());
    for (const ExtentPart other : all_extent_parts) CHECK(parts.has(other) == (other == part));
  }
  ExtentParts two;
  two.add(ExtentPart::db);
  two.add(ExtentPart::completed);
  CHECK(two.has(ExtentPart::db));
  CHECK(two.has(ExtentPart::completed));
  CHECK_FALSE(two.has(ExtentPart::data));
}

TEST_CASE("an extent is named in decimal by bare digits, three of them too") {
  CHECK(parse_extent_reference("0") == ExtentId{0});
  CHECK(parse_extent_reference("64") == ExtentId{64});
  CHECK(parse_extent_reference("064") == ExtentId{64});
  CHECK(parse_extent_reference("100") == ExtentId{100});
  CHECK(parse_extent_reference("4294967295") == ExtentId{0xFFFFFFFF});
}

TEST_CASE("an extent is named in hex after 0x, in either case") {
  CHECK(parse_extent_reference("0x64") == ExtentId{0x64});
  CHECK(parse_extent_reference("0X67d") == ExtentId{0x67D});
  CHECK(parse_extent_reference("0x67D") == ExtentId{0x67D});
  CHECK(parse_extent_reference("0xffffffff") == ExtentId{0xFFFFFFFF});
  CHECK(parse_extent_reference("0x00000000ffffffff") == ExtentId{0xFFFFFFFF});
}

TEST_CASE("an extent is named by its file, with a letter or a slash in the name") {
  CHECK(parse_extent_reference("67D") == ExtentId{0x67D});
  CHECK(parse_extent_reference("FFF") == ExtentId{0xFFF});
  CHECK(parse_extent_reference("1E3") == ExtentId{0x1E3});
  CHECK(parse_extent_reference("00/000/064") == ExtentId{0x64});
  CHECK(parse_extent_reference("12/345/678") == ExtentId{0x12345678});
  CHECK(parse_extent_reference("FF/FFF/FFF") == ExtentId{0xFFFFFFFF});
}

TEST_CASE("a number beyond 32 bits names no extent") {
  for (const std::string_view text :
       Texts{"4294967296", "18446744073709551615", "18446744073709551616", "0x100000000",
             "0xffffffffffffffff", "0x10000000000000000"}) {
    CAPTURE(text);
    CHECK(parse_extent_reference(text) == std::nullopt);
  }
}

TEST_CASE("what is neither number, name nor path names no extent") {
  for (const std::string_view text :
       Texts{"",           " ",         "0x",         "x64",        "0xg",           "-1",
             "+1",         "1.0",       "67d",        "6D",         "67DD",          "67D.db",
             "/",          "00/000",    "000/064",    "00/000/",    "/00/000/064",   "00/000/064/",
             "00/000/64",  "0/000/064", "00/00/0064", "00//000064", "00/000/064.db", "00/000/06g",
             "00/000/06d", "00-000-064"}) {
    CAPTURE(text);
    CHECK(parse_extent_reference(text) == std::nullopt);
  }
}

}  // namespace
}  // namespace libregion
