// Lists of extents: decimal, hexadecimal, names of files, ranges.

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/ops/extent_selection.h"

namespace libregion {
namespace {

// The selected ones among the first 10000, as text.
std::string selected(std::string_view list) {
  const ExtentSelection selection = ExtentSelection::parse(list);
  std::string text;
  for (std::uint32_t extent = 0; extent < 10'000; ++extent) {
    if (selection.contains(ExtentId{extent})) text += std::to_string(extent) + " ";
  }
  return text;
}

std::string usage_error(std::string_view list) {
  try {
    (void)ExtentSelection::parse(list);
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.what();
  }
}

TEST_CASE("without a list all extents are selected") {
  const ExtentSelection all;
  CHECK(all.is_all());
  CHECK(all.contains(ExtentId{0}));
  CHECK(all.contains(ExtentId{0xFFFFFFFF}));
  CHECK(all.count_of(0) == 0);
  CHECK(all.count_of(17) == 17);
  CHECK_NOTHROW(all.check_against(0));
}

TEST_CASE("a slice counts the selected extents that there are") {
  const auto slice = [](const ExtentSelection& selection, std::uint64_t first,
                        std::uint64_t count) {
    const ExtentSelection sliced = selection.slice(first, count, 10);
    std::string text;
    for (std::uint32_t extent = 0; extent < 20; ++extent) {
      if (sliced.contains(ExtentId{extent})) text += std::to_string(extent) + " ";
    }
    return text;
  };
  CHECK(slice({}, 0, 10) == "0 1 2 3 4 5 6 7 8 9 ");
  CHECK(slice({}, 9, 1) == "9 ");
  CHECK(slice({}, 3, 100) == "3 4 5 6 7 8 9 ");
  const ExtentSelection some = ExtentSelection::parse("1-3,5,8-12");
  CHECK(slice(some, 0, 1) == "1 ");
  CHECK(slice(some, 2, 2) == "3 5 ");
  CHECK(slice(some, 3, 9) == "5 8 9 ");
  CHECK(slice(ExtentSelection::parse("1-3,12,15-17"), 2, 9) == "3 ");
}

TEST_CASE("bare digits are decimal") {
  CHECK(selected("0") == "0 ");
  CHECK(selected("100") == "100 ");
  CHECK(selected("0100") == "100 ");
}

TEST_CASE("0x makes hexadecimal of either case") {
  CHECK(selected("0x10") == "16 ");
  CHECK(selected("0X1f") == "31 ");
}

TEST_CASE("a letter or a slash makes the name of a file") {
  CHECK(selected("67D") == "1661 ");
  CHECK(selected("00A") == "10 ");
  CHECK(selected("00/000/064") == "100 ");
  CHECK(selected("00/001/000") == "4096 ");
}

TEST_CASE("ranges have both their ends, however each is written") {
  CHECK(selected("5-9") == "5 6 7 8 9 ");
  CHECK(selected("7-7") == "7 ");
  CHECK(selected("0x10-0x12") == "16 17 18 ");
  CHECK(selected("9-00A") == "9 10 ");
  CHECK(selected("00/000/FFF-00/001/000") == "4095 4096 ");
}

TEST_CASE("commas make a union, in whatever order and however they overlap") {
  CHECK(selected("7,0x10,67D") == "7 16 1661 ");
  CHECK(selected("9,3,9,3") == "3 9 ");
  CHECK(selected("4-6,5-8,1,8") == "1 4 5 6 7 8 ");
  CHECK(selected("1-9,3-4") == "1 2 3 4 5 6 7 8 9 ");
}

TEST_CASE("the largest number there is can be named") {
  const ExtentSelection last = ExtentSelection::parse("4294967294-4294967295");
  CHECK(last.contains(ExtentId{0xFFFFFFFF}));
  CHECK(last.contains(ExtentId{0xFFFFFFFE}));
  CHECK_FALSE(last.contains(ExtentId{0xFFFFFFFD}));
  CHECK(ExtentSelection::parse("0-4294967295").count_of(0xFFFFFFFF) == 0xFFFFFFFF);
}

TEST_CASE("what names no extent is a usage error that shows it") {
  for (const char* list : {"",
                           ",",
                           "1,",
                           ",1",
                           "1,,2",
                           "-",
                           "1-",
                           "-1",
                           "5-6-7",
                           " 1",
                           "1 ",
                           "x",
                           "0x",
                           "0xg",
                           "4294967296",
                           "0x100000000",
                           "67d",
                           "67DE",
                           "1/2/3",
                           "00/000/",
                           "00/000/00",
                           "/00/000/000",
                           "00/000/000.db",
                           "1..3",
                           "+1"}) {
    CAPTURE(list);
    CHECK(usage_error(list) != "");
  }
  CHECK(usage_error("1,zz,3").find("'zz'") != std::string::npos);
  CHECK(usage_error("\x1b[2J").find("\\x1b") != std::string::npos);
}

TEST_CASE("a range that runs downwards is a usage error") {
  CHECK(usage_error("9-5") == "'9-5': a range runs upwards");
  CHECK(usage_error("1,0x10-0xF") != "");
}

TEST_CASE("selected extents are counted as far as the region goes, each once") {
  const ExtentSelection selection = ExtentSelection::parse("2-5,4-7,100");
  CHECK(selection.count_of(0) == 0);
  CHECK(selection.count_of(2) == 0);
  CHECK(selection.count_of(3) == 1);
  CHECK(selection.count_of(7) == 5);
  CHECK(selection.count_of(100) == 6);
  CHECK(selection.count_of(101) == 7);
}

TEST_CASE("an extent that the region does not have is a usage error") {
  const ExtentSelection selection = ExtentSelection::parse("3,9");
  CHECK_NOTHROW(selection.check_against(10));
  CHECK_THROWS_AS(selection.check_against(9), Error);
  CHECK_THROWS_AS(selection.check_against(0), Error);
  try {
    selection.check_against(5);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()) == "extent 9 was named, but the region has 5 extents");
  }
}

}  // namespace
}  // namespace libregion
