// Replicas block by block: what differs, what is folded, which letter each has, and what becomes of
// extents that cannot be looked at.

#include "libregion/ops/compare.h"

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/open_replicas.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using Texts = std::vector<std::string>;

struct Compared {
  CompareSummary summary;
  Texts rows;  // "0/3-4 AAB data context" and so on, with the findings and extents between them
};

class RowCollector : public ComparisonReporter {
 public:
  void finding(std::size_t replica, const Finding& finding) override {
    rows.push_back(std::to_string(replica) + ": " + std::string(finding_info(finding.id).name));
  }
  void extent(const DumpRow& row) override {
    rows.push_back("extent " + std::to_string(row.extent.value) + (row.differs() ? " !" : ""));
  }
  void blocks(const BlockComparison& comparison) override {
    std::string text = std::to_string(comparison.extent.value) + "/" +
                       std::to_string(comparison.blocks.first) + "-" +
                       std::to_string(comparison.blocks.end() - 1) + " ";
    text.append(comparison.letters.begin(), comparison.letters.end());
    if (comparison.data_differs) text += " data";
    if (comparison.context_differs) text += " context";
    if (comparison.state_differs) text += " state";
    if (!comparison.is_sound()) text += " damaged";
    if (comparison.is_lost()) text += " lost";
    rows.push_back(text);
  }
  Texts rows;
};

Compared compare_on(FileSystem& file_system, const Texts& paths,
                    const CompareOptions& options = {}) {
  const OpenReplicas open(file_system, paths);
  RowCollector collector;
  Compared compared;
  compared.summary = compare_replicas(open.regions(), options, collector);
  compared.rows = std::move(collector.rows);
  return compared;
}

Compared compare(const Texts& paths, const CompareOptions& options = {}) {
  PosixFileSystem file_system;
  return compare_on(file_system, paths, options);
}

CompareOptions only_differences() {
  CompareOptions options;
  options.only_differences = true;
  return options;
}

struct ThreeReplicas {
  TestRegion a{{512, 8, 2}};
  TestRegion b{{512, 8, 2}};
  TestRegion c{{512, 8, 2}};

  ThreeReplicas() {
    for (TestRegion* region : {&a, &b, &c}) region->put_raw_everywhere();
  }
  [[nodiscard]] Texts paths() const { return {a.path(), b.path(), c.path()}; }
  [[nodiscard]] RawExtentBuilder written() const { return a.raw().write_all(); }
};

TEST_CASE("equal replicas are one row an extent") {
  const ThreeReplicas three;
  for (const unsigned jobs : {1U, 4U}) {
    CompareOptions options;
    options.walk.jobs = jobs;
    const Compared compared = compare(three.paths(), options);
    CHECK(compared.rows == Texts{"extent 0", "0/0-7 AAA", "extent 1", "1/0-7 AAA"});
    CHECK(compared.summary.totals.block_count == 16);
    CHECK(compared.summary.totals.read_bytes == 3 * 16 * 512);
    CHECK(compared.summary.differing_blocks == 0);
  }
  CHECK(compare(three.paths(), only_differences()).rows == Texts{"extent 0", "extent 1"});
}

TEST_CASE("what differs is named, and neighbours that look alike are one row") {
  ThreeReplicas three;
  three.b.put_raw(0, three.written().write(2, ContextSlot::A, 1).write(3, ContextSlot::A, 1));
  three.c.put_raw(0, three.written().corrupt_data(5).set_numbers(1, 2));
  const Compared compared = compare(three.paths());
  CHECK(compared.rows == Texts{"extent 0 !", "0/0-1 AAA", "0/2-3 ABA data context", "0/4-4 AAA",
                               "0/5-5 AAB data context state damaged", "0/6-7 AAA", "extent 1",
                               "1/0-7 AAA"});
  CHECK(compared.summary.differing_extents == 1);
  CHECK(compared.summary.differing_blocks == 3);
  CHECK(compared.summary.unsound_blocks == 1);
  CHECK(compared.summary.lost_blocks == 0);
  CHECK(compare(three.paths(), only_differences()).rows ==
        Texts{"extent 0 !", "0/2-3 ABA data context", "0/5-5 AAB data context state damaged",
              "extent 1"});
}

TEST_CASE("every block by itself") {
  const ThreeReplicas three;
  CompareOptions options;
  options.folds = false;
  options.walk.extents = ExtentSelection::parse("1");
  options.walk.blocks = BlockSelection::parse("3-5", ExtentId{1});
  CHECK(compare(three.paths(), options).rows ==
        Texts{"extent 1", "1/3-3 AAA", "1/4-4 AAA", "1/5-5 AAA"});
}

