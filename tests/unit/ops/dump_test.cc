// The table of extents: what is read, what differs, and what becomes of failures.

#include "libregion/ops/dump.h"

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/open_replicas.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

struct Dumped {
  DumpSummary summary;
  std::vector<Reports> reports;   // of each region
  std::vector<std::string> rows;  // "0: 1/2/F/raw 1/3/T/raw flush dirty"
};

std::string text_of(const ReplicaExtent& replica) {
  if (replica.state == ReplicaState::missing) return "missing";
  if (replica.state == ReplicaState::unreadable) return "unreadable";
  return std::to_string(replica.metadata->gen_number) + "/" +
         std::to_string(replica.metadata->flush_number) + "/" +
         (replica.metadata->dirty ? "T/" : "F/") + std::string(replica.format);
}

std::string text_of(const DumpRow& row) {
  std::string text = std::to_string(row.extent.value) + ":";
  for (const ReplicaExtent& replica : row.replicas) text += " " + text_of(replica);
  for (const auto& [differs, name] : {std::pair(row.gen_number_differs, " gen"),
                                      {row.flush_number_differs, " flush"},
                                      {row.dirty_differs, " dirty"},
                                      {row.format_differs, " format"},
                                      {row.state_differs, " state"}}) {
    if (differs) text += name;
  }
  return text;
}

Dumped dump_on(FileSystem& file_system, const std::vector<std::string>& paths,
               const DumpOptions& options = {}) {
  OpenReplicas open(file_system, paths);
  Dumped dumped;
  dumped.summary = dump_regions(open.replicas(), options,
                                [&](const DumpRow& row) { dumped.rows.push_back(text_of(row)); });
  for (ReportCollector& collector : open.collectors) dumped.reports.push_back(collector.reports);
  return dumped;
}

Dumped dump(const std::vector<std::string>& paths, const DumpOptions& options = {}) {
  PosixFileSystem file_system;
  return dump_on(file_system, paths, options);
}

using Rows = std::vector<std::string>;

TEST_CASE("one region: a row and a record for each extent, whatever it is like") {
  TestRegion region({512, 8, 6});
  region.put_raw(0, region.raw().set_numbers(7, 8));
  region.put_raw(1, region.raw().set_numbers(2, 9).set_dirty());
  region.put_sqlite(2, 5);
  region.put_raw(4, region.raw().resize(100));
  region.put_raw(5, region.raw().set_dirty(2));
  const auto before = region.snapshot();
  for (const unsigned jobs : {1U, 4U}) {
    DumpOptions options;
    options.walk.jobs = jobs;
    const Dumped dumped = dump({region.path()}, options);
    CHECK(region.snapshot() == before);
    CHECK(dumped.rows == Rows{"0: 7/8/F/raw", "1: 2/9/T/raw", "2: 3/5/F/sqlite", "3: missing",
                              "4: unreadable", "5: unreadable"});
    CHECK(names_of(dumped.reports[0].findings) ==
          "dirty_extent, missing_extent, wrong_size, bad_metadata");
    CHECK(dumped.reports[0].extents.size() == 6);
    const DumpTotals& totals = dumped.summary.totals[0];
    CHECK(totals.extent_count == 6);
    CHECK(totals.dirty_count == 1);
    CHECK(totals.sqlite_count == 1);
    CHECK(totals.missing_count == 1);
    CHECK(totals.unreadable_count == 2);
    CHECK(totals.gen_number_max == 7);
    CHECK(totals.flush_number_max == 9);
    CHECK_FALSE(totals.has_io_errors);
    CHECK(dumped.summary.differing_count == 0);
  }
}

