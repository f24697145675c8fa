// Defragmenting regions, with a crash at every call that changes or syncs something, and with calls
// that fail. What is left holds every block with its context, even where the extent becomes dirty
// before anything else happens to it; another run finishes the job with the same bytes.

#include <doctest/doctest.h>

#include "libregion/extent/open_extent.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/defragment.h"
#include "libregion/ops/verify.h"
#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/fault_driver.h"
#include "tests/unit/ops/scattered_extents.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_bytes = 512;

Region open_for(MemoryFileSystem& memory, Access access) {
  auto opened = open_region(memory, region_path, {access, false, 0});
  if (!opened.region) throw std::runtime_error("no region.json that can be used");
  return std::move(*opened.region);
}

class FindingNames : public Reporter {
 public:
  explicit FindingNames(std::vector<std::string>* lines) : lines_(lines) {}
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& finding) override {
    if (lines_ != nullptr) lines_->push_back(finding.found);
  }

 private:
  std::vector<std::string>* lines_;
};

DefragmentSummary defragment(MemoryFileSystem& memory, std::vector<std::string>* found = nullptr,
                             unsigned jobs = 1) {
  const Region region = open_for(memory, Access::read_write);
  FindingNames reporter(found);
  DefragmentOptions options;
  options.walk.jobs = jobs;
  return defragment_region(region, options, reporter);
}

void run_defragment(MemoryFileSystem& memory) { defragment(memory); }

std::string extent_file(std::uint32_t extent) {
  return region_path + "/" + extent_path(ExtentId{extent});
}

// ---- scenarios ----------------------------------------------------------------------------------

struct Scenario {
  std::string name;
  std::uint64_t block_count;
  std::uint32_t extent_count = 1;
  Scatter scatter = {};
  bool can_sync_file_system = true;

  [[nodiscard]] std::uint64_t metadata_offset_bytes() const {
    return RawLayout(std::get<Geometry>(Geometry::make(block_bytes, block_count)))
        .metadata_offset_bytes();
  }
};

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"2 blocks", 2, 2, {4}},
      {"7 blocks", 7, 3},
      {"into A", 40, 1, {5, false, 2}},
      {"into B", 40, 1, {6, false, 6}},
      {"encrypted, into A", 100, 1, {7, true, 2}},
      {"encrypted, into B", 100, 1, {8, true, 6}},
      {"metadata in two sectors", 133, 1, {9, false, 5}},
      {"encrypted, metadata in two sectors", 133, 1, {10, true, 5}},
      {"16 extents", 7, 16, {11, true, 5}},
      {"16 extents, no syncfs", 7, 16, {11, true, 5}, false},
  };
  return all;
}

std::unique_ptr<MemoryFileSystem> before_defragment(const Scenario& scenario) {
  TestRegionOptions options;
  options.extent_size_blocks = scenario.block_count;
  options.extent_count = scenario.extent_count;
  options.encrypted = scenario.scatter.encrypted;
  TestRegion region(options);
  for (std::uint32_t extent = 0; extent < scenario.extent_count; ++extent) {
    Scatter scatter_options = scenario.scatter;
    scatter_options.seed = 100 * scatter_options.seed + extent;
    region.put_raw(extent, scatter(region.raw(), scenario.block_count, scatter_options));
  }
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), region_path);
  memory->set_sync_file_system_available(scenario.can_sync_file_system);
  return memory;
}

// ---- what a region holds ------------------------------------------------------------------------

// Each block's data and context, wherever that is.
using Blocks = std::vector<std::pair<Bytes, std::optional<BlockContext>>>;
Blocks blocks_of(MemoryFileSystem& memory) {
  const Region region = open_for(memory, Access::read);
  const auto leaf = open_directory_in(*region.root, "00/000");
  Blocks blocks;
  for (std::uint32_t extent = 0; extent < region.definition.extent_count; ++extent) {
    ExtentParts parts;
    parts.add(ExtentPart::data);
    const auto opened =
        open_extent(*leaf, ExtentId{extent}, parts, region.definition.geometry, [](File&) {});
    opened.reader->read_blocks(
        {0, opened.reader->readable_blocks()}, [&](const BlockRecord& record) {
          const BlockContext* context = record.context();
          blocks.emplace_back(Bytes(record.data.begin(), record.data.end()),
                              context == nullptr ? std::nullopt : std::optional(*context));
        });
  }
  return blocks;
}

// As it is after a service has begun to write elsewhere in each extent, and died.
std::unique_ptr<MemoryFileSystem> made_dirty(const MemoryFileSystem& memory,
                                             const Scenario& scenario) {
  auto dirty = memory.copy();
  for (std::uint32_t extent = 0; extent < scenario.extent_count; ++extent) {
    Bytes content = dirty->content_of(extent_file(extent));
    content.at(scenario.metadata_offset_bytes() + metadata_dirty_offset) = std::byte{1};
    dirty->add_file(extent_file(extent), content);
  }
  return dirty;
}

