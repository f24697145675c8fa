// What a crash may leave of a MemoryFileSystem.
//
// What was synced is there: fsync of a file its data and size, fsync of a directory the names in
// it, a sync of the file system everything. Of the rest:
//
//   ordered            all of it: everything that was done before the crash
//   posix_512          of each file, every 512-byte sector in any of the versions it had since the
//                      sync, and any of its sizes; what a lost write should have filled reads as
//                      zeros; of each directory, any of the names made, removed and renamed (a
//                      rename happens or does not)
//   posix_512_garbage  the same, but sectors that a lost write should have filled for the first
//                      time hold anything

#pragma once

#include <cstdint>
#include <memory>

#include "tests/support/memory_file_system.h"

namespace libregion {

enum class CrashModel : std::uint8_t { ordered, posix_512, posix_512_garbage };
std::string_view crash_model_name(CrashModel model);

// One of the states that a crash at this moment may leave: `seed` says which. 0: nothing that was
// not synced; 1: everything; the others draw for each file and directory whether nothing,
// everything or some of it is left.
std::unique_ptr<MemoryFileSystem> after_crash(const MemoryFileSystem& crashed, CrashModel model,
                                              std::uint64_t seed);

}  // namespace libregion
