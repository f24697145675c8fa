// Verifying a region on a disk that fails, or while somebody uses it.

#include <cerrno>
#include <fcntl.h>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/run_region.h"
#include "tests/unit/region/other_process.h"

namespace libregion {
namespace {

using Order = std::vector<std::string>;

// ---- disks that fail ----------------------------------------------------------------------------

struct FailingDisk {
  explicit FailingDisk(const TestRegion& region) { disk.load(region.path(), "/r"); }
  MemoryFileSystem disk;
  HookedFileSystem hooked{disk};
  // Bytes [first, end) of this file cannot be read.
  void break_bytes(const std::string& path, std::uint64_t first, std::uint64_t end) {
    hooked.hooks.before_read = [=](const std::string& read_path, std::uint64_t offset_bytes) {
      if (read_path == path && offset_bytes >= first && offset_bytes < end) {
        throw_system_error(EIO, {"pread", read_path, offset_bytes});
      }
    };
  }
  Verified verify() { return verify_on(hooked, "/r"); }
};

TEST_CASE("a block that cannot be read hides no other block") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all().corrupt_data(7));
  region.put_raw(1, region.raw().write_all());
  FailingDisk failing(region);
  // The chunk begins at 0, block 3 at 1536: both reads of it fail.
  bool chunk_failed = false;
  failing.hooked.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
    if (path != "/r/00/000/000") return;
    const bool is_first_chunk = offset_bytes == 0 && !chunk_failed;
    chunk_failed |= is_first_chunk;
    if (is_first_chunk || offset_bytes == 3 * 512UL) {
      throw_system_error(EIO, {"pread", path, offset_bytes});
    }
  };
  const Verified verified = failing.verify();
  CHECK(verified.summary.has_io_errors);
  CHECK(verified.reports.order == Order{"finding io_error 00/000/000",
                                        "finding no_matching_slot 00/000/000", "extent 0",
                                        "extent 1"});
  REQUIRE_FALSE(verified.reports.findings.empty());
  const Finding& finding = verified.reports.findings[0];
  CHECK(finding.blocks == BlockRange{3, 1});
  CHECK(finding.offset_bytes == 3 * 512UL);
  CHECK(finding.length_bytes == 512);
  CHECK(finding.found == "pread '/r/00/000/000' at 1536: Input/output error");
}

TEST_CASE("an extent whose metadata cannot be read is told of, the others are verified") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all());
  region.put_raw(1, region.raw().write_all());
  FailingDisk failing(region);
  failing.break_bytes("/r/00/000/000", 8UL * (512 + 96), 10'000);
  const Verified verified = failing.verify();
  CHECK(verified.summary.has_io_errors);
  CHECK(verified.reports.order == Order{"finding io_error 00/000/000", "extent 0", "extent 1"});
  CHECK(verified.summary.written_count == 8);
}

TEST_CASE("a database that cannot be read is told of, the other extents are verified") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_sqlite(1, 8);
  FailingDisk failing(region);
  failing.break_bytes("/r/00/000/000.db", 0, 100'000);
  const Verified verified = failing.verify();
  CHECK(verified.summary.has_io_errors);
  CHECK(names_of(verified.reports.findings) == "io_error");
  CHECK(verified.summary.written_count == 8);
}

TEST_CASE("a leaf directory that cannot be listed hides no other leaf") {
  TestRegion region({512, 1, 8193});
  region.make_directory("00/001");
  region.make_directory("00/002");
  region.put_raw(8192, region.raw().write_all());
  FailingDisk failing(region);
  failing.hooked.hooks.before_directory = [](const std::string& path) {
    if (path.ends_with("00/001")) throw_system_error(EIO, {"openat", path});
  };
  std::optional<Verified> verified;
  CHECK_NOTHROW(verified = failing.verify());
  REQUIRE(verified);
  CHECK(verified->summary.has_io_errors);
  CHECK(verified->summary.written_count == 1);
  CHECK_FALSE(only(FindingId::io_error, verified->reports.findings).empty());
}

