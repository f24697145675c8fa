#include "tests/support/crash_model.h"

#include <algorithm>

#include "tests/support/crash_states.h"

namespace libregion {

std::string_view crash_model_name(CrashModel model) {
  switch (model) {
    case CrashModel::ordered: return "ordered";
    case CrashModel::zfs: return "zfs";
    case CrashModel::zfs_4k: return "zfs-4k";
    case CrashModel::zfs_512: return "zfs-512";
    case CrashModel::posix_4k: return "posix-4k";
    case CrashModel::posix_512: return "posix-512";
    case CrashModel::posix_512_garbage: break;
  }
  return "posix-512-garbage";
}

std::optional<CrashModel> crash_model_named(std::string_view name) {
  const auto* const found =
      std::find_if(crash_models.begin(), crash_models.end(),
                   [&](CrashModel model) { return crash_model_name(model) == name; });
  return found == crash_models.end() ? std::nullopt : std::optional(*found);
}

bool reorders(CrashModel model) { return model >= CrashModel::posix_4k; }

std::size_t record_bytes(CrashModel model) {
  return model == CrashModel::zfs_4k ? 4096 : model == CrashModel::zfs_512 ? 512 : 0;
}

std::unique_ptr<MemoryFileSystem> after_crash(const MemoryFileSystem& crashed, CrashModel model,
                                              std::uint64_t seed) {
  const CrashStates states(crashed, model);
  return states.state(states.sample(seed));
}

}  // namespace libregion
