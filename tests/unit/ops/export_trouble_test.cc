// Exporting what cannot be read: extents that are not what they should be, and disks that fail.

#include <algorithm>
#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/ops/exported_region.h"
#include "tests/unit/ops/hooked_file_system.h"

namespace libregion {
namespace {

// To its end, whatever is bad.
Exported export_keeping_bad(FileSystem& file_system) {
  ExportOptions options;
  options.on_bad = OnBad::keep;
  return export_on(file_system, options);
}

// ---- extents without a reader -------------------------------------------------------------------

TEST_CASE("of an extent whose slots are cut off the data is kept, or all is zero") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all().resize(6 * 512 + 100));
  region.put_raw(1, region.raw().write_all());
  const Bytes file = region.file("00/000/000");
  for (const OnBad on_bad : {OnBad::keep, OnBad::zero}) {
    for (const bool check : {true, false}) {
      ExportDisk disk(region);
      ExportOptions options;
      options.on_bad = on_bad;
      options.check = check;
      const Exported exported = export_on(disk.memory, options);
      CHECK(names_of(exported.reports.findings) == "wrong_size");
      const std::uint64_t kept = on_bad == OnBad::keep ? 6 : 0;
      CHECK(exported.summary.bad_count == 8 - kept);
      Bytes expected = part_of(file, 0, kept * 512);
      expected.resize(4096);
      CHECK(part_of(disk.image(), 0, 4096) == expected);
      CHECK(part_of(disk.image(), 4096, 4096) == part_of(region.file("00/000/001"), 0, 4096));
    }
  }
}

TEST_CASE("a database that is none hides no data") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_file("00/000/000.db", std::string_view("no database, but long enough to be one"));
  region.put_raw(1);
  ExportDisk disk(region);
  CHECK(export_on(disk.memory).summary.ended_at_bad);
  CHECK(disk.made() == "");
  const Exported exported = export_keeping_bad(disk.memory);
  CHECK(names_of(exported.reports.findings) == "sqlite_not_a_database");
  CHECK(disk.image() == data_of(region, 2));
}

TEST_CASE("an extent that is missing stops the export, or is zeros") {
  TestRegion region;
  region.put_raw(1, region.raw().write_all());
  ExportDisk disk(region);
  CHECK(export_on(disk.memory).summary.ended_at_bad);
  CHECK(disk.made() == "");
  const Exported exported = export_keeping_bad(disk.memory);
  CHECK(names_of(exported.reports.findings) == "missing_extent");
  CHECK(exported.summary.bad_count == 8);
  CHECK(all_zero(ByteView(disk.image()).first(4096)));
}

TEST_CASE("a database without its data file is zeros, of which it is said what is missing") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.remove("00/000/000");
  region.put_raw(1);
  ExportDisk disk(region);
  const Exported exported = export_keeping_bad(disk.memory);
  CHECK(names_of(exported.reports.findings) == "missing_extent");
  CHECK(exported.summary.bad_count == 8);
}

TEST_CASE("the data of an extent of another version are nobody's to take") {
  TestRegion region;
  // Of another size as well.
  Bytes content = region.raw().write_all().set_version(3).bytes();
  content.insert(content.end() - 32, 10, std::byte{0});
  region.put_file("00/000/000", content);
  region.put_raw(1);
  ExportDisk disk(region);
  const Exported exported = export_keeping_bad(disk.memory);
  CHECK(names_of(exported.reports.findings) == "unknown_version");
  CHECK(all_zero(ByteView(disk.image()).first(4096)));
}

// ---- disks that fail ----------------------------------------------------------------------------

// Block 3 of extent 0 cannot be read, nor can any chunk that holds it: the first reads at 0, as
// many as there are ways to read a chunk.
struct FailingDisk : ExportDisk {
  FailingDisk(const TestRegion& region, bool check)
      : ExportDisk(region), failing_chunks(check ? 1 : 2) {
    hooked.hooks.before_read = [this](const std::string& path, std::uint64_t offset_bytes) {
      if (path != "/r/00/000/000") return;
      const bool is_chunk = offset_bytes == 0 && failing_chunks > 0;
      if (is_chunk) --failing_chunks;
      if (is_chunk || offset_bytes == 3 * 512UL) {
        throw_system_error(EIO, {"pread", path, offset_bytes});
      }
    };
  }
  HookedFileSystem hooked{memory};
  int failing_chunks;
};

