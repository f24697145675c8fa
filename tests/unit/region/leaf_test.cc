// What a region's directories hold: the parts of each extent, strays, extents too many.

#include "libregion/region/leaf.h"

#include <doctest/doctest.h>

#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

Region open(const TestRegion& region) {
  PosixFileSystem file_system;
  auto opened = open_region(file_system, region.path(), {});
  REQUIRE(opened.region);
  return std::move(*opened.region);
}

std::string files_of(const std::vector<Finding>& findings) {
  std::string files;
  for (const Finding& finding : findings) files += (files.empty() ? "" : ", ") + finding.file;
  return files;
}

// ---- a leaf directory ---------------------------------------------------------------------------

TEST_CASE("a leaf knows which parts each extent has") {
  TestRegion region;
  region.put_raw(0);
  for (const char* name : {"001", "001.db", "001.db-wal", "001.db-shm", "001.db-journal", "FFF"}) {
    region.put_file(std::string("00/000/") + name, std::string_view());
  }
  for (const char* name : {"001.copy", "001.replace", "001.completed"}) {
    region.make_directory(std::string("00/000/") + name);
  }
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{0});
  CHECK(leaf.id() == LeafId{0});
  CHECK(leaf.directory() != nullptr);
  CHECK(names_of(leaf.findings()) == "");
  REQUIRE(leaf.extents().size() == 3);
  for (const ExtentPart part : all_extent_parts) {
    CAPTURE(part_suffix(part));
    CHECK(leaf.parts_of(ExtentId{0}).has(part) == (part == ExtentPart::data));
    CHECK(leaf.parts_of(ExtentId{1}).has(part));
    CHECK_FALSE(leaf.parts_of(ExtentId{2}).has(part));
  }
  CHECK(leaf.parts_of(ExtentId{4095}).has(ExtentPart::data));
}

TEST_CASE("the extents of a later leaf carry its number") {
  TestRegion region({512, 8, 8192});
  region.make_directory("00/001");
  region.put_file("00/001/00A", std::string_view());
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{1});
  REQUIRE(leaf.extents().size() == 1);
  CHECK(leaf.extents().begin()->first == ExtentId{4096 + 10});
}

TEST_CASE("names that no extent has are strays, told of in their order") {
  TestRegion region;
  for (const char* name : {"zz", "000.db-wal2", "00a", "0000", "README", "00.db", ".hidden"}) {
    region.put_file(std::string("00/000/") + name, std::string_view());
  }
  region.make_directory("00/000/directory");
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{0});
  CHECK(leaf.extents().empty());
  for (const Finding& finding : leaf.findings()) CHECK(finding.id == FindingId::stray_file);
  CHECK(files_of(leaf.findings()) ==
        "00/000/.hidden, 00/000/00.db, 00/000/000.db-wal2, 00/000/0000, 00/000/00a, "
        "00/000/README, 00/000/directory, 00/000/zz");
}

TEST_CASE("a leaf directory that is missing has no extents, and is no finding of its own") {
  TestRegion region;
  region.remove("00/000");
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{0});
  CHECK(leaf.directory() == nullptr);
  CHECK(leaf.extents().empty());
  CHECK(names_of(leaf.findings()) == "");
}

TEST_CASE("a leaf directory that is none is a finding, and not followed") {
  TestRegion region;
  region.put_raw(0);
  SUBCASE("a symbolic link to a directory") {
    region.make_directory("elsewhere");
    region.put_file("elsewhere/000", std::string_view());
    region.remove("00/000");
    region.put_symbolic_link("00/000", "../elsewhere");
  }
  SUBCASE("a link above it") {
    region.make_directory("elsewhere/000");
    region.remove("00");
    region.put_symbolic_link("00", "elsewhere");
  }
  SUBCASE("a file") {
    region.remove("00/000");
    region.put_file("00/000", std::string_view());
  }
  SUBCASE("a FIFO") {
    region.remove("00/000");
    region.put_fifo("00/000");
  }
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{0});
  CHECK(leaf.directory() == nullptr);
  CHECK(leaf.extents().empty());
  REQUIRE(names_of(leaf.findings()) == "not_a_regular_file");
  CHECK(leaf.findings()[0].file == "00/000");
  CHECK(leaf.findings()[0].expected == "a directory");
}

// ---- what the region does not count -------------------------------------------------------------

TEST_CASE("a region with nothing but its extents has no surplus") {
  TestRegion region;
  region.put_raw_everywhere();
  region.put_file("seed.db", std::string_view("harmless"));
  const Region opened = open(region);
  const Surplus surplus = find_surplus(opened);
  CHECK(names_of(surplus.findings) == "");
  CHECK(surplus.leaves_beyond.empty());
}

TEST_CASE("strays beside region.json and in the directories above the leaves are told of by name") {
  TestRegion region;
  // On most systems a listing comes in no order, or the other way round.
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "region.json.tmp"}) {
    region.put_file(name, std::string_view());
  }
  for (const char* name : {"00/a", "00/b", "00/c", "00/d", "00/e", "00/0001"}) {
    region.put_file(name, std::string_view());
  }
  region.make_directory("0");
  const Region opened = open(region);
  const Surplus surplus = find_surplus(opened);
  for (const Finding& finding : surplus.findings) CHECK(finding.id == FindingId::stray_file);
  CHECK(files_of(surplus.findings) ==
        "0, a, b, c, d, e, f, g, region.json.tmp, 00/0001, 00/a, 00/b, 00/c, 00/d, 00/e");
}

TEST_CASE("leaf directories beyond the last extent are found, in order") {
  TestRegion region({512, 8, 4097});  // leaves 0 and 1
  for (const char* leaf : {"00/001", "00/003", "00/002", "01/000", "FF/FFF"}) {
    region.make_directory(leaf);
  }
  const Region opened = open(region);
  const Surplus surplus = find_surplus(opened);
  CHECK(surplus.leaves_beyond ==
        std::vector{LeafId{2}, LeafId{3}, LeafId{0x1000}, LeafId{0xFFFFF}});
  CHECK(names_of(surplus.findings) == "");
}

TEST_CASE("in a region of no extents every leaf is one too many") {
  TestRegion region({512, 8, 0});
  const Region opened = open(region);
  CHECK(find_surplus(opened).leaves_beyond == std::vector{LeafId{0}});
}

TEST_CASE("a directory above the leaves that is none is a finding") {
  TestRegion region;
  region.put_symbolic_link("01", "00");
  region.put_file("02", std::string_view());
  const Region opened = open(region);
  const Surplus surplus = find_surplus(opened);
  CHECK(names_of(surplus.findings) == "not_a_regular_file, not_a_regular_file");
  CHECK(files_of(surplus.findings) == "01, 02");
  CHECK(surplus.leaves_beyond.empty());
}

TEST_CASE("extents that region.json does not count are told of, one by one") {
  TestRegion region({512, 8, 2});
  region.put_raw(1);
  region.put_raw(2);
  region.put_file("00/000/010.db", std::string_view());
  const Region opened = open(region);
  const Leaf leaf = Leaf::open(opened, LeafId{0});
  const auto findings = find_extra_extents(leaf, 2);
  REQUIRE(names_of(findings) == "extra_extent, extra_extent");
  CHECK(findings[0].extent == ExtentId{2});
  CHECK(findings[0].file == "00/000/002");
  CHECK(findings[0].expected == "2 extents");
  CHECK(findings[1].extent == ExtentId{16});
  CHECK(find_extra_extents(leaf, 17).empty());
}

}  // namespace
}  // namespace libregion
