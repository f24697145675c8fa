// Salvaging while something of a replica cannot be read.

#include "libregion/ops/salvage.h"

#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/ops/crash_driver.h"
#include "tests/unit/ops/exported_region.h"
#include "tests/unit/ops/hooked_file_system.h"

namespace libregion {
namespace {

struct Salvaged {
  SalvageSummary summary;
  Reports reports;
};

Salvaged salvage_on(FileSystem& file_system, const SalvageOptions& options = {}) {
  const auto a = open_region(file_system, "/a", {});
  const auto b = open_region(file_system, "/b", {});
  const auto image = make_file_target(file_system, image_path, {});
  ReportCollector collector;
  const SalvageSummary summary =
      salvage(ReplicaSet({&*a.region, &*b.region}), *image, options, collector);
  return {summary, std::move(collector.reports)};
}

TEST_CASE("what cannot be read is said where a block is lost by it, and only there") {
  TestRegion region({512, 8, 1});
  RawExtentBuilder written = region.raw().write_all();
  MemoryFileSystem memory;
  region.put_raw(0, written);
  memory.load(region.path(), "/a");
  memory.load(region.path(), "/b");
  bool is_damaged = false;
  SUBCASE("the other replica has all") {}
  SUBCASE("the other replica has lost a block") {
    is_damaged = true;
    region.put_raw(0, written.corrupt_data(3));
    memory.add_file("/a/00/000/000", region.file("00/000/000"));
  }
  memory.add_directory("/out");
  const std::vector<std::pair<CallKind, std::string>> calls = {{CallKind::open, "/b/00/000"},
                                                               {CallKind::open, "/b/00/000/000"},
                                                               {CallKind::read, "/b/00/000/000"}};
  for (const auto& [kind, path] : calls) {
    const auto failing = memory.copy();
    failing->add_fault({EIO, kind, path, 0, true});
    const auto [summary, reports] = salvage_on(*failing);
    CHECK(summary.has_io_errors);
    CHECK(summary.lost_count == (is_damaged ? 1 : 0));
    const auto& findings = reports.findings;
    REQUIRE(findings.size() == (is_damaged ? 2 : 0));
    if (!is_damaged) continue;
    CHECK(findings[0].id == FindingId::no_proven_copy);
    CHECK(findings[1].id == FindingId::io_error);
    CHECK(findings[1].found.find("'" + path + "'") != std::string::npos);
  }
}

struct TwoReplicas {
  explicit TwoReplicas(const TestRegion& region) {
    memory.load(region.path(), "/a");
    memory.load(region.path(), "/b");
    memory.add_directory("/out");
    memory.settle();
  }
  MemoryFileSystem memory;
};

TEST_CASE("a salvage that is to stop keeps nothing") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  TwoReplicas two(region);
  const std::atomic<bool> stop{true};
  SalvageOptions options;
  options.walk.stop = &stop;
  CHECK(salvage_on(two.memory, options).summary.stopped);
  CHECK(two.memory.tree("/out").empty());
}

TEST_CASE("a salvage that is stopped within an extent says nothing of it") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  TwoReplicas two(region);
  HookedFileSystem hooked(two.memory);
  std::atomic<bool> stop{false};
  hooked.hooks.before_open = [&](const std::string& path) {
    if (path == "/a/00/000/001") stop = true;
  };
  SalvageOptions options;
  options.walk.stop = &stop;
  const auto [summary, reports] = salvage_on(hooked, options);
  CHECK(summary.stopped);
  CHECK_FALSE(summary.is_whole());
  CHECK(reports.extents.size() == 1);
  CHECK(two.memory.tree("/out").empty());
}

// Standard output that leads to a file.
class OpenedTarget : public ImageTarget {
 public:
  explicit OpenedTarget(const FileStatus& file) : file_(file) {}
  [[nodiscard]] bool is_seekable() const override { return true; }
  [[nodiscard]] bool skips_zeros() const override { return false; }
  [[nodiscard]] std::optional<FileStatus> identity() const override { return file_; }
  void start(std::uint64_t /*size_bytes*/) override { is_begun = true; }
  void write(std::uint64_t /*offset_bytes*/, ByteView /*source*/) override {}
  void write_zeros(std::uint64_t /*offset_bytes*/, std::uint64_t /*length_bytes*/) override {}
  void sync() override {}
  void commit() override {}
  bool is_begun = false;

 private:
  FileStatus file_;
};

TEST_CASE("the image is not written over one of the replicas") {
  TestRegion region({512, 8, 1});
  region.put_raw_everywhere();
  TwoReplicas two(region);
  const auto a = open_region(two.memory, "/a", {});
  const auto b = open_region(two.memory, "/b", {});
  const ReplicaSet replicas({&*a.region, &*b.region});
  ReportCollector collector;
  two.memory.add_file("/out/image", Bytes(5));
  const auto status_of = [&](const std::string& directory, const std::string& name) {
    return *expect_opened(two.memory.open_directory(directory), directory)->status_of(name);
  };
  OpenedTarget over(status_of("/b/00/000", "000"));
  CHECK_THROWS_WITH_AS((void)salvage(replicas, over, {}, collector),
                       "'/b': the image would be written over the region", Error);
  CHECK_FALSE(over.is_begun);
  OpenedTarget beside(status_of("/out", "image"));
  CHECK(salvage(replicas, beside, {}, collector).is_whole());
}

TEST_CASE("a sync of the image that fails is final: it stays as it is") {
  TestRegion region({512, 8, 1});
  region.put_raw_everywhere();
  TwoReplicas two(region);
  two.memory.add_fault({EIO, CallKind::sync_file});
  CHECK_THROWS_AS((void)salvage_on(two.memory), SystemError);
  CHECK_FALSE(two.memory.tree("/out").empty());
}

TEST_CASE("more blocks than are written at once") {
  TestRegion region({32'768, 200, 1});
  region.put_raw_everywhere();
  TwoReplicas two(region);
  CHECK(salvage_on(two.memory).summary.proven_count == 200);
  const Bytes image = two.memory.content_of(image_path);
  CHECK((image == data_of(region, 1)));
}

TEST_CASE("without any one of the syncs of salvaging the image might not be there after a crash") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, region.raw().write_all());
  MemoryFileSystem memory;
  memory.load(region.path(), "/a");
  memory.load(region.path(), "/b");
  memory.add_directory("/out");
  const Operation run = [](MemoryFileSystem& running) { (void)salvage_on(running); };
  const auto undisturbed = memory.copy();
  run(*undisturbed);
  const Tree expected = undisturbed->tree("/out");
  REQUIRE(expected.size() == 1);
  const Examine examine = [&](MemoryFileSystem& left, bool finished) {
    return finished ? difference(expected, left.tree("/out")) : "";
  };
  CHECK(needless_syncs(memory, run, examine) == "");
}

}  // namespace
}  // namespace libregion