TEST_CASE("a block that no replica still has") {
  ThreeReplicas three;
  for (TestRegion* region : {&three.a, &three.b, &three.c}) {
    region->put_raw(1, three.written().corrupt_data(7));
  }
  const Compared compared = compare(three.paths(), only_differences());
  CHECK(compared.rows == Texts{"extent 0", "extent 1", "1/7-7 AAA damaged lost"});
  CHECK(compared.summary.lost_blocks == 1);
  CHECK(compared.summary.differing_blocks == 0);
}

TEST_CASE("which slot a context stands in, and its flush id, are no difference") {
  ThreeReplicas three;
  RawExtentBuilder other = three.a.raw().write_all(ContextSlot::A);
  other.set_slot(ContextSlot::A, 4, plain_context(three.a.data_for(4), 77));
  three.b.put_raw(0, other);
  CHECK(compare(three.paths()).rows[1] == "0/0-7 AAA");
}

TEST_CASE("contexts of the same data differ in their nonce, their tag or their hash") {
  TestRegion a({512, 8, 1, true});
  TestRegion b({512, 8, 1, true});
  RawExtentBuilder built = a.raw();
  for (std::uint64_t block = 0; block < 8; ++block) built.write_encrypted(block);
  a.put_raw(0, built);
  const auto data = built.data_for(2);
  built.set_slot(ContextSlot::B, 2, encrypted_context(data, some_encryption(77)));
  BlockContext other_hash = encrypted_context(built.data_for(4), some_encryption(4));
  other_hash.hash ^= 1U;
  built.set_slot(ContextSlot::B, 4, other_hash);
  b.put_raw(0, built);
  const Compared compared = compare({a.path(), b.path()}, only_differences());
  REQUIRE(compared.rows.size() >= 3);
  CHECK(compared.rows[1] == "0/2-2 AA context");
  CHECK(compared.rows[2].starts_with("0/4-4 "));
}

TEST_CASE(
    "neighbours that differ in the same things are rows of their own where they look unlike") {
  TestRegion a({512, 8, 1});
  TestRegion b({512, 8, 1});
  a.put_raw_everywhere();
  const auto rows_of = [&](const RawExtentBuilder& built) {
    b.put_raw(0, built);
    Texts rows = compare({a.path(), b.path()}, only_differences()).rows;
    rows.erase(rows.begin());
    return rows;
  };
  const auto written = [&] { return a.raw().write_all().corrupt_data(2).corrupt_data(3); };
  const Texts alike = rows_of(written());
  CHECK(alike.size() == 1);
  // In the slot that is not selected: something, or what matches.
  CHECK(rows_of(written().set_slot(ContextSlot::A, 3, plain_context(a.data_for(3, 9)))).size() ==
        2);
  auto matching = written();
  const Bytes data = a.data_for(3, 5);
  matching.set_slot(ContextSlot::A, 2, plain_context(a.data_for(2, 9)));
  matching.set_data(3, data).set_slot(ContextSlot::A, 3, plain_context(data));
  CHECK(rows_of(matching).size() == 2);
}

TEST_CASE("many rows of one extent are told as they are found") {
  TestRegion a({512, 300, 1});
  TestRegion b({512, 300, 1});
  a.put_raw_everywhere();
  b.put_raw_everywhere();
  CompareOptions options;
  options.folds = false;
  CHECK(compare({a.path(), b.path()}, options).rows.size() == 301);
}

TEST_CASE("raw and SQLite: the same blocks are equal") {
  TestRegion raw({512, 8, 1});
  TestRegion sqlite({512, 8, 1});
  RawExtentBuilder built = raw.raw();
  for (std::uint64_t block = 0; block < 5; ++block) built.write(block);
  raw.put_raw(0, built.set_numbers(3, 5));
  sqlite.put_sqlite(0, 5);
  CHECK(compare({raw.path(), sqlite.path()}).rows == Texts{"extent 0 !", "0/0-4 AA", "0/5-7 AA"});
}

TEST_CASE("an extent that is missing, damaged or not counted has no blocks; the others are shown") {
  ThreeReplicas three;
  three.a.remove("00/000/001");
  three.b.put_raw(1, three.b.raw().resize(100));
  TestRegion longer({512, 8, 3});
  longer.put_raw_everywhere();
  CHECK(compare({three.a.path(), three.b.path(), longer.path()}).rows ==
        Texts{"extent 0", "0/0-7 AAA", "0: missing_extent", "1: wrong_size", "extent 1 !",
              "1/0-7 --A data context state damaged", "extent 2 !",
              "2/0-7 --A data context state damaged"});
}

