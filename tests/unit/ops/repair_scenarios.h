// Damaged regions in a MemoryFileSystem, always at "/r", that a repair is tried on.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libregion/ops/repair.h"
#include "libregion/ops/undo.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

inline const std::string undo_path = "/r.undo";

struct RepairScenario {
  std::string name;
  std::unique_ptr<MemoryFileSystem> before;
  // What an interrupted repair left is removed, and not brought back by an undo.
  bool has_leftovers = false;
  bool is_large = false;  // or much like another: few states are enough

  bool has_replica = false;  // at "/d"
  bool mix = false;
  std::string forget = {};
  std::optional<ExtentMetadata> metadata = std::nullopt;
};
const std::vector<RepairScenario>& repair_scenarios();
const RepairScenario& repair_scenario(const std::string& name);

// Findings of the run, as "id file found" lines, go to `findings` where it is given.
RepairSummary repair(MemoryFileSystem& memory, const RepairScenario& scenario,
                     std::vector<std::string>* findings = nullptr, unsigned jobs = 1,
                     Progress* progress = nullptr);
UndoSummary undo(MemoryFileSystem& memory, std::vector<std::string>* findings = nullptr);

}  // namespace libregion
