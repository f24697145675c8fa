// Where a file surely holds zeros, found without reading it.

#pragma once

#include <cstdint>

#include "libregion/io/file_system.h"

namespace libregion {

// Of one file that does not change. It remembers one stretch: who goes through the file in order
// asks the system once for each.
class KnownZeros {
 public:
  // How many bytes from the offset on are known to be zero. None where the file's holes are not to
  // be trusted.
  [[nodiscard]] std::uint64_t length_at(const File& file, std::uint64_t offset_bytes);

  // Where the data end that the last answer was about.
  [[nodiscard]] std::uint64_t data_end_bytes() const { return data_.end_bytes(); }

 private:
  std::uint64_t hole_begin_bytes_ = 0;  // the hole ends where the data begin
  ByteRange data_;
};

}  // namespace libregion