TEST_CASE("letters: the majority is A, then the proven, then the first") {
  ThreeReplicas three;
  three.a.put_raw(0, three.written().write(0, ContextSlot::A, 1).corrupt_data(1));
  const Compared three_way = compare(three.paths(), only_differences());
  CHECK(three_way.rows[1] == "0/0-0 BAA data context");
  CHECK(three_way.rows[2] == "0/1-1 BAA data context state damaged");
  const Compared two_way = compare({three.a.path(), three.b.path()}, only_differences());
  CHECK(two_way.rows[1] == "0/0-0 AB data context");
  CHECK(two_way.rows[2] == "0/1-1 BA data context state damaged");
  three.b.put_raw(0, three.written().write(0, ContextSlot::A, 2));
  CHECK(compare(three.paths(), only_differences()).rows[1] == "0/0-0 ABC data context");
}

TEST_CASE("replicas are compared in one share, in whatever order they are given") {
  const ThreeReplicas three;
  const auto set_uuid = [](const TestRegion& region, char first_digit) {
    std::string text = to_text(region.file("region.json"));
    const std::string_view before = "\"uuid\": \"";
    text[text.find(before) + before.size()] = first_digit;
    region.put_file("region.json", std::string_view(text));
  };
  set_uuid(three.b, '1');
  set_uuid(three.c, 'f');
  Texts paths = three.paths();
  std::uint64_t extent_count = 0;
  for (const std::uint64_t index : {0U, 1U}) {
    CompareOptions options;
    options.walk.shard = Shard{index, 2};
    const Texts rows = compare(paths, options).rows;
    extent_count += rows.size() / 2;
    std::reverse(paths.begin(), paths.end());
    CHECK(compare(paths, options).rows == rows);
  }
  CHECK(extent_count == 2);
}

TEST_CASE("comparing changes nothing") {
  ThreeReplicas three;
  three.c.put_raw(1, three.written().set_dirty());
  const auto before = three.c.snapshot();
  (void)compare(three.paths());
  CHECK(three.c.snapshot() == before);
}

TEST_CASE("each file is opened once") {
  ThreeReplicas three;
  MemoryFileSystem memory;
  memory.load(three.a.path(), "/a");
  memory.load(three.b.path(), "/b");
  for (const std::uint64_t open : {0U, 1U}) {
    const auto file_system = memory.copy();
    file_system->add_fault({EIO, CallKind::open, "/b/00/000/001", open});
    (void)compare_on(*file_system, {"/a", "/b"});
    CHECK(file_system->faults_hit() == (open == 0 ? 1 : 0));
  }
}

TEST_CASE("whichever read fails hides no more than its block") {
  ThreeReplicas three;
  MemoryFileSystem memory;
  memory.load(three.a.path(), "/a");
  memory.load(three.b.path(), "/b");
  const auto check = [](MemoryFileSystem& file_system) {
    const Compared compared = compare_on(file_system, {"/a", "/b"}, only_differences());
    CHECK(compared.summary.totals.block_count == 16);
    const bool is_hidden = compared.summary.unsound_blocks > 0;
    CHECK(compared.summary.totals.has_io_errors == is_hidden);
    const auto findings = std::count(compared.rows.begin(), compared.rows.end(), "1: io_error");
    CHECK(findings == (is_hidden ? 1 : 0));
  };
  CHECK(on_each_failing_read(memory, "/b/00/000/001", check) > 3);
}

TEST_CASE("somebody who opens an extent meanwhile is told") {
  ThreeReplicas three;
  MemoryFileSystem memory;
  memory.load(three.a.path(), "/a");
  memory.load(three.b.path(), "/b");
  HookedFileSystem hooked(memory);
  bool is_open = false;
  hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) {
    if (is_open || !path.ends_with("/b/00/000/000")) return;
    is_open = true;
    memory.open_elsewhere("/b/00/000/000", Access::read_write);
  };
  const Compared compared = compare_on(hooked, {"/a", "/b"}, only_differences());
  CHECK(compared.rows == Texts{"extent 0", "1: changed_while_read", "extent 1"});
  CHECK(compared.summary.totals.has_changed);
}

TEST_CASE("a replica that is in use is left out, the others are compared") {
  ThreeReplicas three;
  MemoryFileSystem memory;
  memory.load(three.a.path(), "/a");
  memory.load(three.b.path(), "/b");
  memory.open_elsewhere("/b/00/000/001", Access::read_write);
  const Compared compared = compare_on(memory, {"/a", "/b"});
  REQUIRE(compared.summary.failures[1].has_value());
  CHECK(compared.summary.failures[1]->kind() == ErrorKind::in_use);
  CHECK_FALSE(compared.summary.failures[0].has_value());
  CHECK(compared.rows.back() == "1/0-7 A- data context state damaged");
}

TEST_CASE("a stop ends it at an extent's boundary") {
  ThreeReplicas three;
  const std::atomic<bool> stop{true};
  CompareOptions options;
  options.walk.stop = &stop;
  const Compared compared = compare(three.paths(), options);
  CHECK(compared.summary.totals.stopped);
  CHECK(compared.rows.empty());
}

}  // namespace
}  // namespace libregion
