// A failed sync is final. What was written before may be gone, and later syncs succeed all the
// same: nothing that comes after one may rely on it. So whatever is reached from one root, on any
// thread, shares one of these, and is refused what would rely on it.

#pragma once

#include <mutex>
#include <string>

#include "libregion/base/error.h"

namespace libregion {

class FailedSync {
 public:
  // Before a sync, a rename or a removal: throws SystemError, naming the sync that failed, if one
  // has.
  void refuse_after(const Place& place) const;

  // The sync there has failed: throws SystemError.
  [[noreturn]] void fail(int errno_value, const Place& place);

 private:
  mutable std::mutex mutex_;
  int errno_value_ = 0;  // of the first that failed
  std::string message_;
};

}  // namespace libregion
