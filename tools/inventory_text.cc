#include "tools/inventory_text.h"

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "tools/common/renderer.h"

namespace region_tools {

using libregion::human_size;

std::string inventory_text(const libregion::RegionDefinition& definition,
                           const libregion::VisitTotals& totals,
                           const libregion::Inventory& inventory) {
  std::string text = describe_region(definition) + "\n";
  const std::uint64_t known_count = inventory.raw_count + inventory.sqlite_count;
  text += fmt::format("  formats:  {} raw, {} SQLite, {} neither\n", inventory.raw_count,
                      inventory.sqlite_count, totals.extent_count - known_count);
  text += fmt::format("  repairs:  {} .copy, {} .replace, {} .completed, {} on disk\n",
                      inventory.copy_count, inventory.replace_count, inventory.completed_count,
                      human_size(inventory.pending_bytes));
  text += fmt::format("  sizes:    {} apparent, {} on disk\n", human_size(inventory.apparent_bytes),
                      human_size(inventory.allocated_bytes));
  text += fmt::format("  slots:    {} of A, {} of B; reading all in order takes {}\n",
                      plural(inventory.a_run_count, "run"), plural(inventory.b_run_count, "run"),
                      plural(inventory.extra_system_calls, "extra system call"));
  return text + "  " + plural(totals.extent_count, "extent");
}

}  // namespace region_tools
