// Writing images into regions, with a crash at every call that changes or syncs something, and with
// calls that fail: every extent is as it was or holds the image, or a pending replacement says
// which, and running it again finishes with the same bytes.

#include <algorithm>
#include <cerrno>

#include <doctest/doctest.h>

#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/fault_driver.h"
#include "tests/unit/ops/import_scenarios.h"

namespace libregion {
namespace {

// The data files of the region's extents: what Crucible's opening makes of what a crash left must
// have each of them as it was or as it shall be.
std::string neither_old_nor_new(const Tree& old, const Tree& expected, const Tree& found) {
  for (const auto& [path, entry] : found) {
    if (entry != old.at(path) && entry != expected.at(path)) return path + " is neither";
  }
  return found.size() == expected.size() ? "" : "files are missing";
}

// A scenario, what comes of it undisturbed, and what is promised of a crash.
struct ImportCase {
  explicit ImportCase(const ImportScenario& of)
      : scenario(of), old(tree_after(*of.before, [](MemoryFileSystem& run) { migrate(run); })) {
    expected = tree_after(*of.before, run());
    examine = remembering([this](MemoryFileSystem& left, bool finished) {
      const std::string problem = old_or_new(left);
      return problem.empty() ? finishes(left, finished) : problem;
    });
    if (of.is_large) states.seed_count = 3;
  }

  [[nodiscard]] Operation run() const {
    return [this](MemoryFileSystem& memory) { import(memory, scenario); };
  }

  // region-migrate finishes what is pending, as Crucible does; there is no third state.
  [[nodiscard]] std::string old_or_new(const MemoryFileSystem& left) const {
    const auto opened = left.copy();
    try {
      if (migrate(*opened).left_count > 0) return "an extent cannot be repaired";
    } catch (const std::exception& error) {
      return std::string("cannot be repaired: ") + error.what();
    }
    return neither_old_nor_new(old, expected, opened->tree(region_path));
  }

  // Running it again gives the same bytes.
  std::string finishes(MemoryFileSystem& left, bool finished) const {
    if (finished) return other_bytes(expected, left);
    try {
      import(left, scenario);
    } catch (const std::exception& error) {
      return std::string("cannot be imported again: ") + error.what();
    }
    return other_bytes(expected, left);
  }

  const ImportScenario& scenario;
  Tree old;  // with what was pending finished
  Tree expected;
  Examine examine;
  CrashOptions states;
};

void on_every_case(const std::function<void(const ImportCase&)>& test) {
  static const auto cases = [] {
    std::vector<std::unique_ptr<ImportCase>> made;
    for (const ImportScenario& scenario : import_scenarios()) {
      made.push_back(std::make_unique<ImportCase>(scenario));
    }
    return made;
  }();
  for (const auto& tested : cases) {
    INFO("scenario: ", tested->scenario.name);
    test(*tested);
  }
}

void on_every_small_case(const std::function<void(const ImportCase&)>& test) {
  on_every_case([&](const ImportCase& tested) {
    if (!tested.scenario.is_large) test(tested);
  });
}

// ---- undisturbed --------------------------------------------------------------------------------

// The data of all blocks, one extent after the other.
Bytes data_of(const Tree& tree, std::uint64_t extent_data_bytes) {
  Bytes data;
  for (const auto& [path, entry] : tree) {
    if (entry.kind != FileKind::regular || path == "region.json") continue;
    const auto end = entry.content.begin() + static_cast<std::ptrdiff_t>(extent_data_bytes);
    data.insert(data.end(), entry.content.begin(), end);
  }
  return data;
}

TEST_CASE("import: the image is where it should be, all else as it was, and nothing is wrong") {
  on_every_case([](const ImportCase& tested) {
    const auto memory = tested.scenario.before->copy();
    const ImportSummary summary = import(*memory, tested.scenario);
    CHECK(summary.left_count == 0);
    CHECK(summary.replaced_count == summary.extent_count);
    CHECK(summary.imported_bytes == tested.scenario.image_bytes);
    CHECK(verified_errors(*memory) == 0);
    CHECK(tested.expected.size() == tested.old.size());

    const bool has_tiny_extents = tested.scenario.is_large || tested.scenario.name == "1 block";
    const std::uint64_t extent_bytes = has_tiny_extents ? 512 : 7 * 512;
    Bytes wanted = data_of(tested.old, extent_bytes);
    const Bytes image = image_of(tested.scenario);
    std::copy(image.begin(), image.end(),
              wanted.begin() + static_cast<std::ptrdiff_t>(tested.scenario.first_block * 512));
    CHECK(data_of(memory->tree(region_path), extent_bytes) == wanted);
  });
}

TEST_CASE("import: a second run changes nothing") {
  on_every_case([](const ImportCase& tested) {
    const auto memory = tested.scenario.before->copy();
    import(*memory, tested.scenario);
    memory->clear_log();
    CHECK(import(*memory, tested.scenario).changed_count() == 0);
    CHECK(describe(memory->changes()) == "");
  });
}

TEST_CASE("import: several threads give the same bytes as one") {
  on_every_case([](const ImportCase& tested) {
    const auto memory = tested.scenario.before->copy();
    import(*memory, tested.scenario, nullptr, 4);
    CHECK(other_bytes(tested.expected, *memory) == "");
  });
}

// ---- crashes ------------------------------------------------------------------------------------

TEST_CASE("import: a crash at any call leaves old or new, and a second run finishes") {
  on_every_case([](const ImportCase& tested) {
    CHECK(first_problem(*tested.scenario.before, tested.run(), tested.examine, tested.states) ==
          "");
  });
}

TEST_CASE("import: where lost writes leave anything, a second run finishes as well") {
  on_every_small_case([](const ImportCase& tested) {
    CHECK(first_problem(*tested.scenario.before, tested.run(), tested.examine,
                        {{CrashModel::posix_512_garbage}, 10}) == "");
  });
}

TEST_CASE("import: a crash in the second run is survived as well") {
  on_every_small_case([](const ImportCase& tested) {
    const CrashOptions few{{CrashModel::posix_512}, 3};
    const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
      if (finished) return tested.examine(left, finished);
      return first_problem(left, tested.run(), tested.examine, few);
    });
    CHECK(first_problem(*tested.scenario.before, tested.run(), crash_again, few) == "");
  });
}

