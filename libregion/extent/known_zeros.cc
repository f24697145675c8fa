#include "libregion/extent/known_zeros.h"

namespace libregion {

std::uint64_t KnownZeros::length_at(const File& file, std::uint64_t offset_bytes) {
  const bool is_known = offset_bytes >= hole_begin_bytes_ && offset_bytes < data_.end_bytes();
  if (!is_known) {
    const std::uint64_t file_bytes = file.status().size_bytes;
    const ByteRange none_before_end{file_bytes, 0};
    hole_begin_bytes_ = offset_bytes;
    data_ = file.trusts_holes() ? file.next_data(offset_bytes).value_or(none_before_end)
                                : ByteRange{0, file_bytes};
  }
  return data_.offset_bytes > offset_bytes ? data_.offset_bytes - offset_bytes : 0;
}

}  // namespace libregion
