// A small region at work in a MemoryFileSystem, at "/r": made, migrated, imported into,
// defragmented, written to, step by step.

#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "libregion/format/units.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/crash_driver.h"

namespace libregion {

// What is there at first: nothing; SQLite extents that are clean, dirty, have several rows of one
// block, have what counts in their logs, or tails of an interrupted migration; raw extents, their
// slots scattered; both with a replacement that waits to be put in place; and both damaged, with a
// replica at "/d".
enum class RegionStart : std::uint8_t {
  nothing,
  sqlite_clean,
  sqlite_dirty,
  sqlite_rows,
  sqlite_hot,
  sqlite_tails,
  sqlite_replace,
  sqlite_damaged,
  raw,
  raw_encrypted,
  raw_replace,
  raw_damaged,
};
inline constexpr std::array region_starts = {
    RegionStart::nothing,        RegionStart::sqlite_clean,   RegionStart::sqlite_dirty,
    RegionStart::sqlite_rows,    RegionStart::sqlite_hot,     RegionStart::sqlite_tails,
    RegionStart::sqlite_replace, RegionStart::sqlite_damaged, RegionStart::raw,
    RegionStart::raw_encrypted,  RegionStart::raw_replace,    RegionStart::raw_damaged};
std::string_view region_start_name(RegionStart start);
std::unique_ptr<MemoryFileSystem> region_at(RegionStart start, const Geometry& geometry);

enum class RegionStep : std::uint8_t {
  create,
  import,
  migrate,       // and what is pending is finished
  migrate_into,  // "/n"
  defragment,
  repair,   // from the replica
  write,    // a service writes and flushes one extent, and leaves the other dirty
  receive,  // a replacement arrives
};
inline constexpr std::array region_steps = {
    RegionStep::create,     RegionStep::import, RegionStep::migrate, RegionStep::migrate_into,
    RegionStep::defragment, RegionStep::repair, RegionStep::write,   RegionStep::receive};
std::string_view region_step_name(RegionStep step);

// Whether a step is an operation of the tools: those are crashed, the others only lead to more
// states to begin with. What a crash leaves of a write is decided extent by extent.
[[nodiscard]] bool is_operation(RegionStep step);
// Whether it has anything to do here.
[[nodiscard]] bool applies(RegionStep step, const MemoryFileSystem& memory);
void perform(RegionStep step, const Geometry& geometry, MemoryFileSystem& memory);

// What a reader finds of each extent of a region: a hash of all data and contexts, but for their
// flush ids, or why it cannot be told.
std::vector<std::string> contents_of(MemoryFileSystem& memory, const std::string& path);

}  // namespace libregion