TEST_CASE("import: after a process that was killed the next run finishes, durably") {
  on_every_small_case([](const ImportCase& tested) {
    CHECK(first_problem_after_kill(*tested.scenario.before, tested.run(), tested.examine,
                                   {{CrashModel::posix_512}, 3}) == "");
  });
}

// Syncs without which a crash in this scenario does no damage, though in another one it would.
std::string needless_in(const std::string& scenario) {
  const std::string leaf = "fsync '/r/00/000'\n";
  // Every run begins with one: what it finds gone must be so durably. The others make names durable
  // that a later sync of the same directory makes durable as well.
  if (scenario == "over leftovers") return leaf + leaf + leaf + leaf;
  if (scenario == "over pending replacements") return leaf + leaf + leaf + leaf + leaf + leaf;
  return leaf;
}

TEST_CASE("import: without any one of its syncs a crash could do damage") {
  on_every_small_case([](const ImportCase& tested) {
    CHECK(needless_syncs(*tested.scenario.before, tested.run(), tested.examine, tested.states) ==
          needless_in(tested.scenario.name));
  });
}

TEST_CASE("import: where there are many extents, syncs of the whole file system do it") {
  const ImportCase tested(import_scenario("16 extents"));
  const std::string needless =
      needless_syncs(*tested.scenario.before, tested.run(), tested.examine, tested.states);
  CHECK(needless.find("syncfs") == std::string::npos);
  std::size_t count = 0;
  for (const Call& call : log_of(*tested.scenario.before, tested.run())) {
    count += call.kind == CallKind::sync_file_system ? 1 : 0;
    CHECK(call.kind != CallKind::sync_file);
  }
  CHECK(count == 2);
}

// ---- faults -------------------------------------------------------------------------------------

// A run without faults finishes, the next one has nothing to do, and all of it is durable.
std::string not_finished_by_next_run(MemoryFileSystem& memory, const ImportCase& tested) {
  memory.restart();
  import(memory, tested.scenario);
  const std::string found = difference(tested.expected, memory.tree(region_path));
  if (!found.empty()) return "the second run left other bytes: " + found;
  memory.clear_log();
  import(memory, tested.scenario);
  if (!memory.changes().empty()) return "the third run changes something";
  return not_durable(memory, region_path, tested.expected);
}

