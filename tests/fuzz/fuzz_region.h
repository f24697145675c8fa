// A region in memory of one extent, whose files come from a fuzzer.

#pragma once

#include "libregion/format/units.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

// The first bytes of an input.
struct FuzzGeometry {
  static constexpr std::size_t bytes = 3;

  static FuzzGeometry of(ByteView input);
  [[nodiscard]] Geometry geometry() const;

  std::uint64_t block_size_bytes = 512;  // to 4096
  std::uint64_t block_count = 1;         // to 16
  bool encrypted = false;
};

class FuzzRegion {
 public:
  explicit FuzzRegion(const FuzzGeometry& geometry);

  void put(const std::string& name, ByteView content);  // of a file beside the extent's

  // Verifies, defragments and migrates it. Nothing but an Error may be thrown; looking changes
  // nothing; what had no errors has none afterwards; and memory is bounded by the input's size.
  void run_everything(std::size_t input_bytes);

 private:
  struct Verdict {
    bool was_possible = false;
    std::uint64_t error_count = 0;
    bool operator==(const Verdict&) const = default;
  };
  Verdict verify();
  void check_twice(const char* what, const std::function<void(const struct Region&)>& operation);

  MemoryFileSystem memory_;
};

}  // namespace libregion
