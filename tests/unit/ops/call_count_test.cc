// What creating, migrating and defragmenting ask of the file system, counted exactly: so many
// changes for each extent, and so many syncs for a run, however many extents it has.

#include <map>

#include <doctest/doctest.h>

#include "libregion/format/raw_layout.h"
#include "libregion/io/durable.h"
#include "libregion/ops/defragment.h"
#include "tests/unit/ops/crash_scenarios.h"
#include "tests/unit/ops/scattered_extents.h"
#include "tests/unit/ops/scenario_parts.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

constexpr std::uint32_t few = few_files_max + 5;  // already enough for one sync of them all
constexpr std::uint32_t more = 3 * few;
constexpr std::uint64_t block_count = 20;

using Counts = std::map<CallKind, std::uint64_t>;

Counts count(const MemoryFileSystem& memory) {
  Counts counts;
  for (const Call& call : memory.log()) ++counts[call.kind];
  return counts;
}

// A run over `few` extents beside one over `more`.
struct TwoRuns {
  Counts small;
  Counts large;

  // How many calls of the kind each extent costs.
  [[nodiscard]] double for_each_extent(CallKind kind) {
    return static_cast<double>(large[kind] - small[kind]) / (more - few);
  }
  // Of the kinds that are not for each extent there are as many in both runs.
  [[nodiscard]] std::uint64_t for_each_run(CallKind kind) {
    CHECK(small[kind] == large[kind]);
    return large[kind];
  }
};

void check_syncs(TwoRuns& runs, std::uint64_t file_system, std::uint64_t files,
                 std::uint64_t directories) {
  CHECK(runs.for_each_run(CallKind::sync_file_system) == file_system);
  CHECK(runs.for_each_run(CallKind::sync_file) == files);
  CHECK(runs.for_each_run(CallKind::sync_directory) == directories);
}

// ---- create -------------------------------------------------------------------------------------

Counts create_counts(std::uint32_t extent_count, ExtentFormat format) {
  MemoryFileSystem memory;
  CreateOptions options = options_of(definition_of(512, block_count, extent_count));
  options.format = format;
  create_region(memory, "/r", options);
  return count(memory);
}

TEST_CASE("create: a raw extent is a file made, its size set and 32 bytes written; one sync") {
  TwoRuns runs{create_counts(few, ExtentFormat::raw), create_counts(more, ExtentFormat::raw)};
  CHECK(runs.for_each_extent(CallKind::create_file) == 1);
  CHECK(runs.for_each_extent(CallKind::resize) == 1);
  CHECK(runs.for_each_extent(CallKind::write) == 1);
  // region.json is synced by itself; directories: leaf, top, the region's twice, where it is in.
  check_syncs(runs, 1, 1, 5);
}

TEST_CASE("create: a SQLite extent is two files; one sync") {
  TwoRuns runs{create_counts(few, ExtentFormat::sqlite), create_counts(more, ExtentFormat::sqlite)};
  CHECK(runs.for_each_extent(CallKind::create_file) == 2);
  CHECK(runs.for_each_extent(CallKind::resize) == 1);
  CHECK(runs.for_each_extent(CallKind::write) == 1);
  check_syncs(runs, 1, 1, 5);
}

// ---- migrate ------------------------------------------------------------------------------------

Counts migrate_counts(std::uint32_t extent_count) {
  const auto memory = created(ExtentFormat::sqlite, extent_count, block_count);
  memory->clear_log();
  CHECK(migrate(*memory).migrated_count == extent_count);
  return count(*memory);
}

TEST_CASE("migrate: array A and the end written for each extent, its database removed; one sync") {
  TwoRuns runs{migrate_counts(few), migrate_counts(more)};
  CHECK(runs.for_each_extent(CallKind::write) == 2);
  CHECK(runs.for_each_extent(CallKind::resize) == 1);
  CHECK(runs.for_each_extent(CallKind::remove_file) == 1);
  CHECK(runs.for_each_extent(CallKind::create_file) == 0);
  // The leaf before anything, so that what is gone stays gone, and after the removals.
  check_syncs(runs, 1, 0, 2);
}

TEST_CASE("migrate: array B of every extent, and both of one without rows, stay holes") {
  const auto memory = created(ExtentFormat::sqlite, few, block_count);
  memory->clear_log();
  migrate(*memory);
  const RawLayout layout(definition_of(512, block_count, few).geometry);
  std::uint64_t written_to_last = 0;
  for (const Call& call : memory->changes()) {
    if (call.kind != CallKind::write) continue;
    const std::uint64_t array_b = layout.slot_array_offset_bytes(ContextSlot::B);
    const bool is_before = call.offset_bytes + call.length_bytes <= array_b;
    CHECK((is_before || call.offset_bytes >= layout.bits_offset_bytes()));
    if (call.path == "/r/" + extent_path(ExtentId{few - 1})) written_to_last += call.length_bytes;
  }
  CHECK(written_to_last == metadata_bytes);
}

// ---- defragment ---------------------------------------------------------------------------------

Counts defragment_counts(std::uint32_t extent_count) {
  auto memory = created(ExtentFormat::raw, extent_count, block_count);
  RawExtentBuilder built(512, block_count);
  built.write_all(ContextSlot::A);
  // Two runs in B, near each other.
  for (const std::uint64_t block : {3U, 4U, 9U}) built.write(block, ContextSlot::B);
  for (std::uint32_t extent = 0; extent < extent_count; ++extent) {
    memory->add_file("/r/" + extent_path(ExtentId{extent}), built.bytes());
  }
  memory->clear_log();
  const Region region = open_for(*memory, Access::read_write);
  ListReporter reporter(nullptr);
  CHECK(defragment_region(region, {}, reporter).defragmented_count == extent_count);
  return count(*memory);
}

TEST_CASE("defragment: the slots between the first and the last and the end written; three syncs") {
  TwoRuns runs{defragment_counts(few), defragment_counts(more)};
  CHECK(runs.for_each_extent(CallKind::write) == 2);
  CHECK(runs.for_each_extent(CallKind::resize) == 0);
  // Before anything, of what a killed process left; of the slots; of the bits.
  check_syncs(runs, 3, 0, 0);
}

}  // namespace
}  // namespace libregion
