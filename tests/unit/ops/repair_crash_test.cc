// Repairing regions, with a crash at every call that changes or syncs something, and with calls
// that fail: running it again finishes with the same bytes, and the undo file takes the region back
// from wherever it is.

#include <cerrno>
#include <functional>

#include <doctest/doctest.h>

#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/fault_driver.h"
#include "tests/unit/ops/repair_scenarios.h"

namespace libregion {
namespace {

void run_undo(MemoryFileSystem& memory) { undo(memory); }

// Else nothing was changed.
bool has_undo(const MemoryFileSystem& memory) { return memory.exists(undo_path); }

// What was being built when nothing had been saved yet is worth nothing, and the next run's to
// remove.
Tree without_copies(Tree tree) {
  std::erase_if(
      tree, [](const auto& entry) { return entry.first.find(".copy") != Tree::key_type::npos; });
  return tree;
}

// A scenario, what comes of it undisturbed, and what is promised of a crash.
struct RepairCase {
  explicit RepairCase(const RepairScenario& of) : scenario(of) {
    const auto memory = of.before->copy();
    repair(*memory, of);
    expected = memory->tree(region_path);
    undo(*memory);
    undone = memory->tree(region_path);
    examine = remembering([this](MemoryFileSystem& left, bool finished) {
      std::string problem = of_going_on(*left.copy(), finished);
      if (problem.empty() && !scenario.has_leftovers) problem = of_undoing(left);
      return problem;
    });
    if (of.is_large) states.seed_count = 4;
  }

  [[nodiscard]] Operation run() const {
    return [this](MemoryFileSystem& memory) { repair(memory, scenario); };
  }

  // Running it again gives the same bytes, and can be taken back altogether.
  [[nodiscard]] std::string of_going_on(MemoryFileSystem& left, bool finished) const {
    try {
      if (!finished) repair(left, scenario);
      std::string problem = other_bytes(expected, left);
      if (!problem.empty()) return "repaired again: " + problem;
      undo(left);
      problem = other_bytes(undone, left);
      return problem.empty() ? "" : "repaired again and undone: " + problem;
    } catch (const std::exception& error) {
      return std::string("cannot be repaired again, or undone: ") + error.what();
    }
  }

  // What was begun can be taken back as it is.
  [[nodiscard]] std::string of_undoing(MemoryFileSystem& left) const {
    try {
      if (has_undo(left) && undo(left).left_count > 0) return "an extent is not taken back";
    } catch (const std::exception& error) {
      return std::string("cannot be undone: ") + error.what();
    }
    const std::string problem = difference(undone, without_copies(left.tree(region_path)));
    return problem.empty() ? "" : "undone: " + problem;
  }

