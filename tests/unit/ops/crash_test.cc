// Creating and migrating regions, with a crash at every call that changes or syncs something: what
// is left is finished by running it again, with the same bytes. And every sync is there because
// without it that would not be so.

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/ops/crash_scenarios.h"

namespace libregion {
namespace {

// ---- create -------------------------------------------------------------------------------------

// A scenario of create, what comes of it undisturbed, and what is promised of a crash.
struct CreateCase {
  explicit CreateCase(const CreateScenario& of)
      : scenario(of), before(before_create(of)), expected(tree_after(*before, run())) {
    examine = remembering(
        [this](MemoryFileSystem& left, bool finished) { return whole_or_missing(left, finished); });
  }

  [[nodiscard]] Operation run() const {
    return [this](MemoryFileSystem& memory) { create(memory, scenario); };
  }

  // No region, or the whole one; where there is none, creating it again with force makes it.
  std::string whole_or_missing(MemoryFileSystem& left, bool finished) const {
    if (finished || left.exists("/r/region.json")) return other_bytes(expected, left);
    try {
      create(left, scenario);
    } catch (const Error& error) {
      return std::string("cannot be created again: ") + error.what();
    }
    return other_bytes(expected, left);
  }

  CreateScenario scenario;
  std::unique_ptr<MemoryFileSystem> before;
  Tree expected;
  Examine examine;
};

TEST_CASE("create: a crash at any call leaves no region, or the whole one") {
  for (const CreateScenario& scenario : create_scenarios()) {
    INFO("scenario: ", scenario.name);
    const CreateCase tested(scenario);
    CHECK(first_problem(*tested.before, tested.run(), tested.examine) == "");
  }
}

TEST_CASE("create: where lost writes leave anything, there is no half region either") {
  const CreateCase tested(create_scenario("raw, with an image"));
  CHECK(first_problem(*tested.before, tested.run(), tested.examine,
                      {{CrashModel::posix_512_garbage}}) == "");
}

TEST_CASE("create: a crash in the second attempt is survived as well") {
  const CreateCase tested(create_scenario("SQLite, 2 extents"));
  const CrashOptions few{{CrashModel::posix_512}, 4};
  const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
    if (finished || left.exists("/r/region.json")) return tested.examine(left, finished);
    return first_problem(left, tested.run(), tested.examine, few);
  });
  CHECK(first_problem(*tested.before, tested.run(), crash_again, few) == "");
}

TEST_CASE("create: after a process that was killed the next one makes it, durably") {
  for (const CreateScenario& scenario : create_scenarios()) {
    if (scenario.extent_count > 3) continue;
    INFO("scenario: ", scenario.name);
    const CreateCase tested(scenario);
    for (std::uint64_t number = 0;; ++number) {
      const auto killed = tested.before->copy();
      if (!run_with_crash(*killed, tested.run(), number)) break;
      killed->restart();
      if (killed->exists("/r/region.json")) continue;
      INFO("killed at call ", number);
      CHECK(first_problem(*killed, tested.run(), tested.examine, {{CrashModel::posix_512}, 3}) ==
            "");
    }
  }
}

TEST_CASE("create: without any one of its syncs a crash could leave half a region") {
  for (const char* name : {"raw, 1 block", "raw, with an image", "SQLite, with an image",
                           "raw, 16 extents, no syncfs"}) {
    const CreateCase tested(create_scenario(name));
    INFO("scenario: ", tested.scenario.name);
    CHECK(needless_syncs(*tested.before, tested.run(), tested.examine) == "");
  }
}

TEST_CASE("create: what is synced without need is only what is durable already") {
  const auto needless = [](const char* name) {
    const CreateCase tested(create_scenario(name));
    return needless_syncs(*tested.before, tested.run(), tested.examine);
  };
  // The directory that holds the region's, where that was there before.
  CHECK(needless("raw, 3 extents, in an empty directory") == "fsync '/'\n");
  // The directories, after the whole file system.
  CHECK(needless("raw, 16 extents") == "fsync '/r/00/000'\nfsync '/r/00'\nfsync '/r'\nfsync '/'\n");
}

// ---- migrate ------------------------------------------------------------------------------------

void run_migrate(MemoryFileSystem& memory) { migrate(memory); }

// A scenario of migrate, what comes of it undisturbed, and what is promised of a crash.
struct MigrateCase {
  explicit MigrateCase(const MigrateScenario& of)
      : scenario(of), expected(tree_after(*of.before, run_migrate)) {
    examine = remembering(
        [this](MemoryFileSystem& left, bool finished) { return finishes(left, finished); });
    if (of.is_large) states.seed_count = 3;
  }

  // Running it again gives the same bytes.
  std::string finishes(MemoryFileSystem& left, bool finished) const {
    if (finished) return other_bytes(expected, left);
    try {
      migrate(left);
    } catch (const std::exception& error) {
      return std::string("cannot be migrated again: ") + error.what();
    }
    return other_bytes(expected, left);
  }