// The tree, with every defragmentation count 0.
Tree without_counts(Tree tree, const Scenario& scenario) {
  for (std::uint32_t extent = 0; extent < scenario.extent_count; ++extent) {
    Bytes& content = tree.at(extent_path(ExtentId{extent})).content;
    encode_defrag_count(0, MutableByteView(content).last<metadata_bytes>());
  }
  return tree;
}

// A scenario, what comes of it undisturbed, and what is promised of a crash.
struct Case {
  explicit Case(const Scenario& of)
      : scenario(of),
        before(before_defragment(of)),
        blocks(blocks_of(*before)),
        expected(tree_after(*before, run_defragment)) {
    examine = remembering([this](MemoryFileSystem& left, bool finished) {
      return finished ? other_bytes(expected, left) : harm_or_unfinished(left);
    });
    if (of.extent_count > 3) states.seed_count = 3;
  }

  std::string harm(MemoryFileSystem& left) const {
    if (verified_errors(left) > 0) return "it does not verify";
    if (blocks_of(left) != blocks) return "other blocks";
    const auto dirty = made_dirty(left, scenario);
    if (verified_errors(*dirty) > 0) return "it does not verify once it is dirty";
    if (blocks_of(*dirty) != blocks) return "other blocks once it is dirty";
    return {};
  }

  std::string harm_or_unfinished(MemoryFileSystem& left) const {
    const std::string problem = harm(left);
    if (!problem.empty()) return problem;
    defragment(left);
    return unfinished(left);
  }

  // But for the count, which a run that is interrupted where it writes it may miss or raise twice.
  std::string unfinished(const MemoryFileSystem& left) const {
    return difference(without_counts(expected, scenario),
                      without_counts(left.tree(region_path), scenario));
  }

  const Scenario& scenario;
  std::unique_ptr<MemoryFileSystem> before;
  Blocks blocks;
  Tree expected;
  Examine examine;
  CrashOptions states;
};

void on_every_case(const std::function<void(const Case&)>& test) {
  static const auto cases = [] {
    std::vector<std::unique_ptr<Case>> made;
    for (const Scenario& scenario : scenarios()) made.push_back(std::make_unique<Case>(scenario));
    return made;
  }();
  for (const auto& tested : cases) {
    INFO("scenario: ", tested->scenario.name);
    test(*tested);
  }
}

TEST_CASE(
    "defragment: undisturbed, every extent is in one array, and another run changes nothing") {
  on_every_case([](const Case& tested) {
    const auto memory = tested.before->copy();
    CHECK(defragment(*memory).defragmented_count > 0);
    CHECK(tested.harm(*memory) == "");
    memory->clear_log();
    CHECK(defragment(*memory).defragmented_count == 0);
    CHECK(describe(memory->log()) == "");
  });
}

TEST_CASE("defragment: several threads give the same bytes as one") {
  on_every_case([](const Case& tested) {
    const auto memory = tested.before->copy();
    defragment(*memory, nullptr, 4);
    CHECK(other_bytes(tested.expected, *memory) == "");
  });
}

TEST_CASE("defragment: a crash at any call does no harm, and another run finishes") {
  on_every_case([](const Case& tested) {
    CHECK(first_problem(*tested.before, run_defragment, tested.examine, tested.states) == "");
  });
}

TEST_CASE("defragment: a crash in the second run does no harm either") {
  on_every_case([](const Case& tested) {
    if (tested.scenario.extent_count > 3) return;
    const CrashOptions few{{CrashModel::posix_512}, 3};
    const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
      if (finished) return tested.examine(left, finished);
      return first_problem(
          left, run_defragment,
          [&](MemoryFileSystem& again, bool /*finished*/) {
            return tested.harm_or_unfinished(again);
          },
          few);
    });
    CHECK(first_problem(*tested.before, run_defragment, crash_again, few) == "");
  });
}

TEST_CASE("defragment: after a process that was killed the next run does no harm, and finishes") {
  on_every_case([](const Case& tested) {
    const Examine examine = remembering(
        [&](MemoryFileSystem& left, bool /*finished*/) { return tested.harm_or_unfinished(left); });
    CHECK(first_problem_after_kill(*tested.before, run_defragment, examine,
                                   {{CrashModel::posix_512}, 3}) == "");
  });
}

// ---- the syncs ----------------------------------------------------------------------------------

// What a service leaves that was killed in a flush: in the cache the extent is clean, with a newer
// version of block 0; on disk it is dirty, with an older one.
std::unique_ptr<MemoryFileSystem> killed_in_a_flush() {
  TestRegionOptions options;
  options.extent_count = 1;
  TestRegion region(options);
  auto durable = region.raw().write_all(ContextSlot::A).write(0, ContextSlot::A).set_dirty();
  region.put_raw(0, durable);
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), region_path);

  auto cached = region.raw().write_all(ContextSlot::A).write(0, ContextSlot::B, 1);
  cached.set_slot(ContextSlot::A, 0, plain_context(region.data_for(0)));
  {
    const auto root = expect_opened(memory->open_directory(region_path), region_path);
    open_file_in(*root, "00/000/000", Access::read_write)->write(0, cached.bytes());
  }
  memory->restart();
  return memory;
}