// ---- regions in use -----------------------------------------------------------------------------

TEST_CASE("a region that a service has open is in use, unless it is looked at live") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all());
  region.put_sqlite(1, 4);
  for (const char* name : {"00/000/000", "00/000/001", "00/000/001.db"}) {
    CAPTURE(name);
    const auto service = open_elsewhere(region.path_of(name), O_RDWR);
    try {
      verify(region);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::in_use);
      CHECK(std::string(error.what()).find(region.path_of(name)) != std::string::npos);
    }
    const Verified live = verify(region, {}, {Access::read, true, 0});
    CHECK(live.reports.order == Order{"extent 0", "extent 1"});
  }
  CHECK(verify(region).reports.order == Order{"extent 0", "extent 1"});
}

TEST_CASE("a disk that fails behind what a log has committed costs nothing of that") {
  const std::string log = "00/000/000.db-wal";
  TestRegion region;
  {
    const auto writer = region.make_sqlite(0);
    writer->write(3, region.data_for(3));
    writer->die();
  }
  Bytes content = region.file(log);
  const std::uint64_t committed_bytes = content.size();
  content.resize(committed_bytes + 2 * (24 + 4096));
  region.put_file(log, content);
  const Order order = verify(region).reports.order;
  FailingDisk failing(region);
  // Many frames are read at once: that reaches what cannot be read, as does the last.
  bool all_failed = false;
  failing.hooked.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
    if (path != "/r/" + log) return;
    const bool reads_all = offset_bytes == 32 && !all_failed;
    all_failed |= reads_all;
    if (reads_all || offset_bytes > committed_bytes) {
      throw_system_error(EIO, {"pread", path, offset_bytes});
    }
  };
  CHECK(failing.verify().reports.order == order);
  CHECK(all_failed);
}

// Somebody opens this file while its first bytes are read.
Verified verify_disturbed(const TestRegion& region, const std::string& path, bool live = false) {
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  HookedFileSystem hooked(disk);
  bool is_open = false;
  hooked.hooks.before_read = [&](const std::string& read_path, std::uint64_t) {
    if (read_path != path || is_open) return;
    is_open = true;
    disk.open_elsewhere(path, Access::read_write);
  };
  Verified verified = verify_on(hooked, "/r", {}, {Access::read, live, 0});
  CHECK(is_open);
  return verified;
}

TEST_CASE("what was found in an extent that somebody opened meanwhile is discarded") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all().corrupt_data(3));
  region.put_sqlite(1, 4);
  SUBCASE("a raw extent") {
    const Verified verified = verify_disturbed(region, "/r/00/000/000");
    CHECK(verified.summary.has_changed);
    CHECK(verified.reports.order ==
          Order{"finding changed_while_read 00/000/000", "extent 0", "extent 1"});
  }
  SUBCASE("a database") {
    const Verified verified = verify_disturbed(region, "/r/00/000/001.db");
    CHECK(verified.summary.has_changed);
    CHECK(verified.reports.order == Order{"finding no_matching_slot 00/000/000", "extent 0",
                                          "finding changed_while_read 00/000/001", "extent 1"});
  }
  SUBCASE("live") {
    const Verified verified = verify_disturbed(region, "/r/00/000/000", true);
    CHECK_FALSE(verified.summary.has_changed);
    CHECK(verified.reports.order ==
          Order{"finding no_matching_slot 00/000/000", "extent 0", "extent 1"});
  }
}

TEST_CASE("an extent that was opened meanwhile and could then not be read has changed as well") {
  TestRegion region;
  region.put_sqlite(0, 4);
  region.put_file("00/000/000.db", std::string_view("no database"));
  region.put_raw(1);
  const Verified verified = verify_disturbed(region, "/r/00/000/000.db");
  CHECK(verified.summary.has_changed);
  CHECK(verified.reports.order ==
        Order{"finding changed_while_read 00/000/000", "extent 0", "extent 1"});
}

}  // namespace
}  // namespace libregion
