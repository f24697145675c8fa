// Where an image goes to: a file, which appears whole or not at all, a block device, or a stream.
// None of it is the region's, so only the file is written through the seam.

#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "libregion/io/file_system.h"

namespace libregion {

class ImageTarget {
 public:
  ImageTarget() = default;
  ImageTarget(const ImageTarget&) = delete;
  ImageTarget& operator=(const ImageTarget&) = delete;
  // Without commit() a file is not kept.
  virtual ~ImageTarget() = default;

  // Whether it can be written in any order, from several threads at once. Else every byte comes
  // once, in order, zeros too.
  [[nodiscard]] virtual bool is_seekable() const = 0;
  // Whether write_zeros() takes less than writing zeros: it pays to look for them.
  [[nodiscard]] virtual bool skips_zeros() const = 0;
  // Nobody reads any more: what is written is dropped.
  [[nodiscard]] virtual bool is_closed() const { return false; }
  // Device and inode of a regular file that was there before, and is written over.
  [[nodiscard]] virtual std::optional<FileStatus> identity() const { return std::nullopt; }

  // Before the first write. Throws Error (failed) where so much does not fit.
  virtual void start(std::uint64_t size_bytes) = 0;
  virtual void write(std::uint64_t offset_bytes, ByteView source) = 0;
  virtual void write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) = 0;
  // Whether copy_from() can be had.
  [[nodiscard]] virtual bool copies_files() const { return false; }
  virtual void copy_from(const File& source, const FileCopy& copy);

  // A failure of either is final: leave() is all that may follow.
  virtual void sync() = 0;
  virtual void commit() = 0;
  // Nothing is removed any more.
  virtual void leave() {}
};

struct ImageTargetOptions {
  bool sparse = true;                       // zeros of a new file are holes
  bool replace = false;                     // a file that is there
  bool target_is_zero = false;              // a device: its zeros need no writing
  const std::atomic<bool>* stop = nullptr;  // ends the waiting for a reader with Error (stopped)
};

// A file of this name; see staged_file.h.
std::unique_ptr<ImageTarget> make_file_target(FileSystem& file_system, const std::string& path,
                                              const ImageTargetOptions& options);

// Whatever the path names, or will name; "-" is standard output. Throws Error: usage where that is
// a terminal, in_use where a device is mounted or otherwise in use.
std::unique_ptr<ImageTarget> open_image_target(FileSystem& file_system, const std::string& path,
                                               const ImageTargetOptions& options);

}  // namespace libregion