TEST_CASE("a block that cannot be read is told and is zeros, all others are copied") {
  TestRegion region;
  region.put_raw_everywhere();
  Bytes expected = data_of(region, 2);
  std::fill_n(expected.begin() + 3 * 512, 512, std::byte{0});
  for (const bool check : {true, false}) {
    for (const OnBad on_bad : {OnBad::keep, OnBad::zero}) {
      FailingDisk disk(region, check);
      ExportOptions options;
      options.on_bad = on_bad;
      options.check = check;
      const Exported exported = export_on(disk.hooked, options);
      CHECK(disk.failing_chunks == 0);
      CHECK(exported.summary.has_io_errors);
      CHECK(exported.summary.bad_count == 1);
      REQUIRE(names_of(exported.reports.findings) == "io_error");
      CHECK(exported.reports.findings[0].blocks == BlockRange{3, 1});
      CHECK(exported.reports.findings[0].offset_bytes == 3 * 512UL);
      CHECK(disk.image() == expected);
    }
  }
}

TEST_CASE("a block that cannot be read stops the export unless told otherwise") {
  TestRegion region;
  region.put_raw_everywhere();
  for (const bool check : {true, false}) {
    FailingDisk disk(region, check);
    ExportOptions options;
    options.check = check;
    const Exported exported = export_on(disk.hooked, options);
    CHECK(exported.summary.ended_at_bad);
    CHECK(exported.summary.has_io_errors);
    CHECK(names_of(exported.reports.findings) == "io_error");
    CHECK(disk.made() == "");
  }
}

TEST_CASE("neighbouring blocks that cannot be read are one finding") {
  TestRegion region;
  region.put_raw_everywhere();
  for (const bool check : {true, false}) {
    CAPTURE(check);
    ExportDisk disk(region);
    HookedFileSystem hooked(disk.memory);
    hooked.hooks.before_read = [](const std::string& path, std::uint64_t offset_bytes) {
      if (path != "/r/00/000/000" || offset_bytes >= 4096) return;
      const std::uint64_t block = offset_bytes / 512;
      const bool is_bad = block < 3 || block == 5;
      if (is_bad) throw_system_error(EIO, {"pread", path, offset_bytes});
    };
    ExportOptions options;
    options.check = check;
    options.on_bad = OnBad::keep;
    const Exported exported = export_on(hooked, options);
    CHECK(exported.summary.bad_count == 4);
    REQUIRE(names_of(exported.reports.findings) == "io_error, io_error");
    CHECK(exported.reports.findings[0].blocks == BlockRange{0, 3});
    CHECK(exported.reports.findings[0].length_bytes == 3 * 512);
    CHECK(exported.reports.findings[1].blocks == BlockRange{5, 1});
  }
}

TEST_CASE("a directory that cannot be read is zeros, or stops the export") {
  TestRegion region;
  region.put_raw_everywhere();
  for (const OnBad on_bad : {OnBad::keep, OnBad::stop}) {
    ExportDisk disk(region);
    disk.memory.add_fault({EIO, CallKind::open, "/r/00/000", 0, true});
    ExportOptions options;
    options.on_bad = on_bad;
    const Exported exported = export_on(disk.memory, options);
    CHECK(exported.summary.has_io_errors);
    CHECK(exported.summary.ended_at_bad == (on_bad == OnBad::stop));
    if (on_bad == OnBad::keep) CHECK(all_zero(disk.image()));
  }
}

TEST_CASE(
    "a sync of the image that fails is final: it stays as it is, with what stands beside it") {
  const MixedRegion mixed;
  for (const bool with_records : {true, false}) {
    ExportDisk disk(mixed.region);
    disk.memory.add_fault({EIO, CallKind::sync_file, "", 0});
    ExportFiles files;
    if (with_records) {
      files.records = ExportRecordsOptions{};
      files.records->manifest_path = "/out/manifest";
    }
    CHECK_THROWS_AS(export_on(disk.memory, {}, files), SystemError);
    CHECK(disk.made() != "");
  }
}

}  // namespace
}  // namespace libregion
