#include "libregion/ops/image_reader.h"

#include <algorithm>

#include "libregion/base/checked.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::uint64_t image_chunk_bytes = std::uint64_t{1} << 20;

}  // namespace

bool ImageReader::has_more() {
  if (!next_byte_ && !ended_) {
    Bytes byte(1);
    ended_ = image_.read(byte) == 0;
    if (!ended_) next_byte_ = byte[0];
  }
  return !ended_;
}

std::uint64_t ImageReader::read_blocks(std::uint64_t count_max) {
  LIBREGION_ASSERT(count_max > 0 && next_byte_.has_value());
  const std::uint64_t chunk_blocks =
      std::max<std::uint64_t>(1, image_chunk_bytes >> geometry_.shift());
  chunk_.resize(std::min(chunk_blocks, count_max) << geometry_.shift());
  chunk_[0] = *next_byte_;
  next_byte_.reset();
  const std::size_t found_bytes = 1 + image_.read(MutableByteView(chunk_).subspan(1));
  ended_ = found_bytes < chunk_.size();
  imported_bytes_ += found_bytes;
  const std::uint64_t blocks = divide_rounding_up(found_bytes, geometry_.block_size_bytes());
  chunk_.resize(blocks << geometry_.shift());
  missing_bytes_ = chunk_.size() - found_bytes;
  std::fill(chunk_.begin() + static_cast<std::ptrdiff_t>(found_bytes), chunk_.end(), std::byte{0});
  hashes_.resize(blocks);
  on_disk_hashes(chunk_, geometry_.block_size_bytes(), hashes_);
  return blocks;
}

ByteView ImageReader::data(std::uint64_t first, std::uint64_t end) const {
  return ByteView(chunk_).subspan(first << geometry_.shift(), (end - first) << geometry_.shift());
}

bool ImageReader::is_zero(std::uint64_t block) const { return all_zero(data(block)); }

void ImageReader::fill_missing(ByteView block_data) {
  LIBREGION_ASSERT(block_data.size() == geometry_.block_size_bytes());
  const ByteView rest = block_data.last(missing_bytes_);
  std::copy(rest.begin(), rest.end(), chunk_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  missing_bytes_ = 0;
  hashes_.back() = on_disk_hash(data(hashes_.size() - 1));
}

}  // namespace libregion
