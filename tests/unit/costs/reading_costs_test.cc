// What reading costs, where it can be counted: calls of the seam for each extent, and memory that
// is asked for, which must not grow with the number of blocks. Times are measured elsewhere.

#include <doctest/doctest.h>

#include "libregion/ops/block_check.h"
#include "libregion/ops/dump_slots.h"
#include "libregion/ops/export.h"
#include "libregion/ops/migrate.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/costs/allocation_count.h"
#include "tests/unit/extent/open_test_extent.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

constexpr std::uint64_t chunk_bytes = std::uint64_t{512} << 10;

// ---- memory -------------------------------------------------------------------------------------

enum class Kind { plain, encrypted, sqlite };

TestRegion make_region(Kind kind, std::uint64_t block_count) {
  TestRegion region({512, block_count, 1, kind == Kind::encrypted});
  if (kind == Kind::sqlite) {
    region.put_sqlite(0, block_count);
    return region;
  }
  RawExtentBuilder built = region.raw();
  for (std::uint64_t block = 0; block < block_count; ++block) {
    if (kind == Kind::encrypted) built.write_encrypted(block);
    if (kind == Kind::plain && block % 3 != 0) built.write(block);
  }
  region.put_raw(0, built);
  return region;
}

TEST_CASE("reading and checking blocks asks for no memory, however many there are") {
  for (const Kind kind : {Kind::plain, Kind::encrypted, Kind::sqlite}) {
    const TestRegion region = make_region(kind, 1100);
    const OpenedExtent opened = open_extent_of(region, 0);
    REQUIRE(opened.reader != nullptr);
    BlockCheck check(region.definition(), ExtentId{0}, *opened.reader, CheckDepth::everything);
    const std::function<void(const BlockRecord&)> visit = [&](const BlockRecord& record) {
      check.check(record);
    };
    for (const bool in_views : {false, true}) {
      if (in_views) opened.reader->want_views();
      opened.reader->read_blocks({0, 1024}, visit);  // the buffers of a chunk
      const std::uint64_t before = allocation_count();
      opened.reader->read_blocks({0, 1100}, visit);
      CHECK(allocation_count() == before);
    }
    CHECK(check.finding_count() == 0);
  }
}

// The allocations of a whole run, over an extent with this many blocks.
template <class Run>
std::uint64_t allocations_of(Kind kind, std::uint64_t block_count, const Run& run) {
  const TestRegion region = make_region(kind, block_count);
  run(region);  // what is made once
  const std::uint64_t before = allocation_count();
  run(region);
  return allocation_count() - before;
}

template <class Run>
void check_independent_of_block_count(const Run& run) {
  for (const Kind kind : {Kind::plain, Kind::encrypted}) {
    CHECK(allocations_of(kind, 2048, run) == allocations_of(kind, 16'384, run));
  }
}

TEST_CASE("verifying takes as many allocations for eight times the blocks") {
  check_independent_of_block_count([](const TestRegion& region) {
    const Verified verified = verify(region);
    CHECK(verified.reports.findings.empty());
  });
}

// Sees every block, and keeps nothing.
class BlockCounter : public Reporter {
 public:
  void extent(const ExtentRecord&) override {}
  void finding(const Finding&) override { ++finding_count; }
  void block(const BlockReport&) override { ++block_count; }
  std::uint64_t block_count = 0;
  std::uint64_t finding_count = 0;
};

TEST_CASE("listing slots takes as many allocations for eight times the blocks") {
  check_independent_of_block_count([](const TestRegion& region) {
    PosixFileSystem file_system;
    const auto opened = open_region(file_system, region.path(), {});
    REQUIRE(opened.region);
    BlockCounter counter;
    (void)dump_slots(*opened.region, {}, nullptr, counter);
    CHECK(counter.block_count == region.geometry().extent_size_blocks());
  });
}

// ---- calls --------------------------------------------------------------------------------------

// A region in memory, and what is called on its way to there.
struct CountedRegion {
  explicit CountedRegion(const TestRegion& region) { memory.load(region.path(), "/r"); }

  // Makes a hole of all that is zero in an extent's data, and in its first slots.
  void punch_hole(std::uint32_t extent, std::uint64_t length_bytes) {
    const auto root = expect_opened(memory.open_directory("/r"), "/r");
    const auto file = open_file_in(*root, extent_path(ExtentId{extent}), Access::read_write);
    const std::uint64_t size_bytes = file->status().size_bytes;
    const Bytes rest = file->read(length_bytes, size_bytes - length_bytes);
    file->resize(0);
    file->write(length_bytes, rest);
  }

  VerifySummary verify() {
    memory.settle();
    memory.clear_log();
    hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) {
      if (path != "/r/region.json") ++read_count;
    };
    const Verified verified = verify_on(hooked, "/r");
    CHECK(verified.reports.findings.empty());
    return verified.summary;
  }
  [[nodiscard]] std::uint64_t count(CallKind kind) const {
    std::uint64_t found = 0;
    for (const Call& call : memory.log()) found += call.kind == kind ? 1U : 0U;
    return found;
  }

  MemoryFileSystem memory;
  HookedFileSystem hooked{memory};
  std::uint64_t read_count = 0;
};

TEST_CASE("verifying an extent reads its tail, 2 MiB of data at a time, and its slots in one go") {
  for (const std::uint64_t chunks_in_extent : {1U, 2U, 5U}) {
    const std::uint64_t block_count = chunks_in_extent * chunk_bytes / 4096;
    TestRegion region({4096, block_count, 3});
    region.put_raw_everywhere();
    CountedRegion counted(region);
    CHECK(counted.verify().written_count == 3 * block_count);
    CHECK(counted.read_count == 3 * (1 + (chunks_in_extent + 3) / 4 + 2));
    CHECK(counted.memory.log().empty());  // no sync, nothing changed
  }
}

TEST_CASE("migrating with a check reads nothing of a data file that is a hole") {
  TestRegion region({4096, 64, 1});
  region.put_sqlite(0, 0);
  CountedRegion counted(region);
  {
    const auto root = expect_opened(counted.memory.open_directory("/r"), "/r");
    const auto file = open_file_in(*root, extent_path(ExtentId{0}), Access::read_write);
    file->resize(0);
    file->resize(64 * 4096UL);
  }
  counted.memory.settle();
  counted.hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) {
    if (path == "/r/" + extent_path(ExtentId{0})) ++counted.read_count;
  };
  const auto opened = open_region(counted.hooked, "/r", {Access::read_write});
  REQUIRE(opened.region);
  MigrateOptions options;
  options.check = true;
  BlockCounter counter;
  CHECK(migrate_region(*opened.region, options, counter).migrated_count == 1);
  CHECK(counter.finding_count == 0);
  CHECK(counted.read_count == 0);
}

TEST_CASE("verifying an extent of holes reads its tail and the slots beside it, however large") {
  for (const std::uint64_t block_count : {1024U, 8192U}) {
    TestRegion region({512, block_count, 20});
    for (std::uint32_t extent = 0; extent < 20; ++extent) region.put_raw(extent);
    CountedRegion counted(region);
    for (std::uint32_t extent = 0; extent < 20; ++extent) {
      counted.punch_hole(extent, block_count * (512 + 96) - 1000);
    }
    CHECK(counted.verify().block_count == 20 * block_count);
    CHECK(counted.read_count == 20 * 2);
    CHECK(counted.count(CallKind::sync_file) == 16);
    CHECK(counted.count(CallKind::sync_file_system) == 1);
    CHECK(counted.memory.changes().empty());
  }
}

}  // namespace
}  // namespace libregion
