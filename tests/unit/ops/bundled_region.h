// Regions that tests bundle.

#pragma once

#include <stdexcept>

#include "libregion/ops/bundle.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {

inline Bytes bundle_of(const TestRegion& region) {
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  if (!opened.region) throw std::runtime_error("a test's region that cannot be opened");
  Bytes bytes;
  ReportCollector reporter;
  write_bundle(
      *opened.region, {"test", "0"},
      [&](ByteView more) { bytes.insert(bytes.end(), more.begin(), more.end()); }, reporter);
  return bytes;
}

// Raw and SQLite extents, a replacement, a stray: each member there is.
inline TestRegion region_of_all_members(std::uint32_t raw_extents = 1) {
  TestRegion region({512, 8, raw_extents + 2});
  for (std::uint32_t extent = 0; extent < raw_extents; ++extent) {
    region.put_raw(extent, region.raw().write_all().set_numbers(3, 4).set_dirty().corrupt_data(2));
  }
  region.make_directory("00/000/000.replace");
  region.put_file("00/000/000.replace/000", region.raw().bytes());
  region.put_sqlite(raw_extents, 5);
  region.put_file(extent_path(ExtentId{raw_extents + 1}), Bytes(4096));
  region.put_file(extent_path(ExtentId{raw_extents + 1}, ExtentPart::db), std::string_view("x"));
  region.put_file("readme", std::string_view("text"));
  return region;
}

}  // namespace libregion
