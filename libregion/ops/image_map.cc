#include "libregion/ops/image_map.h"

#include <fmt/format.h>

#include "libregion/base/assert.h"

namespace libregion {
namespace {

constexpr std::size_t buffered_max = std::size_t{256} << 10;

}  // namespace

void ImageMap::start(std::uint64_t /*size_bytes*/) {
  map_.start(0);
  text_ = "[";
}

void ImageMap::write(std::uint64_t offset_bytes, ByteView source) {
  add({offset_bytes, source.size()}, /*is_data=*/true);
}

void ImageMap::write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  add({offset_bytes, length_bytes}, /*is_data=*/false);
}

void ImageMap::copy_from(const File& /*source*/, const FileCopy& copy) {
  add({copy.target_offset_bytes, copy.source.length_bytes}, /*is_data=*/true);
}

void ImageMap::add(ByteRange range, bool is_data) {
  LIBREGION_ASSERT(range.offset_bytes == stretch_.end_bytes());
  if (is_data == is_data_) {
    stretch_.length_bytes += range.length_bytes;
    return;
  }
  end_stretch();
  stretch_ = range;
  is_data_ = is_data;
}

void ImageMap::end_stretch() {
  if (stretch_.length_bytes == 0) return;
  text_ += fmt::format(
      "{0}{{ \"start\": {1}, \"length\": {2}, \"depth\": 0, \"present\": true, \"zero\": {3}, "
      "\"data\": {4}, \"compressed\": false, \"offset\": {1}}}",
      has_stretches_ ? ",\n" : "", stretch_.offset_bytes, stretch_.length_bytes, !is_data_,
      is_data_);
  has_stretches_ = true;
  if (text_.size() >= buffered_max) flush();
}

void ImageMap::flush() {
  map_.write(text_offset_bytes_, as_byte_view(text_));
  text_offset_bytes_ += text_.size();
  text_.clear();
}

void ImageMap::sync() {
  end_stretch();
  text_ += "]\n";
  flush();
  map_.sync();
}

}  // namespace libregion