std::string import_with_fault(MemoryFileSystem& memory, const ImportCase& tested,
                              const Fault& fault, const Call& call) {
  const Outcome outcome =
      outcome_of([&](auto* findings) { import(memory, tested.scenario, findings); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  if (is_sync(call.kind) && memory.log().size() != fault.first + 1) {
    return "after a sync that failed: " + describe(memory.log()[fault.first + 1]);
  }
  return not_finished_by_next_run(memory, tested);
}

TEST_CASE(
    "import: a call that fails is named, after a failed sync comes nothing, a second run "
    "finishes") {
  on_every_case([](const ImportCase& tested) {
    if (tested.scenario.name == "16 extents, no syncfs") return;  // long, and nothing that is new
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return import_with_fault(memory, tested, fault, call);
    };
    CHECK(first_problem_with_faults(*tested.scenario.before, tested.run(), examine) == "");
  });
}

// Fails the reads, or opens, one after the other, until there are no more of them.
std::string first_problem_with_failing(CallKind kind, const ImportCase& tested) {
  for (std::uint64_t number = 0;; ++number) {
    const auto memory = tested.scenario.before->copy();
    memory->add_fault({EIO, kind, "", number});
    ImportSummary summary;
    const Outcome outcome =
        outcome_of([&](auto* findings) { summary = import(*memory, tested.scenario, findings); });
    if (memory->faults_hit() == 0) return {};
    const std::string place = std::string(kind == CallKind::read ? "read " : "open ") +
                              std::to_string(number) + " fails: " + outcome.message;
    const bool is_told = outcome.threw ? outcome.kind == ErrorKind::failed
                                       : summary.left_count > 0 && summary.has_io_errors &&
                                             !outcome.findings.empty();
    // What is only looked at beforehand need not be told.
    if (!is_told && !other_bytes(tested.expected, *memory).empty()) return place + ": not told";
    const std::string problem = not_finished_by_next_run(*memory, tested);
    if (!problem.empty()) return place + ": " + problem;
  }
}

TEST_CASE("import: what cannot be read is told, and a second run finishes") {
  on_every_small_case([](const ImportCase& tested) {
    CHECK(first_problem_with_failing(CallKind::read, tested) == "");
    CHECK(first_problem_with_failing(CallKind::open, tested) == "");
  });
}

// ---- space --------------------------------------------------------------------------------------

// Data, two arrays of slots, bits and metadata of 7 blocks.
constexpr std::uint64_t extent_file_bytes = 7 * (512 + 96) + 1 + 32;

TEST_CASE("import: where two copies of an extent do not fit nothing is changed") {
  const ImportScenario& scenario = import_scenario("from inside to inside");
  const auto memory = scenario.before->copy();
  memory->set_free_bytes(2 * extent_file_bytes - 1);
  const Tree before = memory->tree(region_path);
  const Outcome outcome = outcome_of([&](auto* findings) { import(*memory, scenario, findings); });
  CHECK(outcome.threw);
  CHECK(outcome.kind == ErrorKind::failed);
  CHECK(outcome.message ==
        "'/r': no space to build an extent anew: expected 8.4 KiB free, found 8.4 KiB");
  CHECK(describe(memory->changes()) == "");
  CHECK(difference(before, memory->tree(region_path)).empty());
}

TEST_CASE("import: where space is short there are more batches, and the same bytes") {
  const ImportScenario& scenario = import_scenario("all of three extents");
  const ImportCase tested(scenario);
  const auto memory = scenario.before->copy();
  // A third extent that was never written has holes, which are filled.
  memory->set_free_bytes(4 * extent_file_bytes);
  import(*memory, scenario);
  CHECK(other_bytes(tested.expected, *memory) == "");
  const std::vector<Call> log = memory->log();
  const auto syncs_of_leaf = std::count_if(log.begin(), log.end(), [](const Call& call) {
    return call.kind == CallKind::sync_directory && call.path == "/r/00/000";
  });
  CHECK(syncs_of_leaf == 1 + 2 * 3);
}

// ---- in use -------------------------------------------------------------------------------------

TEST_CASE("import: a region that somebody has a file of open is not touched") {
  for (const char* name : {"/r/00/000/000", "/r/00/000/003"}) {
    const ImportScenario& scenario = import_scenario("inside an extent");
    const auto memory = import_scenario("from inside to inside").before->copy();
    memory->open_elsewhere(name, Access::read);
    const Outcome outcome =
        outcome_of([&](auto* findings) { import(*memory, scenario, findings); });
    CHECK(outcome.threw);
    CHECK(outcome.kind == ErrorKind::in_use);
    CHECK(describe(memory->log()) == "");
  }
}

}  // namespace
}  // namespace libregion
