// Taking a repair back without doing it, and where somebody has changed the region since.

#include "libregion/ops/undo.h"

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/ops/undo_log.h"
#include "tests/unit/ops/crash_driver.h"
#include "tests/unit/ops/repair_scenarios.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

UndoSummary undo_with(MemoryFileSystem& memory, const UndoOptions& options) {
  const Region region = open_for(memory, options.dry_run ? Access::read : Access::read_write);
  ListReporter reporter(nullptr);
  const auto root = std::get<std::unique_ptr<Directory>>(memory.open_directory("/"));
  const UndoFile file(open_file_in(*root, undo_path.substr(1), Access::read));
  return undo_repair(region, file, options, reporter);
}

// What is wrong with a dry run of an undo from here; empty where nothing is.
std::string other_than_dry_run(MemoryFileSystem& memory) {
  if (!memory.exists(undo_path)) return "";
  memory.clear_log();
  const UndoSummary dry = undo_with(memory, {.dry_run = true});
  if (!memory.changes().empty()) return "it changes something: " + describe(memory.changes());
  const UndoSummary real = undo_with(memory, {.dry_run = false});
  if (dry.restored_count != real.restored_count || dry.left_count != real.left_count) {
    return "it says " + std::to_string(dry.restored_count) + " and " +
           std::to_string(dry.left_count) + ", and it is " + std::to_string(real.restored_count) +
           " and " + std::to_string(real.left_count);
  }
  return "";
}

TEST_CASE("a dry undo says what the undo then does, and changes nothing, wherever a repair ended") {
  for (const RepairScenario& scenario : repair_scenarios()) {
    if (scenario.is_large) continue;
    INFO("scenario: ", scenario.name);
    const Operation run = [&](MemoryFileSystem& memory) { repair(memory, scenario); };
    for (std::uint64_t call = 0;; ++call) {
      INFO("ended before call ", call);
      const auto memory = scenario.before->copy();
      const bool ended_early = run_with_crash(*memory, run, call);
      memory->restart();
      CHECK(other_than_dry_run(*memory) == "");
      if (!ended_early) break;
    }
  }
}

// ---- what was changed since ---------------------------------------------------------------------

struct Repaired {
  std::unique_ptr<MemoryFileSystem> memory;
  UndoSection section;  // the first
};

std::vector<Repaired> all_repaired(UndoChange change) {
  std::vector<Repaired> all;
  for (const RepairScenario& scenario : repair_scenarios()) {
    auto memory = scenario.before->copy();
    repair(*memory, scenario);
    if (!memory->exists(undo_path)) continue;
    const auto root = std::get<std::unique_ptr<Directory>>(memory->open_directory("/"));
    const UndoFile file(open_file_in(*root, undo_path.substr(1), Access::read));
    if (file.sections().empty() || file.sections()[0].change != change) continue;
    all.push_back({std::move(memory), file.sections()[0]});
  }
  REQUIRE_FALSE(all.empty());
  return all;
}

TEST_CASE("an extent that was migrated, replaced or removed since is left as it is") {
  const Repaired repaired = std::move(all_repaired(UndoChange::in_place).front());
  const std::string path = region_path + "/" + extent_path(repaired.section.extent);
  REQUIRE(repaired.section.file(ExtentPart::data) != nullptr);
  SUBCASE("a database") { repaired.memory->add_file(path + ".db", Bytes(5)); }
  SUBCASE("a replacement") { repaired.memory->add_directory(path + ".replace"); }
  SUBCASE("nothing") { repaired.memory->remove(path); }
  const UndoSummary dry = undo_with(*repaired.memory, {.dry_run = true});
  CHECK(dry.left_count == 1);
  CHECK(undo_with(*repaired.memory, {.dry_run = false}).left_count == 1);
}

TEST_CASE("a replacement that is not the repair's is left as it is") {
  for (Repaired& repaired : all_repaired(UndoChange::replaced)) {
    const std::string path = region_path + "/" + extent_path(repaired.section.extent);
    const std::string name = extent_file_name(repaired.section.extent);
    repaired.memory->add_directory(path + ".replace");
    repaired.memory->add_file(path + ".replace/" + name, Bytes(7));
    const auto before = repaired.memory->tree(path);
    for (const bool dry_run : {true, false}) {
      CHECK(undo_with(*repaired.memory, {.dry_run = dry_run}).left_count > 0);
    }
    CHECK(difference(before, repaired.memory->tree(path)) == "");
    CHECK(repaired.memory->content_of(path + ".replace/" + name) == Bytes(7));
  }
}

TEST_CASE("an undo that is to stop before it begins changes nothing") {
  const Repaired repaired = std::move(all_repaired(UndoChange::in_place).front());
  const std::atomic<bool> stop{true};
  repaired.memory->clear_log();
  const UndoSummary summary = undo_with(*repaired.memory, {.dry_run = false, .stop = &stop});
  CHECK(summary.stopped);
  CHECK(summary.restored_count == 0);
  CHECK(repaired.memory->changes().empty());
}

TEST_CASE("where the extents' directory is gone nothing can be taken back") {
  const Repaired repaired = std::move(all_repaired(UndoChange::in_place).front());
  repaired.memory->remove("/r/00/000");
  repaired.memory->clear_log();
  CHECK_THROWS_WITH_AS((void)undo_with(*repaired.memory, {.dry_run = false}),
                       "open '/r/00/000': no such directory", Error);
  CHECK(repaired.memory->changes().empty());
}

}  // namespace
}  // namespace libregion
