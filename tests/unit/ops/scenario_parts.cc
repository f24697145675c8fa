#include "tests/unit/ops/scenario_parts.h"

#include <filesystem>
#include <stdexcept>

#include "tests/support/random.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/crash_scenarios.h"

namespace libregion {

Region open_for(MemoryFileSystem& memory, Access access) {
  auto opened = open_region(memory, region_path, {access, false, 0});
  if (!opened.region) throw std::runtime_error("no region.json that can be used");
  return std::move(*opened.region);
}

std::string path_of_random_file(std::size_t size_bytes) {
  static const TemporaryDirectory files;
  const std::string path = files.path() + "/" + std::to_string(size_bytes);
  // To be written once, not for each of some thousand runs: a file system that takes care of who
  // replaces a file by writing it anew brings it to the disk each time.
  if (!std::filesystem::exists(path)) write_whole_file(path, Random(size_bytes).bytes(size_bytes));
  return path;
}

std::unique_ptr<MemoryFileSystem> created(ExtentFormat format, std::uint32_t extent_count,
                                          std::uint64_t extent_size_blocks) {
  CreateScenario scenario;
  scenario.format = format;
  scenario.extent_size_blocks = extent_size_blocks;
  scenario.extent_count = extent_count;
  scenario.image_bytes = (extent_count - 1) * extent_size_blocks * 512;
  auto memory = before_create(scenario);
  create(*memory, scenario);
  memory->settle();
  return memory;
}

void add_repair(MemoryFileSystem& memory, const std::string& directory, const std::string& extent,
                const MemoryFileSystem& source, const std::string& source_extent) {
  for (const char* suffix : {"", ".db", ".db-wal", ".db-shm"}) {
    const std::string path = "/r/00/000/" + source_extent + suffix;
    if (!source.exists(path)) continue;
    memory.add_file("/r/00/000/" + directory + "/" + extent + suffix, source.content_of(path));
  }
}

std::unique_ptr<MemoryFileSystem> without_syncfs(std::unique_ptr<MemoryFileSystem> memory) {
  memory->set_sync_file_system_available(false);
  return memory;
}

}  // namespace libregion