TEST_CASE("replicas: each thing that can differ, by its name") {
  TestRegion left({512, 8, 6});
  TestRegion right({512, 8, 7});
  left.put_raw_everywhere();
  right.put_raw_everywhere();
  right.put_raw(1, right.raw().set_numbers(1, 0));
  left.put_raw(1, left.raw());
  right.put_raw(2, right.raw().set_numbers(0, 1));
  left.put_raw(2, left.raw());
  right.put_raw(3, right.raw().set_dirty());
  left.put_raw(3, left.raw());
  right.remove("00/000/004");
  right.put_sqlite(5, 0);
  const Dumped dumped = dump({left.path(), right.path()});
  REQUIRE(dumped.rows.size() == 7);
  CHECK(dumped.rows[0].find("  ") == std::string::npos);
  CHECK(dumped.rows[1] == "1: 0/0/F/raw 1/0/F/raw gen");
  CHECK(dumped.rows[2] == "2: 0/0/F/raw 0/1/F/raw flush");
  CHECK(dumped.rows[3] == "3: 0/0/F/raw 0/0/T/raw dirty");
  CHECK(dumped.rows[4].ends_with(" missing state"));
  CHECK(dumped.rows[5].find(" format") != std::string::npos);
  CHECK(dumped.rows[6].starts_with("6: missing "));
  CHECK(dumped.rows[6].ends_with(" state"));
  CHECK(dumped.summary.differing_count == 6);
  // An extent that a region does not count is no finding of it.
  CHECK(dumped.reports[0].findings.empty());
  CHECK(dumped.reports[0].extents.size() == 6);
  CHECK(dumped.summary.totals[0].extent_count == 6);

  DumpOptions options;
  options.only_differences = true;
  CHECK(dump({left.path(), right.path()}, options).rows ==
        Rows(dumped.rows.begin() + 1, dumped.rows.end()));
}

TEST_CASE("replicas of an extent are in one share, in whatever order they are given") {
  TestRegion left({512, 1, 40});
  TestRegion right({512, 1, 40});
  RegionDefinition definition = right.definition();
  definition.uuid.bytes.back() ^= std::byte{1};
  right.put_file("region.json", as_byte_view(to_json_text(definition)));
  const auto share = [](const std::vector<std::string>& paths, std::uint64_t index) {
    DumpOptions options;
    options.walk.shard = Shard{index, 3};
    return dump(paths, options).rows;
  };
  std::size_t row_count = 0;
  for (const std::uint64_t index : {0U, 1U, 2U}) {
    const Rows rows = share({left.path(), right.path()}, index);
    CHECK(rows == share({right.path(), left.path()}, index));
    CHECK(rows.size() < 40);
    row_count += rows.size();
  }
  CHECK(row_count == 40);
  // Each by itself is shared out by its own UUID.
  CHECK(share({left.path()}, 0) != share({right.path()}, 0));
}

TEST_CASE("definitions: what replicas have to agree in") {
  TestRegion left({512, 8, 2});
  TestRegion right({4096, 8, 3, true});
  PosixFileSystem file_system;
  const auto one = open_region(file_system, left.path(), {});
  const auto other = open_region(file_system, right.path(), {});
  const std::vector<DumpReplica> replicas = {{&*one.region, nullptr}, {&*other.region, nullptr}};
  std::string different;
  for (const DefinitionRow& row : compare_definitions(replicas)) {
    CHECK(row.values.size() == 2);
    if (row.differs) different += std::string(row.name) + " ";
  }
  CHECK(different == "block_size extent_count encrypted ");
}

TEST_CASE("more extents than one batch and one directory hold, in order") {
  TestRegion region({512, 1, 4500});
  region.make_directory("00/001");
  for (const std::uint32_t extent : {0U, 255U, 256U, 4095U, 4096U, 4499U}) {
    region.put_raw(extent, region.raw().set_numbers(1, extent));
  }
  DumpOptions options;
  options.walk.jobs = 3;
  const Dumped dumped = dump({region.path()}, options);
  REQUIRE(dumped.rows.size() == 4500);
  for (const std::uint32_t extent : {0U, 255U, 256U, 4095U, 4096U, 4499U}) {
    const std::string number = std::to_string(extent);
    CHECK(dumped.rows[extent] == number + ": 1/" + number + "/F/raw");
  }
  CHECK(dumped.summary.totals[0].missing_count == 4494);
}

