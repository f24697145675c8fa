#include "libregion/ops/image_importer.h"

#include "libregion/ops/parallel.h"

namespace libregion {

void ImageImporter::run() {
  run_on_threads(options_.jobs, [&] {
    try {
      import_chunks();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      has_failed_ = true;
      throw;
    }
  });
}

void ImageImporter::import_chunks() {
  Work work{ImageChunk(geometry_), nullptr};
  while (read(work)) {
    work.chunk.hash();
    const std::uint64_t written_blocks = write(work);
    if (is_finished_with(work, written_blocks)) options_.finish_extent(*work.extent);
    work.extent.reset();
  }
}

// False at the end of the image, and where another thread has failed.
bool ImageImporter::read(Work& work) {
  const std::lock_guard lock(mutex_);
  if (has_failed_ || !image_.has_more()) return false;
  if (extent_ == nullptr) extent_ = options_.begin_extent();
  work.extent = extent_;
  work.first = extent_->read_blocks;
  image_.read(work.chunk, geometry_.extent_size_blocks() - work.first);
  extent_->read_blocks += work.chunk.block_count();
  ++extent_->chunks_in_hand;
  extent_->is_read = extent_->read_blocks == geometry_.extent_size_blocks() || !image_.has_more();
  if (extent_->is_read) extent_.reset();
  return true;
}

// Runs of blocks that are to be written, each in one write; returns how many blocks those are.
std::uint64_t ImageImporter::write(const Work& work) const {
  const ImageChunk& chunk = work.chunk;
  const auto is_skipped = [&](std::uint64_t i) { return options_.skip_zeros && chunk.is_zero(i); };
  std::uint64_t written_blocks = 0;
  std::uint64_t i = 0;
  while (i < chunk.block_count()) {
    if (is_skipped(i)) {
      ++i;
      continue;
    }
    const std::uint64_t run_first = i;
    for (; i < chunk.block_count() && !is_skipped(i); ++i) {
      const std::uint64_t hash = chunk.hash_of(i);
      work.extent->contexts.set(work.first + i, {hash, std::nullopt, hash, 0});
    }
    const ByteView run = chunk.data(run_first, i);
    const std::uint64_t offset_bytes = geometry_.block_offset_bytes(work.first + run_first);
    work.extent->file->write(offset_bytes, run);
    work.extent->file->will_sync({offset_bytes, run.size()});
    written_blocks += i - run_first;
  }
  return written_blocks;
}

// Whether nothing of the extent is left to be written; true for one chunk of each extent.
bool ImageImporter::is_finished_with(const Work& work, std::uint64_t written_blocks) {
  const std::lock_guard lock(mutex_);
  written_blocks_ += written_blocks;
  return --work.extent->chunks_in_hand == 0 && work.extent->is_read;
}

}  // namespace libregion
