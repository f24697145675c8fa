#include "libregion/io/failed_sync.h"

namespace libregion {

void FailedSync::refuse_after(const Place& place) const {
  const std::lock_guard lock(mutex_);
  if (errno_value_ == 0) return;
  throw SystemError(describe_failure(place, "not done after a sync that failed: " + message_),
                    errno_value_);
}

void FailedSync::fail(int errno_value, const Place& place) {
  try {
    throw_system_error(errno_value, place);
  } catch (const SystemError& error) {
    const std::lock_guard lock(mutex_);
    if (errno_value_ == 0) message_ = error.what();
    if (errno_value_ == 0) errno_value_ = errno_value;
    throw;
  }
}

}  // namespace libregion
