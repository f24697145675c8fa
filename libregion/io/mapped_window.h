// A part of a file, mapped for reading. Looking at pages that are in memory already takes no copy
// of them, so that it is faster than reading; and as only a part is mapped, what has been looked at
// does not count as memory of the process for long. What is not in memory is not mapped: the
// system would read it in small pieces, one after the other.
//
// A mapped byte that cannot be had, because the disk fails or the file was cut, is the signal
// SIGBUS. It is caught: the page becomes zeros, the window is torn, and whoever looks at it goes
// on. A SIGBUS that is no window's is left to whoever handled it before.

#pragma once

#include <atomic>
#include <cstdint>

#include "libregion/io/file_system.h"

namespace libregion {

class MappedWindow {
 public:
  MappedWindow() = default;
  MappedWindow(const MappedWindow&) = delete;
  MappedWindow& operator=(const MappedWindow&) = delete;
  ~MappedWindow() { unmap(); }

  // The bytes of the file, which must always be the same one; they last until the next view. Empty
  // where they are not in memory, or cannot be mapped: reading them tells why.
  ByteView view(int descriptor, ByteRange range);

  // Whether a byte of the window in hand could not be had.
  [[nodiscard]] bool is_torn() const { return guard_ != nullptr && guard_->is_torn; }

  void unmap();

  // What the signal handler knows of a window. Free while `begin` is nullptr.
  struct Guard {
    std::atomic<std::byte*> begin{nullptr};
    std::atomic<std::byte*> end{nullptr};
    std::atomic<bool> is_torn{false};
  };

 private:
  bool map(int descriptor, ByteRange range);

  ByteRange mapped_;  // of the file
  std::byte* begin_ = nullptr;
  Guard* guard_ = nullptr;
};

}  // namespace libregion
