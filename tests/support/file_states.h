// What a crash may leave of one file of a MemoryFileSystem, where sectors become durable in any
// order.

#pragma once

#include <map>
#include <vector>

#include "tests/support/crash_model.h"

namespace libregion {

// A sector that may be left in one of several versions, all of them different. The first is the
// durable one; where there was none, zeros or garbage.
struct SectorVersions {
  std::uint64_t number = 0;
  std::vector<Bytes> versions;
};

// What may be left of a file whose sectors become durable in any order.
class FileStates {
 public:
  // With one of its sizes.
  struct Shape {
    std::uint64_t size_bytes = 0;
    std::uint64_t kept_bytes = 0;  // of what was durable; behind that are zeros, but for `sectors`
    std::vector<SectorVersions> sectors;  // ascending
  };

  FileStates(const MemoryNode& file, CrashModel model);

  [[nodiscard]] std::size_t sector_bytes() const { return sector_bytes_; }
  // One for each size that it had, the durable one first.
  [[nodiscard]] const std::vector<Shape>& shapes() const { return shapes_; }
  // Its bytes with these versions of its sectors, by number; the last one where there are not so
  // many.
  [[nodiscard]] Bytes content(
      std::size_t shape, const std::map<std::uint64_t, std::uint32_t>& version_of_sector) const;

 private:
  [[nodiscard]] Shape trace(std::size_t size_changes) const;

  const MemoryNode& file_;
  std::size_t sector_bytes_;
  bool has_garbage_;
  std::vector<Shape> shapes_;
};

}  // namespace libregion
