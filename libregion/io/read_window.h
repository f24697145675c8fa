// A part of a file that was read. A disk is at its fastest with large requests: of a file that is
// read in order more is read than is asked for, and is in hand when its turn comes.
//
// Large requests are better than advice (POSIX_FADV_WILLNEED): Linux makes the page cache of what
// it is advised to read from single pages, and of what is read from large ones, which cost a third
// when they are mapped later.

#pragma once

#include <algorithm>
#include <cstdint>

#include "libregion/io/file_system.h"

namespace libregion {

// Of one file. What was read before it is asked for is given only to who goes on where they were:
// who asks for the same bytes again, or for others, gets them as they are now.
class ReadWindow {
 public:
  explicit ReadWindow(std::uint64_t window_bytes) : window_bytes_(window_bytes) {}

  // The bytes of the range, which last until the next call. Where they are not in hand they are
  // read, with what follows up to end_bytes, as far as the window reaches.
  ByteView read(const File& file, ByteRange range, std::uint64_t end_bytes) {
    const bool is_in_hand =
        range.offset_bytes == next_offset_bytes_ && range.end_bytes() <= in_hand_.end_bytes();
    if (!is_in_hand) {
      in_hand_ = {};
      const std::uint64_t wanted_end = std::min(end_bytes, range.offset_bytes + window_bytes_);
      buffer_.resize(std::max(range.end_bytes(), wanted_end) - range.offset_bytes);
      file.read(range.offset_bytes, buffer_);
      in_hand_ = {range.offset_bytes, buffer_.size()};
    }
    next_offset_bytes_ = range.end_bytes();
    return ByteView(buffer_).subspan(range.offset_bytes - in_hand_.offset_bytes,
                                     range.length_bytes);
  }

 private:
  std::uint64_t window_bytes_;
  ByteRange in_hand_;
  std::uint64_t next_offset_bytes_ = 0;
  Bytes buffer_;
};

}  // namespace libregion
