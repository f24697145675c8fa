// What is crashed: images being written into regions in a MemoryFileSystem, always at "/r".

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libregion/ops/import.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

struct ImportScenario {
  std::string name;
  std::unique_ptr<MemoryFileSystem> before;
  std::uint64_t first_block = 0;
  std::size_t image_bytes = 0;
  bool is_large = false;  // for which few states are enough
};
const std::vector<ImportScenario>& import_scenarios();
const ImportScenario& import_scenario(const std::string& name);

Bytes image_of(const ImportScenario& scenario);
// Findings of the run, as "id file found" lines, go to `findings` where it is given.
ImportSummary import(MemoryFileSystem& memory, const ImportScenario& scenario,
                     std::vector<std::string>* findings = nullptr, unsigned jobs = 1);

}  // namespace libregion
