// Defragmenting regions on a real disk: what moves, what stays, what is left alone.

#include "libregion/ops/defragment.h"

#include <doctest/doctest.h>

#include "libregion/extent/open_extent.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/slot_fragmentation.h"
#include "tests/unit/ops/run_region.h"
#include "tests/unit/ops/scattered_extents.h"

namespace libregion {
namespace {

class FragmentationCollector : public ReportCollector {
 public:
  void record(const OtherRecord& record) override { records.push_back(record); }
  std::vector<OtherRecord> records;
};

struct Defragmented {
  DefragmentSummary summary;
  Reports reports;
  std::vector<OtherRecord> records;
};

Defragmented defragment(const TestRegion& region, const DefragmentOptions& options = {}) {
  PosixFileSystem file_system;
  const Access access = options.only_looks() ? Access::read : Access::read_write;
  const auto opened = open_region(file_system, region.path(), {access, false, 0});
  REQUIRE(opened.region);
  FragmentationCollector collector;
  const DefragmentSummary summary = defragment_region(*opened.region, options, collector);
  return {summary, std::move(collector.reports), std::move(collector.records)};
}

std::string action_of(const Defragmented& done, std::size_t extent = 0) {
  const std::string fields = fields_of(done.reports.extents.at(extent));
  return fields.substr(0, fields.find(" moved_blocks="));
}

// What an extent says of its blocks, wherever their contexts are.
struct Block {
  Bytes data;
  std::optional<BlockContext> context;
  bool operator==(const Block&) const = default;
};
std::vector<Block> blocks_of(const TestRegion& region, std::uint32_t extent = 0) {
  PosixFileSystem file_system;
  const auto leaf = open_directory_in(
      *expect_opened(file_system.open_directory(region.path()), region.path()), "00/000");
  ExtentParts parts;
  parts.add(ExtentPart::data);
  const auto opened = open_extent(*leaf, ExtentId{extent}, parts, region.geometry(), [](File&) {});
  std::vector<Block> blocks;
  opened.reader->read_blocks(
      {0, region.geometry().extent_size_blocks()}, [&](const BlockRecord& record) {
        Block block{Bytes(record.data.begin(), record.data.end()), std::nullopt};
        if (record.context() != nullptr) block.context = *record.context();
        blocks.push_back(std::move(block));
      });
  return blocks;
}

SlotFragmentation fragmentation_of(const TestRegion& region, std::uint32_t extent = 0) {
  const RawLayout layout(region.geometry());
  const Bytes bytes = region.file(extent_path(ExtentId{extent}));
  return measure_fragmentation(
      ActiveSlots(region.geometry().extent_size_blocks(),
                  ByteView(bytes).subspan(layout.bits_offset_bytes(), layout.bits_bytes())));
}

TestRegion region_of(std::uint64_t block_count, std::uint32_t extent_count = 1) {
  TestRegionOptions options;
  options.extent_size_blocks = block_count;
  options.extent_count = extent_count;
  return TestRegion(options);
}

TEST_CASE("defragment: the slots of the array that fewer blocks use are copied into the other") {
  TestRegion region = region_of(8);
  auto built = region.raw();
  for (const std::uint64_t block : {0U, 1U, 2U, 5U, 6U}) built.write(block, ContextSlot::A);
  for (const std::uint64_t block : {3U, 4U, 7U}) built.write(block, ContextSlot::B);
  region.put_raw(0, built.set_numbers(3, 9).set_counts(2, 7));

  const Defragmented done = defragment(region);
  auto expected = region.raw();
  for (std::uint64_t block = 0; block < 8; ++block) expected.write(block, ContextSlot::A);
  for (const std::uint64_t block : {3U, 4U, 7U}) {
    expected.set_slot(ContextSlot::B, block, plain_context(region.data_for(block)));
  }
  CHECK(region.file("00/000/000") == expected.set_numbers(3, 9).set_counts(2, 8).bytes());
  CHECK(action_of(done) == "action=defragmented changed=true");
  CHECK(done.reports.extents.at(0).metadata->defrag_count == 8);
  CHECK(done.summary.defragmented_count == 1);
  CHECK(done.summary.moved_block_count == 3);
  CHECK(done.summary.extra_system_calls == 3);
  // Blocks 3 to 7 in one write, then bits and metadata.
  CHECK(done.summary.written_bytes == 5 * 48 + 1 + 32);
}

TEST_CASE("defragment: on a tie B is copied into A") {
  TestRegion region = region_of(2);
  region.put_raw(0, region.raw().write(0, ContextSlot::A).write(1, ContextSlot::B));
  defragment(region);
  CHECK(fragmentation_of(region).a.block_count == 2);
}

TEST_CASE("defragment: a slot that is empty and active is copied over an older context") {
  TestRegion region = region_of(4);
  auto built = region.raw().write_all(ContextSlot::B);
  built.set_data(2, Bytes(512)).select(2, ContextSlot::A);  // its first write never arrived
  region.put_raw(0, built);
  defragment(region);
  CHECK(fragmentation_of(region).b.block_count == 4);
  CHECK(region.file("00/000/000") ==
        built.clear_slot(ContextSlot::B, 2).select(2, ContextSlot::B).set_counts(0, 1).bytes());
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("defragment: whatever is scattered keeps every block's data and context, and verifies") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TestRegionOptions options;
    options.extent_size_blocks = 1 + random.below(300);
    options.extent_count = 1;
    options.encrypted = random.coin();
    TestRegion region(options);
    region.put_raw(0, scatter(region.raw(), options.extent_size_blocks,
                              {seed, options.encrypted, random.below(9)}));
    const auto before = blocks_of(region);
    const bool is_scattered = fragmentation_of(region).minor_block_count() > 0;

    const Defragmented done = defragment(region);
    CHECK(done.summary.defragmented_count == (is_scattered ? 1 : 0));
    CHECK(done.reports.findings.empty());
    CHECK(fragmentation_of(region).extra_system_calls() == 0);
    CHECK(blocks_of(region) == before);
    CHECK(names_of(verify(region).reports.findings) == "");

    const auto snapshot = region.snapshot();
    const Defragmented again = defragment(region);
    CHECK(action_of(again) == "action=none changed=false");
    CHECK(again.summary.written_bytes == 0);
    CHECK(region.snapshot() == snapshot);
  }
}

TEST_CASE("defragment: runs far apart are written by themselves, what is between is not") {
  TestRegion region = region_of(400);
  auto built = region.raw().write_all(ContextSlot::A);
  for (const std::uint64_t block : {3U, 9U, 300U}) built.write(block, ContextSlot::B);
  region.put_raw(0, built);
  // 3 to 9 in one write, 300 in another; the bits and the metadata.
  CHECK(defragment(region).summary.written_bytes == 7 * 48 + 48 + 50 + 32);
  CHECK(fragmentation_of(region).a.block_count == 400);
}

TEST_CASE("defragment: an array longer than what is held in memory at a time is moved as well") {
  TestRegion region = region_of(5000);
  auto built = region.raw().write_all(ContextSlot::A);
  for (std::uint64_t block = 100; block < 2600; ++block) built.write(block, ContextSlot::B);
  region.put_raw(0, built.set_counts(0, 4'294'967'295));
  const auto before = blocks_of(region);
  const Defragmented done = defragment(region);
  CHECK(done.summary.moved_block_count == 2500);
  CHECK(fragmentation_of(region).a.block_count == 5000);
  CHECK(blocks_of(region) == before);
  // The count does not begin again from 0.
  CHECK(done.reports.extents.at(0).metadata->defrag_count == 4'294'967'295);
}

TEST_CASE("defragment: padding and unused bits stay what they were") {
  TestRegion region = region_of(6);
  auto built = region.raw().write_all(ContextSlot::A).write(1, ContextSlot::B);
  region.put_raw(0, built.set_metadata_padding(0xAA).set_unused_bits(0xC0));
  defragment(region);
  CHECK(names_of(verify(region).reports.findings) == "metadata_padding, unused_bits_set");
}

// ---- looking only -------------------------------------------------------------------------------

TEST_CASE("defragment: a dry run and a check say the same as the run, and change nothing") {
  TestRegion region = region_of(40, 2);
  region.put_raw(0, scatter(region.raw(), 40, {}));
  region.put_raw(1, region.raw().write_all(ContextSlot::B));
  const auto before = region.snapshot();
  DefragmentOptions dry_run;
  dry_run.dry_run = true;
  const Defragmented planned = defragment(region, dry_run);
  DefragmentOptions check;
  check.check = true;
  const Defragmented checked = defragment(region, check);
  CHECK(region.snapshot() == before);
  CHECK(action_of(planned) == "action=defragmented would_change=true");
  CHECK(action_of(planned, 1) == "action=none would_change=false");
  CHECK(planned.records.empty());

  const Defragmented done = defragment(region);
  for (const Defragmented& looked : {planned, checked}) {
    CHECK(looked.summary.moved_block_count == done.summary.moved_block_count);
    CHECK(looked.summary.written_bytes == done.summary.written_bytes);
    CHECK(looked.summary.extra_system_calls == done.summary.extra_system_calls);
  }
}

TEST_CASE("defragment: a check tells how scattered each extent is") {
  TestRegion region = region_of(8, 2);
  region.put_raw(
      0, region.raw().write(1, ContextSlot::B).write(2, ContextSlot::B).write(6, ContextSlot::B));
  region.put_raw(1, region.raw().write_all(ContextSlot::B));
  DefragmentOptions check;
  check.check = true;
  const Defragmented checked = defragment(region, check);
  REQUIRE(checked.records.size() == 2);
  CHECK(checked.records[0].type == "fragmentation");
  CHECK(checked.records[0].text.ends_with(
      "extent 0 (00/000/000): A: 5 blocks in 3 runs, B: 3 blocks in 2 runs; 4 extra system calls "
      "to read it\n"));
  CHECK(checked.records[1].text.empty());  // nothing that people need to know
  CHECK(checked.summary.extra_system_calls == 4);
}

// ---- what is left alone -------------------------------------------------------------------------

void check_left(const TestRegion& region, const std::string& findings) {
  const auto before = region.snapshot();
  const Defragmented done = defragment(region);
  CHECK(region.snapshot() == before);
  CHECK(names_of(done.reports.findings) == findings);
  CHECK(action_of(done) == "action=left changed=false");
  CHECK(done.summary.left_count == 1);
  CHECK(done.summary.defragmented_count == 0);
  CHECK(done.summary.written_bytes == 0);
}

TEST_CASE("defragment: an extent that is dirty or damaged is left alone, with a finding") {
  TestRegion region = region_of(8);
  auto built = region.raw().write_all(ContextSlot::A).write(1, ContextSlot::B);
  std::string expected;
  SUBCASE("dirty") { expected = "dirty_extent", built.set_dirty(); }
  SUBCASE("bad mark") { expected = "bad_metadata", built.set_dirty(2); }
  SUBCASE("version") { expected = "unknown_version", built.set_version(7); }
  SUBCASE("short") { expected = "wrong_size", built.resize(600); }
  SUBCASE("long") { expected = "wrong_size", built.resize(built.bytes().size() + 1); }
  SUBCASE("a slot to be moved") {
    expected = "bad_active_slot", built.set_slot_tag(ContextSlot::B, 1, 2);
  }
  region.put_raw(0, built);
  check_left(region, expected);
}

TEST_CASE("defragment: bad slots next to each other are one finding, with their place") {
  TestRegion region = region_of(16);
  auto built = region.raw().write_all(ContextSlot::A);
  for (const std::uint64_t block : {2U, 3U, 4U, 9U}) {
    built.write(block, ContextSlot::B).set_slot_tag(ContextSlot::B, block, 2);
  }
  region.put_raw(0, built);
  const auto findings = defragment(region).reports.findings;
  REQUIRE(findings.size() == 2);
  CHECK(*findings[0].blocks == BlockRange{2, 3});
  CHECK(*findings[0].offset_bytes == built.slot_offset(ContextSlot::B, 2));
  CHECK(findings[0].length_bytes == 3 * 48);
  CHECK(findings[0].expected == "00 or 01 at byte 0 of the slot");
  CHECK(findings[0].found == "02");
  CHECK(*findings[1].blocks == BlockRange{9, 1});
}

TEST_CASE(
    "defragment: a slot that is not active may be bad, and is mended where it is the target") {
  TestRegion region = region_of(8);
  auto built = region.raw().write_all(ContextSlot::A).write(1, ContextSlot::B);
  region.put_raw(0, built.set_slot_tag(ContextSlot::A, 1, 2));
  CHECK(defragment(region).summary.defragmented_count == 1);
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("defragment: an extent that is to be replaced, or is no file of its own, is left alone") {
  TestRegion region = region_of(8);
  region.put_raw(0, scatter(region.raw(), 8, {}));
  std::string expected;
  SUBCASE("replacement") {
    region.make_directory("00/000/000.replace");
    region.put_file("00/000/000.replace/000", region.raw().bytes());
    expected = "replace_pending";
  }
  SUBCASE("missing") {
    region.remove("00/000/000");
    expected = "missing_extent";
  }
  SUBCASE("symbolic link") {
    region.remove("00/000/000");
    region.put_file("elsewhere", scatter(region.raw(), 8, {}).bytes());
    region.put_symbolic_link("00/000/000", "../../elsewhere");
    expected = "not_a_regular_file";
  }
  SUBCASE("FIFO") {
    region.remove("00/000/000");
    region.put_fifo("00/000/000");
    expected = "not_a_regular_file";
  }
  SUBCASE("two names") {
    region.put_hard_link("elsewhere", region.path_of(0));
    expected = "several_links";
  }
  check_left(region, expected);
}

TEST_CASE("defragment: a SQLite extent has nothing to defragment") {
  TestRegion region = region_of(8);
  region.put_sqlite(0, 5);
  const auto before = region.snapshot();
  const Defragmented done = defragment(region);
  CHECK(region.snapshot() == before);
  CHECK(done.reports.findings.empty());
  CHECK(action_of(done) == "action=none changed=false");
  CHECK(done.reports.extents.at(0).format == "sqlite");
}

TEST_CASE("defragment: one extent that is left does not keep the others from being done") {
  TestRegion region = region_of(8, 3);
  for (const std::uint32_t extent : {0U, 1U, 2U}) {
    region.put_raw(extent, scatter(region.raw(), 8, {extent + 5}).set_dirty(extent == 1 ? 1 : 0));
  }
  DefragmentOptions options;
  options.walk.jobs = 3;
  const Defragmented done = defragment(region, options);
  CHECK(done.summary.defragmented_count == 2);
  CHECK(done.reports.order == std::vector<std::string>{"extent 0",
                                                       "finding dirty_extent 00/000/001",
                                                       "extent 1", "extent 2"});
}

TEST_CASE("defragment: only the extents that are selected are looked at") {
  TestRegion region = region_of(8, 3);
  for (const std::uint32_t extent : {0U, 1U, 2U})
    region.put_raw(extent, scatter(region.raw(), 8, {}));
  const Bytes before = region.file("00/000/001");
  DefragmentOptions options;
  options.walk.extents = ExtentSelection::parse("0,2");
  CHECK(defragment(region, options).summary.extent_count == 2);
  CHECK(region.file("00/000/001") == before);
}

TEST_CASE("defragment: stopped before it begins it changes nothing") {
  TestRegion region = region_of(8);
  region.put_raw(0, scatter(region.raw(), 8, {}));
  const auto before = region.snapshot();
  const std::atomic<bool> stop{true};
  DefragmentOptions options;
  options.walk.stop = &stop;
  CHECK(defragment(region, options).summary.stopped);
  CHECK(region.snapshot() == before);
}

}  // namespace
}  // namespace libregion
