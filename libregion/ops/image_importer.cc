#include "libregion/ops/image_importer.h"

#include <algorithm>

#include "libregion/base/checked.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::uint64_t import_chunk_bytes = std::uint64_t{1} << 20;

}  // namespace

bool ImageImporter::has_more() {
  if (!next_byte_ && !ended_) {
    Bytes byte(1);
    ended_ = image_.read(byte) == 0;
    if (!ended_) next_byte_ = byte[0];
  }
  return !ended_;
}

Contexts ImageImporter::import_extent(File& file) {
  Contexts contexts(geometry_.extent_size_blocks());
  const std::uint64_t chunk_blocks =
      std::max<std::uint64_t>(1, import_chunk_bytes >> geometry_.shift());
  std::uint64_t block = 0;
  while (block < contexts.size() && has_more()) {
    const std::uint64_t count = std::min<std::uint64_t>(chunk_blocks, contexts.size() - block);
    block += import_chunk(file, block, count, contexts);
  }
  return contexts;
}

// Returns the number of blocks that the image still filled, the last one perhaps in part.
std::uint64_t ImageImporter::import_chunk(File& file, std::uint64_t first, std::uint64_t count,
                                          Contexts& contexts) {
  chunk_.resize(count << geometry_.shift());
  chunk_[0] = *next_byte_;
  next_byte_.reset();
  const std::size_t found_bytes = 1 + image_.read(MutableByteView(chunk_).subspan(1));
  ended_ = found_bytes < chunk_.size();
  imported_bytes_ += found_bytes;
  const std::uint64_t blocks = divide_rounding_up(found_bytes, geometry_.block_size_bytes());
  chunk_.resize(blocks << geometry_.shift());
  std::fill(chunk_.begin() + static_cast<std::ptrdiff_t>(found_bytes), chunk_.end(), std::byte{0});
  hashes_.resize(blocks);
  on_disk_hashes(chunk_, geometry_.block_size_bytes(), hashes_);
  write_chunk(file, first, contexts);
  return blocks;
}

// Runs of blocks that are to be written, each in one write.
void ImageImporter::write_chunk(File& file, std::uint64_t first, Contexts& contexts) {
  const std::uint64_t blocks = hashes_.size();
  std::uint64_t i = 0;
  while (i < blocks) {
    if (is_skipped(i)) {
      ++i;
      continue;
    }
    const std::uint64_t run_first = i;
    for (; i < blocks && !is_skipped(i); ++i) {
      contexts[first + i] = BlockContext{hashes_[i], std::nullopt, hashes_[i], 0};
    }
    file.write(geometry_.block_offset_bytes(first + run_first), blocks_of_chunk(run_first, i));
    written_blocks_ += i - run_first;
  }
}

bool ImageImporter::is_skipped(std::uint64_t i) const {
  return skip_zeros_ && all_zero(blocks_of_chunk(i, i + 1));
}

ByteView ImageImporter::blocks_of_chunk(std::uint64_t first, std::uint64_t end) const {
  return ByteView(chunk_).subspan(first << geometry_.shift(), (end - first) << geometry_.shift());
}

}  // namespace libregion
