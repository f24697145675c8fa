// Filling the extents of a new region with an image, on several threads: one at a time reads the
// next chunk of it; hashing and writing it, and what ends an extent, go on beside that.

#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "libregion/format/slot_array.h"
#include "libregion/io/file_system.h"
#include "libregion/ops/image_reader.h"

namespace libregion {

// An extent in the making.
struct ImportedExtent {
  ImportedExtent(ExtentId extent, std::uint64_t block_count) : id(extent), contexts(block_count) {}

  ExtentId id;
  std::shared_ptr<Directory> leaf;
  std::unique_ptr<File> file;  // of its data
  SlotArray contexts;

  // The importer's.
  std::uint64_t read_blocks = 0;     // of the image, for this extent
  std::uint64_t chunks_in_hand = 0;  // read, and not written yet
  bool is_read = false;              // to its end, or the image's
};

class ImageImporter {
 public:
  struct Options {
    bool skip_zeros = false;  // blocks of zeros stay unwritten, without a context
    unsigned jobs = 1;
    // Makes the next extent, in their order, by one thread at a time.
    std::function<std::shared_ptr<ImportedExtent>()> begin_extent;
    // All its data are written, and its contexts known; from any thread.
    std::function<void(ImportedExtent&)> finish_extent;
  };
  ImageImporter(InputStream& image, const Geometry& geometry, Options options)
      : image_(image, geometry), geometry_(geometry), options_(std::move(options)) {}

  // Imports all of the image. The rest of a block that it ends in is zero.
  void run();

  [[nodiscard]] std::uint64_t imported_bytes() const { return image_.imported_bytes(); }
  [[nodiscard]] std::uint64_t written_blocks() const { return written_blocks_; }

 private:
  // What a thread has in hand: blocks of an extent, from `first` on.
  struct Work {
    ImageChunk chunk;
    std::shared_ptr<ImportedExtent> extent;
    std::uint64_t first = 0;
  };

  void import_chunks();
  bool read(Work& work);
  std::uint64_t write(const Work& work) const;
  bool is_finished_with(const Work& work, std::uint64_t written_blocks);

  ImageReader image_;
  Geometry geometry_;
  Options options_;

  std::mutex mutex_;
  std::shared_ptr<ImportedExtent> extent_;  // that is being read
  bool has_failed_ = false;
  std::uint64_t written_blocks_ = 0;
};

}  // namespace libregion