// The first problem of what a crash may leave after the first call.
std::string harm_after_first_call(const MemoryFileSystem& before, bool ignores_it) {
  for (std::uint64_t number = 1;; ++number) {
    const auto memory = before.copy();
    if (ignores_it) memory->ignore_sync_at(0);
    if (!run_with_crash(*memory, run_defragment, number)) return {};
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      const auto left = after_crash(*memory, CrashModel::posix_512, seed);
      if (verified_errors(*left) > 0) return "crash before call " + std::to_string(number);
    }
  }
}

TEST_CASE("defragment: what a killed service left in the cache is not taken for what is on disk") {
  const auto before = killed_in_a_flush();
  const std::vector<Call> log = log_of(*before, run_defragment);
  REQUIRE(describe(log.front()) == "fsync '/r/00/000/000'");
  CHECK(harm_after_first_call(*before, /*ignores_it=*/false) == "");
  CHECK(harm_after_first_call(*before, /*ignores_it=*/true) != "");
}

TEST_CASE("defragment: of the other syncs none is without need") {
  on_every_case([](const Case& tested) {
    // With two blocks, all that is written lies in one sector.
    if (tested.scenario.extent_count > 3 || tested.scenario.block_count == 2) return;
    // The first of each file: here everything was durable before.
    std::string expected;
    for (const Call& call : log_of(*tested.before, run_defragment)) {
      if (!is_sync(call.kind)) break;
      expected += describe(call) + "\n";
    }
    CHECK(needless_syncs(*tested.before, run_defragment, tested.examine, tested.states) ==
          expected);
  });
}

TEST_CASE("defragment: many files share a sync") {
  const auto memory = before_defragment(scenarios().at(8));
  defragment(*memory);
  std::uint64_t count = 0;
  for (const Call& call : memory->log()) count += call.kind == CallKind::sync_file_system ? 1 : 0;
  CHECK(count == 3);
}

// ---- calls that fail ----------------------------------------------------------------------------

std::string defragment_with_fault(MemoryFileSystem& memory, const Case& tested, const Fault& fault,
                                  const Call& call) {
  const Outcome outcome = outcome_of([&](auto* found) { defragment(memory, found); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  if (is_sync(call.kind) && memory.log().size() != fault.first + 1) {
    return "after a sync that failed: " + describe(memory.log()[fault.first + 1]);
  }
  memory.restart();
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto left = after_crash(memory, CrashModel::posix_512, seed);
    const std::string problem = tested.harm_or_unfinished(*left);
    if (!problem.empty()) return "after a crash: " + problem;
  }
  // What the failed sync has lost must be written again.
  defragment(memory);
  if (const std::string problem = tested.unfinished(memory); !problem.empty()) return problem;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto left = after_crash(memory, CrashModel::posix_512, seed);
    const std::string problem = tested.harm_or_unfinished(*left);
    if (!problem.empty()) return "after the next run and a crash: " + problem;
  }
  return {};
}

TEST_CASE(
    "defragment: a call that fails is named, after a failed sync comes nothing, no harm done") {
  on_every_case([](const Case& tested) {
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return defragment_with_fault(memory, tested, fault, call);
    };
    CHECK(first_problem_with_faults(*tested.before, run_defragment, examine) == "");
  });
}

TEST_CASE("defragment: an extent that cannot be opened or read is left, and the others are done") {
  const Case tested(scenarios().at(1));
  for (const CallKind kind : {CallKind::open, CallKind::read}) {
    const auto memory = tested.before->copy();
    memory->add_fault({EIO, kind, extent_file(1), 0, true});
    std::vector<std::string> found;
    const DefragmentSummary summary = defragment(*memory, &found);
    CHECK(summary.has_io_errors);
    CHECK(summary.left_count == 1);
    CHECK(summary.defragmented_count == 2);
    REQUIRE(found.size() == 1);
    CHECK(found[0].find("'" + extent_file(1) + "'") != std::string::npos);
  }
}

// ---- in use -------------------------------------------------------------------------------------

TEST_CASE("defragment: a region that somebody has a file of open is not touched") {
  const Case tested(scenarios().at(1));
  for (const std::uint32_t extent : {0U, 2U}) {
    const auto memory = tested.before->copy();
    memory->open_elsewhere(extent_file(extent), Access::read);
    const Outcome outcome = outcome_of([&](auto* found) { defragment(*memory, found); });
    CHECK(outcome.threw);
    CHECK(outcome.kind == ErrorKind::in_use);
    CHECK(describe(memory->log()) == "");
  }
}

}  // namespace
}  // namespace libregion
