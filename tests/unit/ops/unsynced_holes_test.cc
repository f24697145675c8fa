// File systems that take for a hole what no sync has seen yet: without any one of the syncs before
// holes are trusted, what stands there would be read as zeros.

#include <doctest/doctest.h>

#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_bytes = 512;
constexpr std::uint64_t block_count = 7;

// More extents than are synced one by one; their data was written and not synced.
std::unique_ptr<MemoryFileSystem> with_unsynced_data(std::uint32_t extent_count) {
  auto memory = created(ExtentFormat::raw, extent_count + 1, block_count);
  const auto leaf = expect_opened(memory->open_directory("/r/00/000"), "/r/00/000");
  std::vector<std::pair<std::unique_ptr<File>, Bytes>> written;
  for (std::uint32_t extent = 0; extent < extent_count; ++extent) {
    auto file = open_file_in(*leaf, extent_file_name(ExtentId{extent}), Access::read_write);
    constexpr std::uint64_t data_bytes = block_count * block_bytes;
    const std::uint64_t size_bytes = file->status().size_bytes;
    Bytes data = file->read(0, data_bytes);
    const Bytes tail = file->read(data_bytes, size_bytes - data_bytes);
    file->resize(0);
    file->write(data_bytes, tail);
    written.emplace_back(std::move(file), std::move(data));
  }
  memory->settle();
  for (const auto& [file, data] : written) file->write(0, data);
  memory->show_unsynced_as_holes();
  memory->clear_log();
  return memory;
}

std::uint64_t count_syncs(const MemoryFileSystem& memory, CallKind kind) {
  std::uint64_t count = 0;
  for (const Call& call : memory.log()) count += call.kind == kind ? 1U : 0U;
  return count;
}

// Which syncs of a verify are not needed, as lines of the log.
std::string needless_in(const MemoryFileSystem& before) {
  const auto undisturbed = before.copy();
  REQUIRE(verified_errors(*undisturbed) == 0);
  std::string needless;
  const std::vector<Call> log = undisturbed->log();
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    if (!is_sync(log[number].kind)) continue;
    const auto memory = before.copy();
    memory->ignore_sync_at(number);
    if (verified_errors(*memory) == 0) needless += describe(log[number]) + "\n";
  }
  return needless;
}

TEST_CASE("holes: each file is read as it is, and no sync before that can be left out") {
  const auto few = with_unsynced_data(3);
  // The last extent was never written: all of its holes are true.
  CHECK(needless_in(*few) == "fsync '/r/00/000/003'\n");
  (void)verified_errors(*few);
  CHECK(count_syncs(*few, CallKind::sync_file) == 4);
}

TEST_CASE("holes: of many files, the sync of the file system cannot be left out either") {
  const auto many = with_unsynced_data(20);
  CHECK(needless_in(*many) == "");
  (void)verified_errors(*many);
  CHECK(count_syncs(*many, CallKind::sync_file) == 16);
  CHECK(count_syncs(*many, CallKind::sync_file_system) == 1);
}

}  // namespace
}  // namespace libregion
