// What a crash may leave of a MemoryFileSystem.
//
// What was synced is there: fsync of a file its data and size, fsync of a directory the names in
// it, a sync of the file system everything. Of the rest:
//
//   ordered            the changes up to any of them, and none after it
//   zfs                the same, but of a write that is left there may already be the bytes that
//                      later ones put in its place: a sync logs what a file holds by then
//   zfs_4k, zfs_512    the same, but a write that reaches into several records of 4096 or 512 bytes
//                      is as many writes, one after the other: a transaction is of one record.
//                      What any record size that is a multiple of these leaves is among it
//   posix_512          of each file, every 512-byte sector in any of the versions it had since the
//                      sync, and any of its sizes; what a lost write should have filled reads as
//                      zeros; of each directory, any of the names made, removed and renamed (a
//                      rename happens or does not)
//   posix_4k           the same of pages of 4096 bytes
//   posix_512_garbage  as posix_512, but sectors that a lost write should have filled for the first
//                      time hold anything

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "tests/support/memory_file_system.h"

namespace libregion {

enum class CrashModel : std::uint8_t {
  ordered,
  zfs,
  zfs_4k,
  zfs_512,
  posix_4k,
  posix_512,
  posix_512_garbage
};
inline constexpr std::array crash_models = {
    CrashModel::ordered,  CrashModel::zfs,       CrashModel::zfs_4k,           CrashModel::zfs_512,
    CrashModel::posix_4k, CrashModel::posix_512, CrashModel::posix_512_garbage};
std::string_view crash_model_name(CrashModel model);
std::optional<CrashModel> crash_model_named(std::string_view name);
// Whether what was written later may be durable earlier.
[[nodiscard]] bool reorders(CrashModel model);
// The size of the records that writes are split at; 0 where they are not.
[[nodiscard]] std::size_t record_bytes(CrashModel model);

// One of the states that a crash at this moment may leave: `seed` says which. ordered and zfs*: all
// changes but the last `seed` ones. The others: 0 leaves nothing that was not synced; 1 leaves
// everything; the rest draw for each file and directory whether nothing, everything or some of it
// is left. crash_states.h has all of them.
std::unique_ptr<MemoryFileSystem> after_crash(const MemoryFileSystem& crashed, CrashModel model,
                                              std::uint64_t seed);

}  // namespace libregion
