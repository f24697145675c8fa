#include "libregion/ops/image_importer.h"

namespace libregion {

Contexts ImageImporter::import_extent(File& file) {
  Contexts contexts(geometry_.extent_size_blocks());
  std::uint64_t block = 0;
  while (block < contexts.size() && has_more()) {
    const std::uint64_t count = image_.read_blocks(contexts.size() - block);
    write_chunk(file, block, count, contexts);
    block += count;
  }
  return contexts;
}

// Runs of blocks that are to be written, each in one write.
void ImageImporter::write_chunk(File& file, std::uint64_t first, std::uint64_t count,
                                Contexts& contexts) {
  std::uint64_t i = 0;
  while (i < count) {
    if (is_skipped(i)) {
      ++i;
      continue;
    }
    const std::uint64_t run_first = i;
    for (; i < count && !is_skipped(i); ++i) {
      contexts[first + i] = BlockContext{image_.hash(i), std::nullopt, image_.hash(i), 0};
    }
    file.write(geometry_.block_offset_bytes(first + run_first), image_.data(run_first, i));
    written_blocks_ += i - run_first;
  }
}

}  // namespace libregion
