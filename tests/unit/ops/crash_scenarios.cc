#include "tests/unit/ops/crash_scenarios.h"

#include <algorithm>
#include <stdexcept>

#include "libregion/base/error.h"
#include "libregion/ops/verify.h"
#include "tests/support/random.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_bytes = 512;

Geometry geometry_of(std::uint64_t extent_size_blocks) {
  return std::get<Geometry>(Geometry::make(block_bytes, extent_size_blocks));
}

// ---- regions to migrate -------------------------------------------------------------------------

std::unique_ptr<MemoryFileSystem> created_sqlite(std::uint32_t extent_count,
                                                 std::uint64_t extent_size_blocks) {
  return created(ExtentFormat::sqlite, extent_count, extent_size_blocks);
}

std::unique_ptr<MemoryFileSystem> with_repair_leftovers() {
  auto memory = created_sqlite(3, 7);
  add_repair(*memory, "001.copy", "001", *memory, "000");
  add_repair(*memory, "002.completed", "002", *memory, "000");
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_raw_repair_leftovers() {
  auto memory = with_repair_leftovers();
  migrate(*memory);
  add_repair(*memory, "000.copy", "000", *memory, "001");
  add_repair(*memory, "001.completed", "001", *memory, "000");
  memory->settle();
  return memory;
}

// Extent 0 is clean, what counts of extent 1 is in its log.
std::unique_ptr<MemoryFileSystem> with_one_hot_log() {
  TestRegionOptions options;
  options.extent_size_blocks = 7;
  TestRegion region(options);
  const auto clean = region.make_sqlite(0);
  for (std::uint64_t block = 1; block < 7; ++block) clean->write(block, region.data_for(block));
  clean->flush(1, 5);
  clean->close_cleanly();
  const auto hot = region.make_sqlite(1);
  for (std::uint64_t block = 0; block < 5; ++block) hot->write(block, region.data_for(block, 1));
  hot->flush(1, 6);
  hot->die();
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), region_path);
  return memory;
}

// The log of the database that is replaced must not meet the new one.
std::unique_ptr<MemoryFileSystem> with_replacement_of_hot() {
  auto memory = with_one_hot_log();
  add_repair(*memory, "001.replace", "001", *memory, "000");
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_hot_replacement() {
  auto memory = with_one_hot_log();
  add_repair(*memory, "000.replace", "000", *memory, "001");
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_raw_replacement() {
  auto memory = created_sqlite(2, 7);
  migrate(*memory);
  add_repair(*memory, "001.replace", "001", *memory, "000");
  memory->settle();
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_replacement_of_missing(bool raw) {
  auto memory = raw ? with_raw_replacement() : with_replacement_of_hot();
  for (const char* suffix : {"", ".db", ".db-wal", ".db-shm"}) {
    const std::string path = std::string("/r/00/000/001") + suffix;
    if (memory->exists(path)) memory->remove(path);
  }
  return memory;
}

// An earlier migration has got as far as the tails of all extents, and half of one.
std::unique_ptr<MemoryFileSystem> with_partial_tails() {
  auto memory = created_sqlite(3, 7);
  auto migrated = memory->copy();
  migrate(*migrated);
  for (const char* name : {"000", "001", "002"}) {
    const std::string path = std::string("/r/00/000/") + name;
    Bytes content = migrated->content_of(path);
    if (path.ends_with('1')) content.resize(7 * block_bytes + 500);
    if (path.ends_with('2')) std::fill(content.begin() + 7 * 512, content.end(), std::byte{0xAA});
    memory->add_file(path, content);
  }
  return memory;
}

// An earlier migration has not got further than removing the databases.
std::unique_ptr<MemoryFileSystem> with_stray_logs() {
  auto memory = created_sqlite(3, 7);
  migrate(*memory);
  memory->add_file("/r/00/000/000.db-wal", Random(1).bytes(1000));
  memory->add_file("/r/00/000/000.db-shm", Random(2).bytes(1000));
  memory->add_file("/r/00/000/002.db-wal", Random(3).bytes(1000));
  memory->settle();
  return memory;
}

// As a service leaves it that was killed: what counts is in the logs.
std::unique_ptr<MemoryFileSystem> with_hot_logs() {
  TestRegionOptions options;
  options.extent_size_blocks = 10;
  options.extent_count = 3;
  TestRegion region(options);
  const auto first = region.make_sqlite(0);
  first->write(3, region.data_for(3));
  first->flush(1, 5);
  first->close_cleanly();

  const auto flushed = region.make_sqlite(1);
  for (std::uint64_t block = 0; block < 10; ++block) flushed->write(block, region.data_for(block));
  flushed->flush(1, 9);
  flushed->die();

  const auto dirty = region.make_sqlite(2);
  for (std::uint64_t block = 0; block < 6; ++block) dirty->write(block, region.data_for(block));
  dirty->flush(1, 9);
  dirty->write(2, region.data_for(2, 1));
  dirty->write(7, region.data_for(7, 1));
  dirty->write(2, region.data_for(2, 2));
  dirty->write(4, region.data_for(4, 1), std::nullopt, /*data_arrives=*/false);
  dirty->die();

  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), region_path);
  return memory;
}

// The process was killed when it had removed the databases. That they are gone is not durable yet,
// and what counts is in their logs.
std::unique_ptr<MemoryFileSystem> with_databases_gone_for_now() {
  auto memory = with_hot_logs();
  std::uint64_t number = 0;
  for (const Call& call : log_of(*memory, [](MemoryFileSystem& run) { migrate(run); })) {
    ++number;
    if (call.path.ends_with("002.db")) break;
  }
  run_with_crash(
      *memory, [](MemoryFileSystem& run) { migrate(run); }, number);
  memory->restart();
  return memory;
}

}  // namespace

