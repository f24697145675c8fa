// Creating and migrating regions where calls fail: the error says which one, nothing is given up
// that is still needed, and the next run finishes with the same bytes.

#include <algorithm>
#include <cerrno>

#include <doctest/doctest.h>

#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/fault_driver.h"

namespace libregion {
namespace {

// ---- create -------------------------------------------------------------------------------------

std::string create_with_fault(MemoryFileSystem& memory, const CreateScenario& scenario,
                              const Tree& expected, const Fault& fault, const Call& call) {
  const Tree before = memory.tree("/");
  const Outcome outcome = outcome_of([&](auto*) { create(memory, scenario); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  if (is_sync(call.kind)) {
    const std::string problem = what_follows_failed_sync(memory.log(), fault.first);
    if (!problem.empty()) return problem;
  }
  if (memory.exists("/r/region.json")) return difference(expected, memory.tree(region_path));
  const bool stays = outcome.message.ends_with("; what was made stays in '/r', --force clears it");
  if (is_sync(call.kind) && !stays) return "not said that it stays: " + outcome.message;
  if (!is_sync(call.kind) && !fault.for_ever && !scenario.has_leftovers) {
    if (stays) return "said that it stays: " + outcome.message;
    const std::string left = difference(before, memory.tree("/"));
    if (!left.empty()) return "not removed again: " + left;
  }
  memory.restart();
  create(memory, scenario);
  const std::string found = difference(expected, memory.tree(region_path));
  return found.empty() ? not_durable(memory, region_path, expected) : "created again: " + found;
}

TEST_CASE("create: a call that fails is named, what was made is removed, and can be made again") {
  for (const CreateScenario& scenario : create_scenarios()) {
    INFO("scenario: ", scenario.name);
    const auto before = before_create(scenario);
    const Operation operation = [&](MemoryFileSystem& memory) { create(memory, scenario); };
    const Tree expected = tree_after(*before, operation);
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return create_with_fault(memory, scenario, expected, fault, call);
    };
    CHECK(first_problem_with_faults(*before, operation, examine) == "");
  }
}

// How much space an operation takes when there is enough.
std::uint64_t space_taken(const MemoryFileSystem& before, const Operation& operation) {
  constexpr std::uint64_t plenty = std::uint64_t{1} << 30;
  const auto memory = before.copy();
  memory->set_free_bytes(plenty);
  operation(*memory);
  return plenty - expect_opened(memory->open_directory("/"), "/")->free_bytes();
}

TEST_CASE("create: where the region does not fit nothing is begun") {
  for (const CreateScenario& scenario : create_scenarios()) {
    if (scenario.has_leftovers) continue;
    INFO("scenario: ", scenario.name);
    const auto before = before_create(scenario);
    const Operation operation = [&](MemoryFileSystem& memory) { create(memory, scenario); };
    const auto memory = before->copy();
    memory->set_free_bytes(space_taken(*before, operation) - 512);
    const Outcome outcome = outcome_of([&](auto*) { operation(*memory); });
    CHECK(outcome.threw);
    CHECK(outcome.kind == ErrorKind::failed);
    CHECK(outcome.message.starts_with("'/r': no space: expected "));
    CHECK(describe(memory->log()) == "");
  }
}

// ---- migrate ------------------------------------------------------------------------------------

void run_migrate(MemoryFileSystem& memory) { migrate(memory); }

// A run without faults finishes, the next one has nothing to do, and all of it is durable.
std::string not_finished_by_next_run(MemoryFileSystem& memory, const Tree& expected) {
  memory.restart();
  migrate(memory);
  const std::string found = difference(expected, memory.tree(region_path));
  if (!found.empty()) return "the second run left other bytes: " + found;
  memory.clear_log();
  migrate(memory);
  if (!memory.changes().empty()) return "the third run changes something";
  return not_durable(memory, region_path, expected);
}

std::string migrate_with_fault(MemoryFileSystem& memory, const Tree& expected, const Fault& fault,
                               const Call& call) {
  const Outcome outcome = outcome_of([&](auto* findings) { migrate(memory, findings); });
  if (const std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
  if (is_sync(call.kind)) {
    const std::string problem = what_follows_failed_sync(memory.log(), fault.first);
    if (!problem.empty()) return problem;
  }
  return not_finished_by_next_run(memory, expected);
}

TEST_CASE(
    "migrate: a call that fails is named, after a failed sync comes nothing, a second run "
    "finishes") {
  for (const MigrateScenario& scenario : migrate_scenarios()) {
    if (scenario.name == "16 extents, no syncfs") continue;  // long, and nothing that is new
    INFO("scenario: ", scenario.name);
    const Tree expected = tree_after(*scenario.before, run_migrate);
    const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault,
                                     const Call& call) {
      return migrate_with_fault(memory, expected, fault, call);
    };
    CHECK(first_problem_with_faults(*scenario.before, run_migrate, examine) == "");
  }
}

// Calls that promise nothing may follow on other threads: they are writes, and new files.
std::string promises_after_failed_sync(const std::vector<Call>& log) {
  const auto failed =
      std::find_if(log.begin(), log.end(), [](const Call& call) { return call.failed; });
  for (auto call = failed; call != log.end(); ++call) {
    const bool is_harmless = call->kind == CallKind::write || call->kind == CallKind::resize ||
                             call->kind == CallKind::create_file;
    if (call != failed && !is_harmless) return describe(*call);
  }
  return {};
}

TEST_CASE("migrate: a sync that fails on one thread is final for all of them") {
  constexpr std::uint32_t extent_count = 32;
  const auto before = with_raw_replacements(extent_count);
  const Tree expected = tree_after(*before, run_migrate);
  for (std::uint32_t run = 0; run < 4 * (extent_count - 4); ++run) {
    const std::uint32_t extent = 4 + run % (extent_count - 4);
    const std::string path = "/r/" + extent_path(ExtentId{extent});
    INFO("the sync that fails: ", path);
    const auto memory = before->copy();
    memory->add_fault({EIO, CallKind::sync_file, path});
    const Outcome outcome = outcome_of([&](auto* findings) { migrate(*memory, findings, 8); });
    CHECK(outcome.threw);
    CHECK(names(outcome.message, path));
    CHECK(promises_after_failed_sync(memory->log()) == "");
    CHECK(not_finished_by_next_run(*memory, expected) == "");
  }
}

// Fails the reads, or opens, one after the other, until there are no more of them.
std::string first_problem_with_failing(CallKind kind, const MemoryFileSystem& before,
                                       const Tree& expected) {
  for (std::uint64_t number = 0;; ++number) {
    const auto memory = before.copy();
    memory->add_fault({EIO, kind, "", number});
    MigrateSummary summary;
    const Outcome outcome =
        outcome_of([&](auto* findings) { summary = migrate(*memory, findings); });
    if (memory->faults_hit() == 0) return {};
    const std::string place = std::string(kind == CallKind::read ? "read " : "open ") +
                              std::to_string(number) + " fails: " + outcome.message;
    const bool is_told = outcome.threw ? outcome.kind == ErrorKind::failed
                                       : summary.left_count > 0 && summary.has_io_errors &&
                                             !outcome.findings.empty();
    // What is only looked at beforehand need not be told.
    const bool is_done = difference(expected, memory->tree(region_path)).empty();
    if (!is_told && !is_done) return place + ": not told";
    const std::string problem = not_finished_by_next_run(*memory, expected);
    if (!problem.empty()) return place + ": " + problem;
  }
}

TEST_CASE("migrate: what cannot be read is told, and a second run finishes") {
  for (const MigrateScenario& scenario : migrate_scenarios()) {
    if (scenario.is_large) continue;
    INFO("scenario: ", scenario.name);
    const Tree expected = tree_after(*scenario.before, run_migrate);
    CHECK(first_problem_with_failing(CallKind::read, *scenario.before, expected) == "");
    CHECK(first_problem_with_failing(CallKind::open, *scenario.before, expected) == "");
  }
}

const MigrateScenario& clean_scenario() {
  const std::vector<MigrateScenario>& scenarios = migrate_scenarios();
  return *std::find_if(scenarios.begin(), scenarios.end(),
                       [](const auto& scenario) { return scenario.name == "clean, 10 blocks"; });
}

// Array A (48 bytes for each of 10 blocks), bits (2) and metadata (32), of 3 extents.
constexpr std::uint64_t tails_bytes = 3 * (10 * 48 + 2 + 32);

TEST_CASE("migrate: where the contexts do not fit nothing is begun") {
  const auto memory = clean_scenario().before->copy();
  memory->set_free_bytes(tails_bytes - 1);
  const Outcome outcome = outcome_of([&](auto* findings) { migrate(*memory, findings); });
  CHECK(outcome.threw);
  CHECK(outcome.kind == ErrorKind::failed);
  CHECK(outcome.message.starts_with("'/r': no space to migrate: expected 1.5 KiB free, found "));
  CHECK(describe(memory->log()) == "");
}

TEST_CASE("migrate: a disk that gets full on the way loses nothing") {
  const Tree expected = tree_after(*clean_scenario().before, run_migrate);
  bool was_full = false;
  for (std::uint64_t sectors = 4; sectors < 10; ++sectors) {
    INFO("free sectors: ", sectors);
    const auto memory = clean_scenario().before->copy();
    memory->set_free_bytes(sectors * 512);
    const Outcome outcome = outcome_of([&](auto* findings) { migrate(*memory, findings); });
    was_full |= outcome.threw && !memory->log().empty();
    CHECK(outcome.message.find(outcome.threw ? "No space left on device" : "") !=
          std::string::npos);
    memory->set_free_bytes(1 << 20);
    CHECK(not_finished_by_next_run(*memory, expected) == "");
  }
  CHECK(was_full);
}

// ---- in use -------------------------------------------------------------------------------------

TEST_CASE("migrate: a region that somebody has a file of open is not touched") {
  for (const char* name : {"/r/00/000/000", "/r/00/000/002"}) {
    const auto memory = clean_scenario().before->copy();
    memory->open_elsewhere(name, Access::read);
    const Outcome outcome = outcome_of([&](auto* findings) { migrate(*memory, findings); });
    CHECK(outcome.threw);
    CHECK(outcome.kind == ErrorKind::in_use);
    CHECK(describe(memory->log()) == "");
  }
}

TEST_CASE("migrate: where there are no leases, the open files of all processes decide") {
  const auto memory = clean_scenario().before->copy();
  memory->set_leases_available(false);
  SUBCASE("somebody has one open") {
    memory->set_users(std::vector<FileUser>{{4711, "crucible-downst"}});
    const Outcome outcome = outcome_of([&](auto* findings) { migrate(*memory, findings); });
    CHECK(outcome.kind == ErrorKind::in_use);
    CHECK(outcome.message.find("crucible-downst (process 4711)") != std::string::npos);
    CHECK(describe(memory->log()) == "");
  }
  SUBCASE("nobody has") { CHECK(migrate(*memory).migrated_count == 3); }
  SUBCASE("nobody can tell") {
    memory->set_users(std::nullopt);
    CHECK(migrate(*memory).migrated_count == 3);
  }
}

}  // namespace
}  // namespace libregion
