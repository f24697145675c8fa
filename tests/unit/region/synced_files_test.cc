// Which files are synced before their holes are trusted, and how.

#include "libregion/region/synced_files.h"

#include <cerrno>
#include <chrono>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/region/region.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

constexpr unsigned single_syncs = 16;

std::int64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

struct Disk {
  explicit Disk(unsigned file_count) {
    for (unsigned i = 0; i < file_count; ++i) memory.add_file(path_of(i), Bytes(10));
    root = expect_opened(memory.open_directory("/r"), "/r");
    synced.emplace(*root);
  }
  static std::string path_of(unsigned number) { return "/r/" + std::to_string(number); }
  void sync(unsigned number) {
    synced->sync(*open_file_in(*root, std::to_string(number), Access::read));
  }
  [[nodiscard]] std::uint64_t count(CallKind kind) const {
    std::uint64_t found = 0;
    for (const Call& call : memory.log()) found += call.kind == kind ? 1U : 0U;
    return found;
  }

  MemoryFileSystem memory;
  std::unique_ptr<Directory> root;
  std::optional<SyncedFiles> synced;
};

TEST_CASE("a few files are synced one by one") {
  Disk disk(single_syncs);
  for (unsigned i = 0; i < single_syncs; ++i) disk.sync(i);
  CHECK(disk.count(CallKind::sync_file) == single_syncs);
  CHECK(disk.count(CallKind::sync_file_system) == 0);
}

TEST_CASE("of many files, however many, all but a few are synced at once") {
  Disk disk(100);
  for (unsigned i = 0; i < 100; ++i) disk.sync(i);
  CHECK(disk.count(CallKind::sync_file) == single_syncs);
  CHECK(disk.count(CallKind::sync_file_system) == 1);
}

TEST_CASE("what was changed since, or just before, is synced by itself") {
  constexpr std::int64_t second_ns = 1'000'000'000;
  for (const std::int64_t age_ns : {-60 * second_ns, std::int64_t{0}, 2 * second_ns}) {
    Disk disk(30);
    disk.memory.set_change_time(Disk::path_of(20), now_ns() - age_ns);
    for (unsigned i = 0; i < 30; ++i) disk.sync(i);
    CHECK(disk.count(CallKind::sync_file) == single_syncs + 1);
    CHECK(disk.memory.log().back().path == Disk::path_of(20));
  }
}

TEST_CASE("where the file system cannot be synced at once, each file is") {
  Disk disk(30);
  disk.memory.set_sync_file_system_available(false);
  for (unsigned i = 0; i < 30; ++i) disk.sync(i);
  CHECK(disk.count(CallKind::sync_file) == 30);
}

TEST_CASE("a sync that fails is an error, and none after it says otherwise") {
  for (const CallKind kind : {CallKind::sync_file, CallKind::sync_file_system}) {
    Disk disk(30);
    disk.memory.add_fault({EIO, kind});
    unsigned failures = 0;
    for (unsigned i = 0; i < 30; ++i) {
      try {
        disk.sync(i);
        CHECK(failures == 0);
      } catch (const SystemError&) {
        ++failures;
      }
    }
    CHECK(failures == (kind == CallKind::sync_file ? 30 : 30 - single_syncs));
  }
}

// ---- whose holes are trusted --------------------------------------------------------------------

// Claims the file of extent 0 of a region of two extents, the first of which begins with a hole.
struct Claimed {
  explicit Claimed(const UseOptions& options) {
    TestRegion region;
    region.put_raw(0);
    region.put_raw(1, region.raw().write_all());
    memory.load(region.path(), "/r");
    punch_hole("/r/00/000", 4096);
    opened = open_region(memory, "/r", options);
    REQUIRE(opened.region);
  }
  std::unique_ptr<File> claim(const std::string& name) {
    auto file = open_file_in(*opened.region->root, name, Access::read);
    opened.region->use->claim_with_holes(*file);
    return file;
  }
  [[nodiscard]] std::size_t sync_count() const { return memory.log().size(); }
  // Zeros at the beginning of extent 0, that take no space.
  void punch_hole(const std::string& leaf, std::uint64_t length_bytes) {
    const auto directory = expect_opened(memory.open_directory(leaf), leaf);
    const auto file = open_file_in(*directory, "000", Access::read_write);
    const std::uint64_t size_bytes = file->status().size_bytes;
    const Bytes rest = file->read(length_bytes, size_bytes - length_bytes);
    file->resize(0);
    file->write(length_bytes, rest);
    memory.settle();
    memory.clear_log();
  }

  MemoryFileSystem memory;
  OpenedRegion opened;
};

TEST_CASE("holes are trusted of a file that was synced, under a lease") {
  Claimed claimed({Access::read, false, 0});
  CHECK(claimed.claim("00/000/000")->trusts_holes());
  CHECK(claimed.sync_count() == 1);
}

TEST_CASE("holes are not trusted of a region in use, and nothing is synced") {
  Claimed claimed({Access::read, /*live=*/true, 0});
  CHECK_FALSE(claimed.claim("00/000/000")->trusts_holes());
  CHECK(claimed.sync_count() == 0);
}

TEST_CASE("holes are not trusted where nobody knows who writes") {
  Claimed claimed({Access::read, false, 0});
  claimed.memory.set_leases_available(false);
  auto other = open_region(claimed.memory, "/r", {Access::read, false, 0});
  REQUIRE(other.region);
  const auto file = open_file_in(*other.region->root, "00/000/000", Access::read);
  other.region->use->claim_with_holes(*file);
  CHECK_FALSE(file->trusts_holes());
}

TEST_CASE("a file that cannot be synced is an error, and its holes are not trusted") {
  Claimed claimed({Access::read, false, 0});
  claimed.memory.add_fault({EIO, CallKind::sync_file});
  const auto file = open_file_in(*claimed.opened.region->root, "00/000/000", Access::read);
  CHECK_THROWS_AS(claimed.opened.region->use->claim_with_holes(*file), SystemError);
  CHECK_FALSE(file->trusts_holes());
}

}  // namespace
}  // namespace libregion
