#include "libregion/ops/image_reader.h"

#include <algorithm>

#include "libregion/base/checked.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::uint64_t image_chunk_bytes = std::uint64_t{1} << 20;

}  // namespace

ByteView ImageChunk::data(std::uint64_t first, std::uint64_t end) const {
  return ByteView(data_).subspan(first << geometry_.shift(), (end - first) << geometry_.shift());
}

void ImageChunk::hash() {
  hashes_.resize(block_count());
  on_disk_hashes(data_, geometry_.block_size_bytes(), hashes_);
}

void ImageChunk::fill_missing(ByteView block_data) {
  LIBREGION_ASSERT(block_data.size() == geometry_.block_size_bytes());
  const ByteView rest = block_data.last(missing_bytes_);
  std::copy(rest.begin(), rest.end(), data_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  missing_bytes_ = 0;
  hashes_.back() = on_disk_hash(data(hashes_.size() - 1));
}

bool ImageReader::has_more() {
  if (!next_byte_ && !ended_) {
    Bytes byte(1);
    ended_ = image_.read(byte) == 0;
    if (!ended_) next_byte_ = byte[0];
  }
  return !ended_;
}

void ImageReader::read(ImageChunk& chunk, std::uint64_t count_max) {
  LIBREGION_ASSERT(count_max > 0 && next_byte_.has_value());
  const std::uint64_t chunk_blocks =
      std::max<std::uint64_t>(1, image_chunk_bytes >> geometry_.shift());
  Bytes& data = chunk.data_;
  data.resize(std::min(chunk_blocks, count_max) << geometry_.shift());
  data[0] = *next_byte_;
  next_byte_.reset();
  const std::size_t found_bytes = 1 + image_.read(MutableByteView(data).subspan(1));
  ended_ = found_bytes < data.size();
  imported_bytes_ += found_bytes;
  data.resize(divide_rounding_up(found_bytes, geometry_.block_size_bytes()) << geometry_.shift());
  chunk.missing_bytes_ = data.size() - found_bytes;
  std::fill(data.begin() + static_cast<std::ptrdiff_t>(found_bytes), data.end(), std::byte{0});
}

}  // namespace libregion
