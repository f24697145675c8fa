// Migrating into a new region, with a crash at every call, and with calls that fail: the source
// stays as it is, the new region is whole or not there, and the next run makes it with the same
// bytes.

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>

#include <doctest/doctest.h>

#include "libregion/region/new_region.h"
#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/fault_driver.h"

namespace libregion {
namespace {

MigrateIntoOptions with_force() {
  MigrateIntoOptions options;
  options.force = true;
  return options;
}

void run_migrate_into(MemoryFileSystem& memory) { migrate_into(memory, nullptr, with_force()); }

std::string difference_of_new(const Tree& expected, const MemoryFileSystem& memory) {
  const std::string found = difference(expected, memory.tree(new_region_path));
  return found.empty() ? "" : "the new region: " + found;
}

struct IntoCase {
  explicit IntoCase(const MigrateScenario& scenario)
      : name(scenario.name), before(scenario.before->copy()) {
    before->settle();
    source = before->tree(region_path);
    const auto after = before->copy();
    run_migrate_into(*after);
    expected = after->tree(new_region_path);
    states.seed_count = scenario.is_large ? 3 : 12;
    examine = remembering(
        [this](MemoryFileSystem& left, bool finished) { return whole_or_missing(left, finished); });
  }

  std::string whole_or_missing(MemoryFileSystem& left, bool finished) const {
    if (const std::string found = difference(source, left.tree(region_path)); !found.empty()) {
      return "the source: " + found;
    }
    if (finished || left.exists("/n/region.json")) return difference_of_new(expected, left);
    try {
      run_migrate_into(left);
    } catch (const Error& error) {
      return std::string("cannot be made again: ") + error.what();
    }
    return difference_of_new(expected, left);
  }

  std::string name;
  std::unique_ptr<MemoryFileSystem> before;
  Tree source;
  Tree expected;
  CrashOptions states;
  Examine examine;
};

void on_every_case(const std::function<void(const IntoCase&)>& test) {
  for (const MigrateScenario& scenario : migrate_scenarios()) {
    INFO("scenario: ", scenario.name);
    test(IntoCase(scenario));
  }
}

const MigrateScenario& scenario_of(const std::string& name) {
  for (const MigrateScenario& scenario : migrate_scenarios()) {
    if (scenario.name == name) return scenario;
  }
  throw std::runtime_error("no scenario " + name);
}

TEST_CASE("migrate into: the new region is what migrating in place makes") {
  on_every_case([](const IntoCase& tested) {
    const auto in_place = tested.before->copy();
    migrate(*in_place);
    CHECK(difference(in_place->tree(region_path), tested.expected) == "");
  });
}

TEST_CASE("migrate into: nothing is changed but the new region") {
  on_every_case([](const IntoCase& tested) {
    const auto memory = tested.before->copy();
    memory->clear_log();
    run_migrate_into(*memory);
    for (const Call& call : memory->log()) {
      INFO(describe(call));
      CHECK((call.path == "/" || call.path == "/n" || call.path.starts_with("/n/")));
    }
    CHECK(difference(tested.source, memory->tree(region_path)) == "");
  });
}

TEST_CASE("migrate into: several threads give the same bytes as one") {
  on_every_case([](const IntoCase& tested) {
    const auto memory = tested.before->copy();
    MigrateIntoOptions options;
    options.migrate.walk.jobs = 4;
    migrate_into(*memory, nullptr, options);
    CHECK(difference_of_new(tested.expected, *memory) == "");
  });
}

TEST_CASE("migrate into: a crash at any call leaves no region, or the whole one") {
  on_every_case([](const IntoCase& tested) {
    CHECK(first_problem(*tested.before, run_migrate_into, tested.examine, tested.states) == "");
  });
}

TEST_CASE("migrate into: where lost writes leave anything, there is no half region either") {
  for (const char* name : {"clean, 10 blocks", "hot logs", "raw .replace"}) {
    const IntoCase tested(scenario_of(name));
    CHECK(first_problem(*tested.before, run_migrate_into, tested.examine,
                        {{CrashModel::posix_512_garbage}, 10}) == "");
  }
}

// The second run clears what the first one left, so this crashes the clearing too.
TEST_CASE("migrate into: a crash in the second run is survived as well") {
  for (const char* name : {"clean, 10 blocks", "hot logs"}) {
    const IntoCase tested(scenario_of(name));
    const CrashOptions few{{CrashModel::posix_512}, 3};
    const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
      if (finished || left.exists("/n/region.json")) return tested.examine(left, finished);
      return first_problem(left, run_migrate_into, tested.examine, few);
    });
    CHECK(first_problem(*tested.before, run_migrate_into, crash_again, few) == "");
  }
}

TEST_CASE("migrate into: clearing what is whole but for its name is survived as well") {
  const IntoCase tested(scenario_of("hot logs"));
  const std::vector<Call> log = log_of(*tested.before, run_migrate_into);
  const auto rename = std::find_if(log.begin(), log.end(),
                                   [](const Call& call) { return call.kind == CallKind::rename; });
  const auto left = tested.before->copy();
  REQUIRE(
      run_with_crash(*left, run_migrate_into, static_cast<std::uint64_t>(rename - log.begin())));
  left->restart();
  left->settle();
  const CrashOptions many{{CrashModel::ordered, CrashModel::posix_512}, 24};
  CHECK(first_problem(*left, run_migrate_into, tested.examine, many) == "");
  CHECK(needless_syncs(*left, run_migrate_into, tested.examine, many) == "fsync '/'\n");
}

