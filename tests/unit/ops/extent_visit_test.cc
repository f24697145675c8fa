// Reading past what cannot be read.

#include "libregion/ops/extent_visit.h"

#include <doctest/doctest.h>

#include "libregion/ops/dump_slots.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

// A reader of blocks of which some cannot be read.
class HoledReader : public ExtentReader {
 public:
  explicit HoledReader(std::vector<std::uint64_t> bad) : bad_(std::move(bad)) {}
  [[nodiscard]] ExtentFormat format() const override { return ExtentFormat::raw; }
  [[nodiscard]] const std::optional<ExtentMetadata>& metadata() const override { return metadata_; }
  [[nodiscard]] std::uint64_t readable_blocks() const override { return 5000; }
  // As a real one does, it reads some blocks before it visits them.
  void read_blocks(BlockRange range,
                   const std::function<void(const BlockRecord&)>& visit) override {
    constexpr std::uint64_t chunk_blocks = 100;
    for (std::uint64_t first = range.first; first < range.end(); first += chunk_blocks) {
      const std::uint64_t end = std::min(first + chunk_blocks, range.end());
      for (const std::uint64_t bad : bad_) {
        if (first <= bad && bad < end) throw Error(ErrorKind::failed, "bad sector");
      }
      for (std::uint64_t block = first; block < end; ++block) {
        BlockRecord record;
        record.block = block;
        visit(record);
      }
    }
  }
  [[nodiscard]] std::uint64_t count_unwritten(BlockRange /*range*/) override { return 0; }
  [[nodiscard]] std::vector<const File*> files() const override { return {}; }

 private:
  std::vector<std::uint64_t> bad_;
  std::optional<ExtentMetadata> metadata_;
};

struct ReadPast {
  std::vector<std::uint64_t> visited;
  std::vector<std::uint64_t> skipped;
};

ReadPast read_past(const std::vector<std::uint64_t>& bad, BlockRange range) {
  HoledReader reader(bad);
  ReadPast result;
  read_past_errors(
      reader, range, [&](const BlockRecord& record) { result.visited.push_back(record.block); },
      [&](std::uint64_t block, const Error&) { result.skipped.push_back(block); });
  return result;
}

TEST_CASE("each block is visited once, in order, or skipped") {
  for (const auto& bad : std::vector<std::vector<std::uint64_t>>{
           {}, {0}, {4999}, {17, 18, 250, 3000}, {1023, 1024, 1025, 2048}}) {
    const ReadPast result = read_past(bad, {0, 5000});
    CHECK(result.skipped == bad);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t block = 0; block < 5000; ++block) {
      if (std::find(bad.begin(), bad.end(), block) == bad.end()) expected.push_back(block);
    }
    CHECK(result.visited == expected);
  }
  CHECK(read_past({7}, {7, 1}).skipped == std::vector<std::uint64_t>{7});
  CHECK(read_past({7}, {7, 1}).visited.empty());
  CHECK(read_past({7}, {0, 0}).skipped.empty());
}

TEST_CASE("what a visit throws is no failure to read") {
  HoledReader reader({});
  std::uint64_t skipped = 0;
  const auto fail = [](const BlockRecord& record) {
    if (record.block == 3) throw Error(ErrorKind::failed, "no space for the output");
  };
  CHECK_THROWS_WITH_AS(
      read_past_errors(reader, {0, 10}, fail, [&](std::uint64_t, const Error&) { ++skipped; }),
      "no space for the output", Error);
  CHECK(skipped == 0);
}

// Counts blocks.
class BlockCounter : public ReportCollector {
 public:
  void block(const BlockReport& report) override { blocks.push_back(report.region_block); }
  std::vector<std::uint64_t> blocks;
};

TEST_CASE("whichever read fails, the slots that can be read are shown and the others are named") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  MemoryFileSystem memory;
  memory.load(region.path(), "/r");
  std::uint64_t failed_runs = 0;
  for (std::uint64_t call = 0;; ++call) {
    const auto file_system = memory.copy();
    Fault fault{EIO};
    fault.kind = CallKind::read;
    fault.path = "/r/00/000/001";
    fault.first = call;
    file_system->add_fault(fault);
    const auto opened = open_region(*file_system, "/r", {});
    BlockCounter counter;
    const VisitTotals totals = dump_slots(*opened.region, {}, nullptr, counter);
    if (file_system->faults_hit() == 0) break;
    ++failed_runs;
    CAPTURE(call);
    CHECK(totals.has_io_errors == (totals.block_count < 24));
    CHECK(totals.block_count == counter.blocks.size());
    CHECK(totals.block_count >= 16);
    CHECK(counter.reports.extents.size() == 3);
    CHECK(only(FindingId::io_error, counter.reports.findings).size() ==
          (totals.has_io_errors ? 1 : 0));
  }
  CHECK(failed_runs > 3);
}

}  // namespace
}  // namespace libregion