  const RepairScenario& scenario;
  Tree expected;
  Tree undone;
  Examine examine;
  CrashOptions states;
};

void on_every_case(const std::function<void(const RepairCase&)>& test) {
  static const auto cases = [] {
    std::vector<std::unique_ptr<RepairCase>> made;
    for (const RepairScenario& scenario : repair_scenarios()) {
      made.push_back(std::make_unique<RepairCase>(scenario));
    }
    return made;
  }();
  for (const auto& tested : cases) {
    INFO("scenario: ", tested->scenario.name);
    test(*tested);
  }
}

// ---- undisturbed --------------------------------------------------------------------------------

TEST_CASE("repair: nothing is wrong afterwards, and a second run changes nothing") {
  on_every_case([](const RepairCase& tested) {
    const auto memory = tested.scenario.before->copy();
    const RepairSummary summary = repair(*memory, tested.scenario);
    CHECK(summary.repaired_count > 0);
    CHECK(summary.left_count == 0);
    CHECK(verified_errors(*memory) == 0);
    memory->clear_log();
    CHECK(repair(*memory, tested.scenario).repaired_count == 0);
    CHECK(describe(memory->changes()) == "");
  });
}

TEST_CASE("repair: several threads give the same bytes as one") {
  on_every_case([](const RepairCase& tested) {
    const auto memory = tested.scenario.before->copy();
    repair(*memory, tested.scenario, nullptr, 4);
    CHECK(other_bytes(tested.expected, *memory) == "");
  });
}

TEST_CASE("repair: the undo file takes the region back to the same bytes") {
  on_every_case([](const RepairCase& tested) {
    if (tested.scenario.has_leftovers) return;
    CHECK(difference(tested.scenario.before->tree(region_path), tested.undone) == "");
  });
}

// ---- crashes ------------------------------------------------------------------------------------

TEST_CASE("repair: after a crash at any call the next run finishes, or takes it back") {
  on_every_case([](const RepairCase& tested) {
    CHECK(first_problem(*tested.scenario.before, tested.run(), tested.examine, tested.states) ==
          "");
  });
}

TEST_CASE("repair: where lost writes leave anything, too") {
  on_every_case([](const RepairCase& tested) {
    if (tested.scenario.is_large) return;
    CHECK(first_problem(*tested.scenario.before, tested.run(), tested.examine,
                        {{CrashModel::posix_512_garbage}, 6}) == "");
  });
}

TEST_CASE("repair: a crash in the second run is survived as well") {
  on_every_case([](const RepairCase& tested) {
    if (tested.scenario.is_large) return;
    const CrashOptions few{{CrashModel::posix_512}, 2};
    const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
      if (finished) return tested.examine(left, finished);
      return first_problem(left, tested.run(), tested.examine, few);
    });
    CHECK(first_problem(*tested.scenario.before, tested.run(), crash_again, few) == "");
  });
}

TEST_CASE("repair: after a process that was killed the next run finishes, durably") {
  on_every_case([](const RepairCase& tested) {
    if (tested.scenario.is_large) return;
    CHECK(first_problem_after_kill(*tested.scenario.before, tested.run(), tested.examine,
                                   {{CrashModel::posix_512}, 2}) == "");
  });
}

TEST_CASE("undo: after a crash at any call the next run takes the region back") {
  on_every_case([](const RepairCase& tested) {
    const auto repaired = tested.scenario.before->copy();
    repair(*repaired, tested.scenario);
    repaired->settle();
    const Examine examine = remembering([&](MemoryFileSystem& left, bool finished) {
      if (!finished) undo(left);
      return other_bytes(tested.undone, left);
    });
    CHECK(first_problem(*repaired, run_undo, examine, tested.states) == "");
  });
}

TEST_CASE("undo: without any one of its syncs a crash could do damage") {
  const auto needless_in = [](const std::string& name) {
    const RepairCase tested(repair_scenario(name));
    const auto repaired = tested.scenario.before->copy();
    repair(*repaired, tested.scenario);
    repaired->settle();
    repaired->clear_log();
    const Examine examine = remembering([&](MemoryFileSystem& left, bool finished) {
      if (!finished) undo(left);
      return other_bytes(tested.undone, left);
    });
    return needless_syncs(*repaired, run_undo, examine, tested.states);
  };
  // Of names that have not changed, and of a file that has not.
  const std::string leaf = "fsync '/r/00/000'\n";
  CHECK(needless_in("wrong bits of 7 blocks") == leaf + leaf);
  CHECK(needless_in("stray logs") == "fsync '/r/00/000/000'\n" + leaf);
  // And of an extent whose replacement differs from it in one active-slot bit.
  const std::string of_extent_1 = "fsync '/r/00/000/001'\n" + leaf + leaf + leaf;
  CHECK(needless_in("a raw replacement") == leaf + of_extent_1);
  CHECK(needless_in("a SQLite replacement") == "");
}

// ---- faults -------------------------------------------------------------------------------------