  const MigrateScenario& scenario;
  Tree expected;
  Examine examine;
  CrashOptions states;
};

// What one test has found out of a state, the others need not.
const std::vector<std::unique_ptr<MigrateCase>>& migrate_cases() {
  static const auto cases = [] {
    std::vector<std::unique_ptr<MigrateCase>> made;
    for (const MigrateScenario& scenario : migrate_scenarios()) {
      made.push_back(std::make_unique<MigrateCase>(scenario));
    }
    return made;
  }();
  return cases;
}

void on_every_case(const std::function<void(const MigrateCase&)>& test) {
  for (const auto& tested : migrate_cases()) {
    INFO("scenario: ", tested->scenario.name);
    test(*tested);
  }
}

void on_every_small_case(const std::function<void(const MigrateCase&)>& test) {
  on_every_case([&](const MigrateCase& tested) {
    if (!tested.scenario.is_large) test(tested);
  });
}

TEST_CASE("migrate: what nothing disturbs is a raw region without errors") {
  on_every_case([](const MigrateCase& tested) {
    const auto memory = tested.scenario.before->copy();
    const MigrateSummary summary = migrate(*memory);
    CHECK(summary.left_count == 0);
    CHECK(summary.changed_count() > 0);
    CHECK(verified_errors(*memory) == 0);
    std::string others;
    for (const auto& [path, entry] : memory->tree(region_path)) {
      if (path.find('.') != std::string::npos) others += path + " ";
    }
    CHECK(others == "region.json ");
  });
}

TEST_CASE("migrate: what is migrated is not changed by another run") {
  on_every_case([](const MigrateCase& tested) {
    const auto memory = tested.scenario.before->copy();
    migrate(*memory);
    memory->clear_log();
    CHECK(migrate(*memory).changed_count() == 0);
    CHECK(describe(memory->changes()) == "");
  });
}

TEST_CASE("migrate: several threads give the same bytes as one") {
  on_every_case([](const MigrateCase& tested) {
    const auto memory = tested.scenario.before->copy();
    migrate(*memory, nullptr, 4);
    CHECK(other_bytes(tested.expected, *memory) == "");
  });
}

TEST_CASE("migrate: a crash at any call leaves what a second run finishes with the same bytes") {
  on_every_case([](const MigrateCase& tested) {
    CHECK(first_problem(*tested.scenario.before, run_migrate, tested.examine, tested.states) == "");
  });
}

TEST_CASE("migrate: where lost writes leave anything, a second run finishes as well") {
  on_every_small_case([](const MigrateCase& tested) {
    CHECK(first_problem(*tested.scenario.before, run_migrate, tested.examine,
                        {{CrashModel::posix_512_garbage}, 10}) == "");
  });
}

TEST_CASE("migrate: a crash in the second run is survived as well") {
  on_every_small_case([](const MigrateCase& tested) {
    const CrashOptions few{{CrashModel::posix_512}, 3};
    const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
      if (finished) return tested.examine(left, finished);
      return first_problem(left, run_migrate, tested.examine, few);
    });
    CHECK(first_problem(*tested.scenario.before, run_migrate, crash_again, few) == "");
  });
}

TEST_CASE("migrate: after a process that was killed the next run finishes, durably") {
  on_every_small_case([](const MigrateCase& tested) {
    CHECK(first_problem_after_kill(*tested.scenario.before, run_migrate, tested.examine,
                                   {{CrashModel::posix_512}, 3}) == "");
  });
}

// Syncs without which a crash in this scenario does no damage, though in another one it would.
std::string needless_in(const std::string& scenario) {
  const std::string leaf = "fsync '/r/00/000'\n";
  // Every run begins with one: what it finds gone must be so durably.
  if (scenario == "databases gone, not durably") return "";
  // Names that a later sync of the same directory makes durable as well.
  if (scenario == "leftover .copy and .completed") return leaf + leaf + leaf;
  if (scenario == "leftovers of raw extents") return leaf + leaf;
  if (scenario == "SQLite .replace of a hot extent") return leaf + leaf;
  if (scenario == "SQLite .replace of a missing extent") return leaf + leaf;
  // All pages of the database are in its log as well; and an index of a log is made anew.
  if (scenario == "hot SQLite .replace") {
    return leaf + "fsync '/r/00/000/000.db'\nfsync '/r/00/000/000.db-shm'\n" + leaf;
  }
  // Before .replace is renamed: here it made no new names, and removed none.
  if (scenario == "raw .replace") return leaf + leaf;
  return leaf;
}

TEST_CASE("migrate: without any one of its syncs a crash could do damage") {
  on_every_case([](const MigrateCase& tested) {
    CHECK(needless_syncs(*tested.scenario.before, run_migrate, tested.examine, tested.states) ==
          needless_in(tested.scenario.name));
  });
}

}  // namespace
}  // namespace libregion