// ---- create -------------------------------------------------------------------------------------

std::vector<CreateScenario> create_scenarios() {
  std::vector<CreateScenario> scenarios(8);
  scenarios[0] = {"raw, 1 block"};
  scenarios[0].extent_size_blocks = 1;
  scenarios[1] = {"raw, 3 extents, in an empty directory"};
  scenarios[1].extent_count = 3;
  scenarios[1].directory_exists = true;
  scenarios[2] = {"raw, with an image"};
  scenarios[2].image_bytes = 10 * block_bytes + 77;
  scenarios[3] = {"SQLite, 2 extents", ExtentFormat::sqlite, 10, 2};
  scenarios[4] = {"SQLite, with an image", ExtentFormat::sqlite, 7, 2};
  scenarios[4].image_bytes = 10 * block_bytes + 77;
  scenarios[5] = {"raw, 16 extents", ExtentFormat::raw, 1, 16};
  scenarios[6] = {"raw, 16 extents, no syncfs", ExtentFormat::raw, 1, 16};
  scenarios[6].can_sync_file_system = false;
  scenarios[7] = {"raw, over leftovers"};
  scenarios[7].extent_count = 2;
  scenarios[7].has_leftovers = true;
  return scenarios;
}

const CreateScenario& create_scenario(const std::string& name) {
  static const std::vector<CreateScenario> scenarios = create_scenarios();
  const auto found = std::find_if(scenarios.begin(), scenarios.end(),
                                  [&](const auto& scenario) { return scenario.name == name; });
  return *found;
}

std::unique_ptr<MemoryFileSystem> before_create(const CreateScenario& scenario) {
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->set_sync_file_system_available(scenario.can_sync_file_system);
  if (scenario.directory_exists) memory->add_directory(region_path);
  if (scenario.has_leftovers) {
    memory->add_file("/r/00/000/000", Random(1).bytes(700));
    memory->add_file("/r/00/000/001.db", Random(2).bytes(10));
    memory->add_file("/r/00/001/000", {});
    memory->add_file("/r/region.json.tmp", as_byte_view("{"));
  }
  return memory;
}

CreateSummary create(MemoryFileSystem& memory, const CreateScenario& scenario, bool force) {
  CreateOptions options{{geometry_of(scenario.extent_size_blocks), scenario.extent_count,
                         *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"), false}};
  options.format = scenario.format;
  options.force = force;
  if (scenario.image_bytes == 0) return create_region(memory, region_path, options);

  InputStream image(path_of_random_file(scenario.image_bytes));
  options.image = &image;
  return create_region(memory, region_path, options);
}

// ---- migrate ------------------------------------------------------------------------------------

namespace {

std::vector<MigrateScenario> make_migrate_scenarios() {
  std::vector<MigrateScenario> scenarios;
  const auto add = [&](const char* name, std::unique_ptr<MemoryFileSystem> before) {
    scenarios.push_back({name, std::move(before)});
  };
  add("clean, 1 block", created_sqlite(2, 1));
  add("clean, 10 blocks", created_sqlite(3, 10));
  add("leftover .copy and .completed", with_repair_leftovers());
  add("leftovers of raw extents", with_raw_repair_leftovers());
  add("SQLite .replace of a hot extent", with_replacement_of_hot());
  add("hot SQLite .replace", with_hot_replacement());
  add("raw .replace", with_raw_replacement());
  add("SQLite .replace of a missing extent", with_replacement_of_missing(false));
  add("raw .replace of a missing extent", with_replacement_of_missing(true));
  add("tails of an interrupted migration", with_partial_tails());
  add("stray logs of an interrupted migration", with_stray_logs());
  add("databases gone, not durably", with_databases_gone_for_now());
  add("hot logs", with_hot_logs());
  add("16 extents", created_sqlite(16, 1));
  scenarios.back().is_large = true;
  add("16 extents, no syncfs", without_syncfs(created_sqlite(16, 1)));
  scenarios.back().is_large = true;
  return scenarios;
}

}  // namespace

const std::vector<MigrateScenario>& migrate_scenarios() {
  static const std::vector<MigrateScenario> scenarios = make_migrate_scenarios();
  return scenarios;
}

std::unique_ptr<MemoryFileSystem> with_raw_replacements(std::uint32_t extent_count) {
  auto memory = created_sqlite(extent_count + 1, 1);
  migrate(*memory);
  for (std::uint32_t extent = 1; extent < extent_count; ++extent) {
    const std::string name = extent_file_name(ExtentId{extent});
    add_repair(*memory, name + ".replace", name, *memory, "000");
  }
  memory->settle();
  return memory;
}

MigrateSummary migrate(MemoryFileSystem& memory, std::vector<std::string>* findings,
                       unsigned jobs) {
  const Region region = open_for(memory, Access::read_write);
  ListReporter reporter(findings);
  MigrateOptions options;
  options.walk.jobs = jobs;
  return migrate_region(region, options, reporter);
}

MigrateIntoSummary migrate_into(MemoryFileSystem& memory, std::vector<std::string>* findings,
                                const MigrateIntoOptions& options) {
  const Region source = open_for(memory, Access::read);
  ListReporter reporter(findings);
  MigrateIntoOptions complete = options;
  complete.target = new_region_path;
  return migrate_region_into(memory, source, complete, reporter);
}

std::uint64_t verified_errors(MemoryFileSystem& memory) {
  const Region region = open_for(memory, Access::read);
  ListReporter reporter(nullptr);
  verify_region(region, {}, reporter);
  return reporter.error_count;
}

}  // namespace libregion
