// What things are counted in: extents, blocks, bytes.
//
// A region has `extent_count` extents of `extent_size_blocks` blocks of `block_size_bytes` bytes.
// Constraints (Geometry::make checks them):
//   block size    512 .. 32768 bytes, a power of two: 1 << shift, shift 9 .. 15
//   extent size   at least 1 block, at most 512 MiB of block data
// Block numbers count within an extent unless a name says `region_block`.

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "libregion/base/assert.h"

namespace libregion {

struct ExtentId {
  std::uint32_t value = 0;
  auto operator<=>(const ExtentId&) const = default;
};

// Blocks [first, first + count) of one extent.
struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool operator==(const BlockRange&) const = default;
  [[nodiscard]] std::uint64_t end() const { return first + count; }
};

// Which number is wrong, what it should have been, in words, and what it is.
struct GeometryProblem {
  enum class Number : std::uint8_t { block_size, extent_size };
  Number number;
  std::string expected;
  std::string found;
};

class Geometry {
 public:
  static constexpr std::uint32_t shift_min = 9;
  static constexpr std::uint32_t shift_max = 15;
  static constexpr std::uint64_t extent_data_bytes_max = std::uint64_t{512} << 20;

  static std::variant<Geometry, GeometryProblem> make(std::uint64_t block_size_bytes,
                                                      std::uint64_t extent_size_blocks);

  [[nodiscard]] std::uint64_t block_size_bytes() const { return std::uint64_t{1} << shift_; }
  [[nodiscard]] std::uint32_t shift() const { return shift_; }
  [[nodiscard]] std::uint64_t extent_size_blocks() const { return extent_size_blocks_; }
  [[nodiscard]] std::uint64_t extent_data_bytes() const { return extent_size_blocks_ << shift_; }
  [[nodiscard]] std::uint64_t block_offset_bytes(std::uint64_t block) const {
    LIBREGION_ASSERT(block <= extent_size_blocks_);
    return block << shift_;
  }
  // Extent number and extent size have at most 32 and 20 bits: the product cannot overflow.
  [[nodiscard]] std::uint64_t region_block(ExtentId extent, std::uint64_t block) const {
    return extent.value * extent_size_blocks_ + block;
  }
  bool operator==(const Geometry&) const = default;

 private:
  Geometry(std::uint32_t shift, std::uint64_t extent_size_blocks)
      : shift_(shift), extent_size_blocks_(extent_size_blocks) {}

  std::uint32_t shift_;
  std::uint64_t extent_size_blocks_;
};

}  // namespace libregion
