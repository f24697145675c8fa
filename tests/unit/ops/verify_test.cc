// Verifying a region: what is counted and reported, and that nothing is changed by it.

#include "libregion/ops/verify.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/ops/counting_progress.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using Order = std::vector<std::string>;

VerifyOptions with_jobs(unsigned jobs) {
  VerifyOptions options;
  options.walk.jobs = jobs;
  return options;
}

// Raw and SQLite, clean and dirty, damaged, interrupted and missing extents.
void fill_mixed(TestRegion& region) {
  region.put_raw(0, region.raw().write_all().set_numbers(7, 8));
  region.put_raw(1, region.raw().write(2).corrupt_data(2).set_dirty());
  region.put_sqlite(2, 5);
  const auto killed = region.make_sqlite(3);
  killed->write(1, region.data_for(1));
  killed->die();
  // 4 is missing.
  region.put_raw(5, region.raw().resize(100));
  region.put_raw(6);
  region.make_directory("00/000/006.copy/sub");
  region.make_directory("00/000/006.completed");
  region.make_directory("00/000/006.replace");
  region.put_file("00/000/006.replace/006", region.raw().write_all().bytes());
  region.put_raw(7);
  region.put_file("00/000/007.db-wal", std::string_view("log"));
  region.put_file("00/000/007.db-shm", std::string_view("index"));
  region.put_file("00/000/007.db-journal", std::string_view("journal"));
  region.put_raw(9);
  region.put_file("00/000/readme", std::string_view("text"));
  region.put_file("notes", std::string_view("text"));
}

const Order mixed_order = {
    "finding stray_file 00/000/readme",
    "extent 0",
    "finding dirty_extent 00/000/001",
    "finding data_without_context 00/000/001",
    "extent 1",
    "extent 2",
    "finding sqlite_hot_wal 00/000/003.db-wal",
    "finding dirty_extent 00/000/003",
    "extent 3",
    "finding missing_extent 00/000/004",
    "extent 4",
    "finding wrong_size 00/000/005",
    "extent 5",
    "finding copy_pending 00/000/006.copy",
    "finding replace_pending 00/000/006.replace",
    "finding completed_pending 00/000/006.completed",
    "extent 6",
    "finding stray_wal 00/000/007.db-wal",
    "finding stray_shm 00/000/007.db-shm",
    "finding stray_file 00/000/007.db-journal",
    "extent 7",
    "finding stray_file notes",
    "finding extra_extent 00/000/009",
};

// ---- what is reported ---------------------------------------------------------------------------

TEST_CASE("a region with one of everything: all of it is told, in order, whatever the threads") {
  TestRegion region({512, 8, 8});
  fill_mixed(region);
  for (const unsigned jobs : {1U, 2U, 16U}) {
    CAPTURE(jobs);
    const auto before = region.snapshot();
    const Verified verified = verify(region, with_jobs(jobs));
    CHECK(region.snapshot() == before);
    CHECK(verified.reports.order == mixed_order);
    CHECK(verified.summary.extent_count == 8);
    CHECK(verified.summary.block_count == 6 * 8);  // all but the missing and the short one
    CHECK(verified.summary.written_count == 8 + 5 + 1);
    CHECK(verified.summary.data_bytes == 6 * 8 * 512);
    CHECK_FALSE(verified.summary.has_io_errors);
    CHECK_FALSE(verified.summary.has_changed);
    CHECK_FALSE(verified.summary.stopped);
  }
}

TEST_CASE("an extent's record says what could be read of it") {
  TestRegion region({512, 8, 8});
  fill_mixed(region);
  const auto extents = verify(region).reports.extents;
  REQUIRE(extents.size() == 8);
  CHECK(extents[0].file == "00/000/000");
  CHECK(extents[0].format == "raw");
  CHECK(extents[0].metadata == ExtentMetadata{false, 7, 8, 2, 0, 0});
  CHECK(fields_of(extents[0]) == "blocks=8 written=8 findings=0");
  CHECK(extents[2].format == "sqlite");
  CHECK(extents[2].metadata == ExtentMetadata{false, 3, 5, 1, 0, 0});
  CHECK(fields_of(extents[2]) == "blocks=8 written=5 findings=0");
  CHECK(fields_of(extents[3]) == "blocks=8 written=1 findings=2");
  CHECK(extents[4].format == "unknown");
  CHECK_FALSE(extents[4].metadata.has_value());
  CHECK(fields_of(extents[4]) == "blocks=0 written=0 findings=1");
  CHECK(fields_of(extents[7]) == "blocks=8 written=0 findings=3");
}

TEST_CASE("only selected extents are looked at, and nothing else is") {
  TestRegion region({512, 8, 8});
  fill_mixed(region);
  region.remove("00/000/readme");
  VerifyOptions options;
  options.walk.extents = ExtentSelection::parse("0,4");
  const Verified verified = verify(region, options);
  CHECK(verified.reports.order ==
        Order{"extent 0", "finding missing_extent 00/000/004", "extent 4"});
  CHECK(verified.summary.extent_count == 2);
}