TEST_CASE("migrate into: after a process that was killed the next one makes it, durably") {
  const IntoCase tested(scenario_of("hot logs"));
  for (std::uint64_t number = 0;; ++number) {
    const auto killed = tested.before->copy();
    if (!run_with_crash(*killed, run_migrate_into, number)) break;
    killed->restart();
    if (killed->exists("/n/region.json")) continue;
    INFO("killed at call ", number);
    CHECK(first_problem(*killed, run_migrate_into, tested.examine, {{CrashModel::posix_512}, 3}) ==
          "");
  }
}

TEST_CASE("migrate into: without any one of its syncs a crash could do damage") {
  const auto needless = [](const char* name) {
    const IntoCase tested(scenario_of(name));
    return needless_syncs(*tested.before, run_migrate_into, tested.examine,
                          {{CrashModel::ordered, CrashModel::posix_512}, 24});
  };
  CHECK(needless("hot logs") == "");
  CHECK(needless("hot SQLite .replace") == "");
  // The one of the mark's name: extents as a create makes them pass for leftovers without a mark.
  CHECK(needless("16 extents, no syncfs") == "fsync '/n'\n");
}

// ---- calls that fail ----------------------------------------------------------------------------

std::string into_with_fault(MemoryFileSystem& memory, const IntoCase& tested, const Fault& fault,
                            const Call& call) {
  const std::uint64_t calls_before = memory.log().size();
  const Outcome outcome =
      outcome_of([&](auto* findings) { migrate_into(memory, findings, with_force()); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  const std::string source = difference(tested.source, memory.tree(region_path));
  if (!source.empty()) return "the source: " + source;
  if (memory.exists("/n/region.json")) return difference_of_new(tested.expected, memory);
  const bool stays = outcome.message.ends_with("; what was made stays in '/n', --force clears it");
  if (is_sync(call.kind)) {
    if (!stays) return "not said that it stays: " + outcome.message;
    const std::string problem = what_follows_failed_sync(memory.log(), calls_before + fault.first);
    if (!problem.empty()) return problem;
  } else if (!fault.for_ever && (stays || memory.exists(new_region_path))) {
    return "not removed again: " + outcome.message;
  }
  memory.restart();
  run_migrate_into(memory);
  const std::string found = difference_of_new(tested.expected, memory);
  return found.empty() ? not_durable(memory, new_region_path, tested.expected) : found;
}

TEST_CASE(
    "migrate into: a call that fails is named, what was made is removed, a second run does it") {
  on_every_case([](const IntoCase& tested) {
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return into_with_fault(memory, tested, fault, call);
    };
    CHECK(first_problem_with_faults(*tested.before, run_migrate_into, examine) == "");
  });
}

// Every read, or open, that fails is told, and the next run makes the region.
std::string first_problem_with_failing(CallKind kind, const IntoCase& tested) {
  for (std::uint64_t number = 0;; ++number) {
    const auto memory = tested.before->copy();
    memory->add_fault({EIO, kind, "", number});
    std::optional<MigrateIntoSummary> summary;
    const Outcome outcome = outcome_of(
        [&](auto* findings) { summary = migrate_into(*memory, findings, with_force()); });
    if (memory->faults_hit() == 0) return {};
    const std::string place = std::string(kind == CallKind::read ? "read " : "open ") +
                              std::to_string(number) + " fails: " + outcome.message;
    const bool is_told = outcome.threw ? outcome.kind == ErrorKind::failed
                                       : summary->left_count > 0 && summary->has_io_errors &&
                                             !outcome.findings.empty() && !summary->is_made;
    const bool is_made = memory->exists("/n/region.json");
    if (!is_told && !is_made) return place + ": not told";
    memory->restart();
    if (!is_made) run_migrate_into(*memory);
    const std::string found = difference_of_new(tested.expected, *memory);
    if (!found.empty()) return place + ": " + found;
  }
}

TEST_CASE("migrate into: what cannot be read is told, and a second run makes the region") {
  for (const char* name :
       {"clean, 10 blocks", "hot logs", "raw .replace", "SQLite .replace of a hot extent"}) {
    INFO("scenario: ", name);
    const IntoCase tested(scenario_of(name));
    CHECK(first_problem_with_failing(CallKind::read, tested) == "");
    CHECK(first_problem_with_failing(CallKind::open, tested) == "");
  }
}

TEST_CASE("migrate into: what is left is not taken for a region that lost its region.json") {
  const IntoCase tested(scenario_of("hot logs"));
  const std::vector<Call> log = log_of(*tested.before, run_migrate_into);
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    const auto killed = tested.before->copy();
    run_with_crash(*killed, run_migrate_into, number);
    killed->restart();
    if (killed->exists("/n/region.json")) continue;
    INFO("killed before ", describe(log[number]));
    const auto kind = look_at_target(*killed, new_region_path).kind;
    CHECK((kind == TargetState::Kind::missing || kind == TargetState::Kind::empty ||
           kind == TargetState::Kind::leftovers));
  }
}

}  // namespace
}  // namespace libregion
