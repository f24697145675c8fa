#include "libregion/region/synced_files.h"

#include <chrono>

namespace libregion {
namespace {

// So many are synced one by one.
constexpr unsigned single_syncs_max = 16;
// File systems count in units of up to 2 seconds, and take a time that may be a little old.
constexpr std::chrono::seconds time_tolerance(3);

std::int64_t surely_past_ns() {
  const auto past = std::chrono::system_clock::now() - time_tolerance;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(past.time_since_epoch()).count();
}

}  // namespace

void SyncedFiles::sync(File& file) {
  if (!was_synced(file)) file.sync();
}

bool SyncedFiles::was_synced(const File& file) {
  const std::lock_guard lock(mutex_);
  if (sync_count_ == single_syncs_max && !has_synced_all_) {
    const std::int64_t begin_ns = surely_past_ns();
    has_synced_all_ = root_.sync_file_system();
    if (has_synced_all_) all_synced_ns_ = begin_ns;
  }
  if (has_synced_all_ && file.status().change_time_ns < all_synced_ns_) return true;
  if (sync_count_ < single_syncs_max) ++sync_count_;
  return false;
}

}  // namespace libregion