TEST_CASE("extents beyond the last one are told of, in later leaves too") {
  TestRegion region({512, 8, 1});
  region.put_raw_everywhere();
  region.put_raw(1);
  region.make_directory("00/001");
  region.put_file("00/001/000", std::string_view());
  region.put_file("00/001/readme", std::string_view());
  region.make_directory("00/002");
  CHECK(verify(region).reports.order == Order{"extent 0", "finding extra_extent 00/000/001",
                                              "finding stray_file 00/001/readme",
                                              "finding extra_extent 00/001/000"});
}

TEST_CASE("a region of no extents is verified") {
  TestRegion region({512, 8, 0});
  const Verified verified = verify(region);
  CHECK(verified.reports.order.empty());
  CHECK(verified.summary.extent_count == 0);
}

TEST_CASE("what a replacement would destroy is an error of its extent") {
  TestRegion region;
  region.put_raw_everywhere();
  region.make_directory("00/000/001.replace");
  SUBCASE("one without files") {
    CHECK(verify(region).reports.order ==
          Order{"extent 0", "finding replace_pending 00/000/001.replace",
                "finding replace_unusable 00/000/001.replace", "extent 1"});
  }
  SUBCASE("one of the other format") {
    TestRegion source;
    source.put_sqlite(1, 3);
    for (const char* name : {"001", "001.db"}) {
      region.put_file(std::string("00/000/001.replace/") + name,
                      source.file(std::string("00/000/") + name));
    }
    CHECK(verify(region).reports.order ==
          Order{"extent 0", "finding replace_pending 00/000/001.replace",
                "finding replace_format_mismatch 00/000/001.replace", "extent 1"});
  }
}

TEST_CASE("many findings of one extent come through, all and in order") {
  // Every other block: 6000 ranges, more than are held back at once.
  TestRegion region({512, 12'000, 2});
  RawExtentBuilder built = region.raw();
  for (std::uint64_t block = 0; block < 12'000; block += 2) built.write(block).corrupt_data(block);
  region.put_raw(0, built);
  region.put_raw(1, built);
  const Verified verified = verify(region, with_jobs(2));
  REQUIRE(verified.reports.findings.size() == 12'000);
  for (std::uint64_t i = 0; i < 6000; ++i) {
    CHECK(verified.reports.findings[i].blocks == BlockRange{2 * i, 1});
    CHECK(verified.reports.findings[6000 + i].extent == ExtentId{1});
  }
  CHECK(fields_of(verified.reports.extents[1]) == "blocks=12000 written=6000 findings=6000");
}

// ---- damage to databases ------------------------------------------------------------------------

TEST_CASE("whatever byte of a database is wrong: a finding, or the blocks are what they were") {
  TestRegion region({512, 8, 1});
  region.put_sqlite(0, 8);
  const Bytes database = region.file("00/000/000.db");
  std::uint64_t found = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Bytes damaged = database;
    // Half of them among the rows, at the end of the last page.
    const std::uint64_t at =
        random.coin() ? random.below(damaged.size()) : damaged.size() - 1 - random.below(300);
    damaged[at] ^= std::byte{1} << random.below(8);
    region.put_file("00/000/000.db", damaged);
    const Verified verified = verify(region);
    REQUIRE(verified.reports.extents.size() == 1);
    if (verified.reports.findings.empty()) {
      CHECK(verified.summary.block_count == 8);
      CHECK(verified.summary.written_count == 8);
    } else {
      ++found;
    }
  }
  CHECK(found > 500);
}

// ---- stopping, progress -------------------------------------------------------------------------

TEST_CASE("progress counts every extent") {
  TestRegion region({512, 8, 8});
  fill_mixed(region);
  CountingProgress progress;
  VerifyOptions options = with_jobs(4);
  options.progress = &progress;
  verify(region, options);
  CHECK(progress.extents == 8);
  CHECK(progress.bytes == 6 * 8 * 512);
}

TEST_CASE("a verification that is stopped says so, and ends at an extent's boundary") {
  TestRegion region({512, 8, 100});
  region.put_raw_everywhere();
  region.put_file("stray", std::string_view());
  CountingProgress progress;
  progress.stop_after = 10;
  VerifyOptions options = with_jobs(2);
  options.progress = &progress;
  options.walk.stop = &progress.stop;
  const Verified verified = verify(region, options);
  CHECK(verified.summary.stopped);
  CHECK(verified.summary.extent_count >= 10);
  CHECK(verified.summary.extent_count < 100);
  CHECK(verified.reports.extents.size() == verified.summary.extent_count);
  CHECK(verified.reports.findings.empty());
}

}  // namespace
}  // namespace libregion
