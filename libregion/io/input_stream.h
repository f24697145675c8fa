// Bytes from outside a region, in order: a file, a device or a pipe to import from.

#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "libregion/format/bytes.h"
#include "libregion/io/file_descriptor.h"

namespace libregion {

class InputStream {
 public:
  // "-" is standard input. Once `stop` is set, waiting for more ends with Error (stopped).
  explicit InputStream(const std::string& path, const std::atomic<bool>* stop = nullptr);

  // Reads until `target` is full or the stream ends; returns the number of bytes read.
  std::size_t read(MutableByteView target);

  // For messages.
  [[nodiscard]] const std::string& path() const { return path_; }
  // Where it is known beforehand: of a regular file or a block device.
  [[nodiscard]] std::optional<std::uint64_t> size_bytes() const { return size_bytes_; }

 private:
  [[nodiscard]] int number() const;
  void wait_for_input() const;

  std::string path_;  // for messages
  const std::atomic<bool>* stop_;
  FileDescriptor descriptor_;  // not open for standard input, which is not ours to close
  std::optional<std::uint64_t> size_bytes_;
  std::uint64_t offset_bytes_ = 0;
};

}  // namespace libregion