std::string repair_with_fault(MemoryFileSystem& memory, const RepairCase& tested,
                              const Fault& fault, const Call& call) {
  const Outcome outcome =
      outcome_of([&](auto* findings) { repair(memory, tested.scenario, findings); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  if (is_sync(call.kind) && memory.log().size() != fault.first + 1) {
    return "after a sync that failed: " + describe(memory.log()[fault.first + 1]);
  }
  memory.restart();
  return tested.of_going_on(memory, /*finished=*/false);
}

TEST_CASE("repair: a call that fails is named, after a failed sync comes nothing") {
  on_every_case([](const RepairCase& tested) {
    if (tested.scenario.is_large) return;
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return repair_with_fault(memory, tested, fault, call);
    };
    CHECK(first_problem_with_faults(*tested.scenario.before, tested.run(), examine) == "");
  });
}

// Each file is as it was or as it is to be.
std::string neither_old_nor_new(const RepairCase& tested, const MemoryFileSystem& memory) {
  const Tree old = tested.scenario.before->tree(region_path);
  for (const auto& item : memory.tree(region_path)) {
    const auto is_in = [&](const Tree& tree) {
      const auto found = tree.find(item.first);
      return found != tree.end() && found->second == item.second;
    };
    if (!is_in(old) && !is_in(tested.expected)) return item.first + " is neither";
  }
  return {};
}

// Fails the reads one after the other, until there are no more of them. How often an extent was
// put back.
std::uint64_t count_put_back_with_failing_reads(const RepairCase& tested) {
  std::uint64_t put_back_count = 0;
  for (std::uint64_t number = 0;; ++number) {
    const auto memory = tested.scenario.before->copy();
    memory->add_fault({EIO, CallKind::read, "", number});
    RepairSummary summary;
    const Outcome outcome = outcome_of([&](std::vector<std::string>* findings) {
      summary = repair(*memory, tested.scenario, findings);
    });
    if (memory->faults_hit() == 0) return put_back_count;
    INFO("read ", number, " fails: ", outcome.message);
    if (outcome.threw) {
      CHECK(outcome.kind == ErrorKind::failed);
      continue;
    }
    // Of what a replica's blocks are needed for, some may be mended and some not.
    if (!tested.scenario.has_replica) CHECK(neither_old_nor_new(tested, *memory) == "");
    if (summary.put_back_count == 0) continue;
    CHECK(summary.has_io_errors);
    put_back_count += summary.put_back_count;
  }
}

TEST_CASE("repair: an extent that cannot be read afterwards is put back") {
  for (const std::string name :
       {"wrong bits of 7 blocks", "stray logs", "damaged blocks", "extents that are gone",
        "lost metadata", "damaged SQLite extents", "SQLite extents that have lost files"}) {
    INFO("scenario: ", name);
    CHECK(count_put_back_with_failing_reads(RepairCase(repair_scenario(name))) > 0);
  }
}

// Something happens as the second look begins.
class AtSecondLook : public Progress {
 public:
  explicit AtSecondLook(std::function<void()> event) : event_(std::move(event)) {}
  void start(std::uint64_t /*extent_count*/, std::uint64_t /*total_bytes*/) override { event_(); }
  void advance(std::uint64_t /*extent_count*/, std::uint64_t /*done_bytes*/) override {}

 private:
  std::function<void()> event_;
};

const std::string other_extent = "/r/00/000/002";

TEST_CASE("repair: if another extent is worse afterwards all of it is put back") {
  for (const std::string name :
       {"wrong bits of 7 blocks", "extents that are gone", "SQLite extents that have lost files"}) {
    INFO("scenario: ", name);
    const RepairScenario& scenario = repair_scenario(name);
    const auto memory = scenario.before->copy();
    const Bytes good = memory->content_of(other_extent);
    const auto put = [&](const Bytes& content) {
      memory->remove(other_extent);
      memory->add_file(other_extent, content);
    };
    AtSecondLook damage([&] {
      Bytes damaged = good;
      damaged[600] ^= std::byte{1};
      put(damaged);
    });
    std::vector<std::string> findings;
    const RepairSummary summary = repair(*memory, scenario, &findings, 1, &damage);
    CHECK(summary.put_back_count == 2);
    CHECK(summary.repaired_count == 0);
    CHECK(summary.left_count >= 2);
    const std::string what = " extent 2: 0 wrong before, 1 afterwards";
    CHECK(findings.at(findings.size() - 2) == "repair_put_back 00/000/000" + what);
    CHECK(findings.back() == "repair_put_back 00/000/001" + what);
    put(good);
    CHECK(difference(scenario.before->tree(region_path), memory->tree(region_path)) == "");
  }
}

TEST_CASE("repair: what cannot be looked at again is no reason to put anything back") {
  const RepairCase tested(repair_scenario("damaged blocks"));
  const auto memory = tested.scenario.before->copy();
  AtSecondLook failing([&] { memory->add_fault({EIO, CallKind::read, other_extent}); });
  const Outcome outcome = outcome_of([&](std::vector<std::string>* findings) {
    repair(*memory, tested.scenario, findings, 1, &failing);
  });
  CHECK(outcome.threw);
  CHECK(outcome.kind == ErrorKind::failed);
  CHECK(names(outcome.message, other_extent));
  CHECK(other_bytes(tested.expected, *memory) == "");
  memory->restart();
  CHECK(tested.of_going_on(*memory, /*finished=*/false) == "");
}

TEST_CASE("repair: a replica that cannot be read is not one that lacks the block") {
  for (const std::string replica : {"/d/00/000/000", "/d/00/000/000.db"}) {
    const bool is_sqlite = replica.ends_with(".db");
    const RepairScenario& scenario =
        repair_scenario(is_sqlite ? "damaged SQLite extents" : "damaged blocks");
    for (std::uint64_t first = 0; first < 3; ++first) {
      const auto memory = scenario.before->copy();
      memory->add_fault({EIO, CallKind::read, replica, first, /*for_ever=*/true});
      std::vector<std::string> findings;
      const RepairSummary summary = repair(*memory, scenario, &findings);
      if (memory->faults_hit() == 0) break;
      CAPTURE(replica);
      CHECK(summary.has_io_errors);
      CHECK(std::none_of(findings.begin(), findings.end(), [](const std::string& line) {
        return line.starts_with("no_proven_copy");
      }));
      CHECK(std::any_of(findings.begin(), findings.end(), [&](const std::string& line) {
        return line.starts_with("io_error") && names(line, replica);
      }));
    }
  }
}

TEST_CASE("repair: without any one of its syncs a crash could do damage") {
  const auto needless_in = [](const std::string& name) {
    const RepairCase tested(repair_scenario(name));
    return needless_syncs(*tested.scenario.before, tested.run(), tested.examine, tested.states);
  };
  // The first is for what a killed process has left, the last for the mark that all is done:
  // without that the next run goes on with the same undo file.
  const std::string first = "syncfs '/r'\n";
  const std::string last = "fsync '/.r.undo.partial'\n";
  CHECK(needless_in("wrong bits of 7 blocks") == first + last);
  CHECK(needless_in("lost metadata") == first + last);
  // And what the next extent's sync makes durable in time: names that are gone; a replacement of
  // one block, which is in the replica still.
  const std::string leaf = "fsync '/r/00/000'\n";
  CHECK(needless_in("stray logs") == first + leaf + last);
  CHECK(needless_in("damaged blocks") == first + leaf + leaf + last);
}

TEST_CASE("repair: without the syncs before it what a killed one left could be lost") {
  const auto is_needed_in = [](const std::string& name, const Call& sync) {
    const RepairCase tested(repair_scenario(name));
    return is_needed_after_kill(*tested.scenario.before, tested.run(), tested.examine, sync,
                                {{CrashModel::posix_512}, 12});
  };
  CHECK(is_needed_in("wrong bits of 7 blocks", {CallKind::sync_file_system, "/r"}));
  CHECK(is_needed_in("wrong bits, no syncfs", {CallKind::sync_file, "/r/00/000/000"}));
  CHECK(is_needed_in("a stray log, no syncfs", {CallKind::sync_directory, "/r/00/000"}));
}

}  // namespace
}  // namespace libregion
