// A device is at its fastest with many requests at once. What a file's reader asks for one after
// the other is asked of the system before.

#pragma once

#include <algorithm>
#include <cstdint>

#include "libregion/io/file_system.h"

namespace libregion {

// Of one file that is read in order.
class ReadAhead {
 public:
  explicit ReadAhead(std::uint64_t window_bytes) : window_bytes_(window_bytes) {}

  // Before `now` is read, and after it what follows up to end_bytes.
  void before(const File& file, ByteRange now, std::uint64_t end_bytes) {
    const bool goes_on = now.offset_bytes >= begin_bytes_ && now.offset_bytes <= asked_bytes_;
    if (!goes_on) asked_bytes_ = now.offset_bytes;
    begin_bytes_ = now.offset_bytes;
    const std::uint64_t wanted_bytes = std::min(end_bytes, now.end_bytes() + window_bytes_);
    // Few large requests, not one for each read.
    const std::uint64_t least_bytes = wanted_bytes == end_bytes ? 1 : window_bytes_ / 4;
    if (wanted_bytes < asked_bytes_ + least_bytes) return;
    file.will_read({asked_bytes_, wanted_bytes - asked_bytes_});
    asked_bytes_ = wanted_bytes;
  }

 private:
  std::uint64_t window_bytes_;
  std::uint64_t begin_bytes_ = 0;
  std::uint64_t asked_bytes_ = 0;
};

}  // namespace libregion
