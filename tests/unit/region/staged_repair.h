// Repairs that wait to be put in place, made from the files of other regions.

#pragma once

#include <doctest/doctest.h>

#include "libregion/io/posix_file_system.h"
#include "libregion/region/leaf.h"
#include "libregion/region/staging.h"
#include "tests/support/region_builder.h"

namespace libregion {

inline const std::string replace = "00/000/000.replace";
inline const std::string data_name = "00/000/000";

// Copies an extent's files, whichever it has, into the .replace of extent 0.
inline void put_replacement(const TestRegion& region, const TestRegion& source) {
  region.make_directory(replace);
  for (const ExtentPart part :
       {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
    const std::string path = extent_path(ExtentId{0}, part);
    if (!source.has(path)) continue;
    region.put_file(replace + "/" + extent_file_name(ExtentId{0}, part), source.file(path));
  }
}

// A region open for repairs.
struct Repair {
  explicit Repair(const TestRegion& region) {
    auto opened = open_region(file_system, region.path(), {Access::read_write});
    REQUIRE(opened.region);
    open = std::move(opened.region);
    leaf.emplace(Leaf::open(*open, LeafId{0}));
  }
  std::vector<Finding> check() {
    return check_replacement(*leaf->directory(), ExtentId{0}, leaf->parts_of(ExtentId{0}),
                             open->definition.geometry);
  }
  void finish() {
    finish_replacement(*leaf->directory(), ExtentId{0}, leaf->parts_of(ExtentId{0}), *open->use);
  }
  void clean() { remove_leftovers(*leaf->directory(), ExtentId{0}, leaf->parts_of(ExtentId{0})); }
  PosixFileSystem file_system;
  std::optional<Region> open;
  std::optional<Leaf> leaf;
};

// Refused, and nothing is touched by looking.
inline std::vector<Finding> refusal_of(const TestRegion& region) {
  const auto before = region.snapshot();
  auto findings = Repair(region).check();
  CHECK(region.snapshot() == before);
  for (const Finding& finding : findings) {
    CHECK(finding.extent == ExtentId{0});
    CHECK(finding.file == replace);
  }
  return findings;
}

// Accepted, and put in place: the extent is then what `source` has.
inline void check_put_in_place(const TestRegion& region, const TestRegion& source) {
  CHECK(names_of(refusal_of(region)) == "");
  Repair(region).finish();
  for (const ExtentPart part :
       {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
    const std::string path = extent_path(ExtentId{0}, part);
    CAPTURE(path);
    CHECK(region.has(path) == source.has(path));
    if (region.has(path) && source.has(path)) CHECK(region.file(path) == source.file(path));
  }
  CHECK_FALSE(region.has(replace));
  CHECK_FALSE(region.has("00/000/000.completed"));
}

inline TestRegion raw_region(ContextSlot slot = ContextSlot::B) {
  TestRegion region;
  region.put_raw(0, region.raw().write_all(slot).set_numbers(3, 4));
  region.put_raw(1, region.raw().write_all());
  return region;
}

inline TestRegion sqlite_region(std::uint64_t blocks) {
  TestRegion region;
  region.put_sqlite(0, blocks);
  region.put_raw(1, region.raw().write_all());
  return region;
}

inline TestRegion killed_sqlite_region(std::uint64_t block) {
  TestRegion region = sqlite_region(4);
  const auto writer = region.continue_sqlite(0);
  writer->write(block, region.data_for(block, 7));
  writer->die();
  return region;
}

}  // namespace libregion
