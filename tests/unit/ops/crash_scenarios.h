// What is crashed: regions being created and migrated in a MemoryFileSystem, always at "/r".

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libregion/ops/create.h"
#include "libregion/ops/migrate.h"
#include "libregion/ops/migrate_into.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/crash_driver.h"

namespace libregion {

// ---- create -------------------------------------------------------------------------------------

struct CreateScenario {
  std::string name;
  ExtentFormat format = ExtentFormat::raw;
  std::uint64_t extent_size_blocks = 7;  // of 512 bytes
  std::uint32_t extent_count = 1;
  std::size_t image_bytes = 0;    // imported; 0: none
  bool directory_exists = false;  // empty
  bool has_leftovers = false;     // of an interrupted create
  bool can_sync_file_system = true;
};
std::vector<CreateScenario> create_scenarios();
const CreateScenario& create_scenario(const std::string& name);

std::unique_ptr<MemoryFileSystem> before_create(const CreateScenario& scenario);
CreateSummary create(MemoryFileSystem& memory, const CreateScenario& scenario, bool force = true);

// ---- migrate ------------------------------------------------------------------------------------

struct MigrateScenario {
  std::string name;
  std::unique_ptr<MemoryFileSystem> before;
  bool is_large = false;  // for which few states are enough
};
const std::vector<MigrateScenario>& migrate_scenarios();

// Raw extents, each with a raw replacement that is to be put in place.
std::unique_ptr<MemoryFileSystem> with_raw_replacements(std::uint32_t extent_count);

// Findings of the last run, as "id file found" lines, go to `findings` where it is given.
MigrateSummary migrate(MemoryFileSystem& memory, std::vector<std::string>* findings = nullptr,
                       unsigned jobs = 1);
// The same of a migration from "/r" to "/n".
MigrateIntoSummary migrate_into(MemoryFileSystem& memory,
                                std::vector<std::string>* findings = nullptr,
                                const MigrateIntoOptions& options = {});

// How many findings of severity error region-verify has.
std::uint64_t verified_errors(MemoryFileSystem& memory);

}  // namespace libregion