TEST_CASE("of a raw extent 32 bytes are read, and its file is closed before the next") {
  TestRegion region({512, 8, 4});
  region.put_raw_everywhere();
  PosixFileSystem posix;
  HookedFileSystem file_system(posix);
  std::vector<std::pair<std::string, std::uint64_t>> reads;
  file_system.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
    if (!path.ends_with(".json")) reads.emplace_back(path, offset_bytes);
  };
  CHECK(dump_on(file_system, {region.path()}).rows.size() == 4);
  CHECK(reads.size() == 4);
  for (const auto& [path, offset_bytes] : reads) {
    CHECK(offset_bytes == region.raw().metadata_offset());
  }
}

TEST_CASE("whichever read or open fails, the others are shown") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  MemoryFileSystem memory;
  memory.load(region.path(), "/a");
  memory.load(region.path(), "/b");
  for (const CallKind kind : {CallKind::read, CallKind::open}) {
    const auto file_system = memory.copy();
    Fault fault{EIO, kind, "/a/00/000/001"};
    fault.for_ever = true;
    file_system->add_fault(fault);
    const Dumped dumped = dump_on(*file_system, {"/a", "/b"});
    CHECK(file_system->faults_hit() > 0);
    REQUIRE(dumped.rows.size() == 3);
    CHECK(dumped.rows[0].find("unreadable") == std::string::npos);
    CHECK(dumped.rows[1].starts_with("1: unreadable "));
    CHECK(dumped.rows[2].find("unreadable") == std::string::npos);
    CHECK(names_of(dumped.reports[0].findings) == "io_error");
    CHECK(dumped.reports[1].findings.empty());
    CHECK(dumped.summary.totals[0].has_io_errors);
    CHECK_FALSE(dumped.summary.totals[1].has_io_errors);
    CHECK_FALSE(dumped.summary.totals[0].failure.has_value());
  }
}

TEST_CASE("somebody uses one replica: the other is read to its end, a single one is not") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  MemoryFileSystem memory;
  memory.load(region.path(), "/a");
  memory.load(region.path(), "/b");
  memory.open_elsewhere("/a/00/000/001", Access::read_write);
  const Dumped dumped = dump_on(memory, {"/a", "/b"});
  REQUIRE(dumped.summary.totals[0].failure.has_value());
  CHECK(dumped.summary.totals[0].failure->kind() == ErrorKind::in_use);
  CHECK_FALSE(dumped.summary.totals[1].failure.has_value());
  CHECK(dumped.rows.size() == 3);
  CHECK(dumped.reports[0].extents.size() == 1);
  CHECK(dumped.reports[1].extents.size() == 3);
  const Dumped alone = dump_on(memory, {"/a"});
  CHECK(alone.rows.size() == 1);
  CHECK(alone.summary.totals[0].failure.has_value());
}

TEST_CASE("what somebody opens while it is read is not shown") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  MemoryFileSystem memory;
  memory.load(region.path(), "/a");
  HookedFileSystem file_system(memory);
  file_system.hooks.before_read = [&](const std::string& path, std::uint64_t) {
    if (path == "/a/00/000/001") memory.open_elsewhere(path, Access::read_write);
  };
  const Dumped dumped = dump_on(file_system, {"/a"});
  CHECK(dumped.rows[1] == "1: unreadable");
  CHECK(names_of(dumped.reports[0].findings) == "changed_while_read");
  CHECK(dumped.summary.totals[0].has_changed);
}

TEST_CASE("a dump that is stopped says so") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  const std::atomic<bool> stop{true};
  DumpOptions options;
  options.walk.stop = &stop;
  const Dumped dumped = dump({region.path()}, options);
  CHECK(dumped.summary.stopped);
  CHECK(dumped.rows.empty());
}

}  // namespace
}  // namespace libregion
