#include "tests/unit/ops/import_scenarios.h"

#include <algorithm>

#include "tests/support/random.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

std::unique_ptr<MemoryFileSystem> raw_with_leftovers() {
  auto memory = created(ExtentFormat::raw, 3, 7);
  add_repair(*memory, "000.copy", "000", *memory, "001");
  add_repair(*memory, "001.copy", "001", *memory, "000");
  add_repair(*memory, "001.completed", "001", *memory, "000");
  add_repair(*memory, "002.completed", "002", *memory, "000");
  return memory;
}

std::unique_ptr<MemoryFileSystem> raw_with_replacements() {
  auto memory = created(ExtentFormat::raw, 3, 7);
  add_repair(*memory, "000.replace", "000", *memory, "001");
  add_repair(*memory, "002.replace", "002", *memory, "000");
  add_repair(*memory, "002.copy", "002", *memory, "001");
  return memory;
}

std::vector<ImportScenario> make_import_scenarios() {
  std::vector<ImportScenario> scenarios;
  const auto add = [&](const char* name, std::unique_ptr<MemoryFileSystem> before,
                       std::uint64_t first_block, std::size_t image_bytes) {
    scenarios.push_back({name, std::move(before), first_block, image_bytes});
  };
  add("1 block", created(ExtentFormat::raw, 1, 1), 0, 512);
  add("inside an extent", created(ExtentFormat::raw, 2, 7), 2, 3 * 512);
  add("a few bytes", created(ExtentFormat::raw, 2, 7), 2, 77);
  add("all of three extents", created(ExtentFormat::raw, 3, 7), 0, 21 * 512);
  add("from inside to inside", created(ExtentFormat::raw, 4, 7), 4, 12 * 512 + 77);
  add("over leftovers", raw_with_leftovers(), 3, 15 * 512);
  add("over pending replacements", raw_with_replacements(), 3, 15 * 512);
  add("16 extents", created(ExtentFormat::raw, 16, 1), 0, 16 * 512);
  scenarios.back().is_large = true;
  add("16 extents, no syncfs", without_syncfs(created(ExtentFormat::raw, 16, 1)), 0, 16 * 512);
  scenarios.back().is_large = true;
  return scenarios;
}

}  // namespace

const std::vector<ImportScenario>& import_scenarios() {
  static const std::vector<ImportScenario> scenarios = make_import_scenarios();
  return scenarios;
}

const ImportScenario& import_scenario(const std::string& name) {
  return *std::find_if(import_scenarios().begin(), import_scenarios().end(),
                       [&](const auto& scenario) { return scenario.name == name; });
}

Bytes image_of(const ImportScenario& scenario) {
  return Random(scenario.image_bytes).bytes(scenario.image_bytes);
}

ImportSummary import(MemoryFileSystem& memory, const ImportScenario& scenario,
                     std::vector<std::string>* findings, unsigned jobs) {
  const Region region = open_for(memory, Access::read_write);
  InputStream image(path_of_random_file(scenario.image_bytes));
  ListReporter reporter(findings);
  ImportOptions options;
  options.image = &image;
  options.first_block = scenario.first_block;
  options.jobs = jobs;
  return import_image(region, options, reporter);
}

}  // namespace libregion
