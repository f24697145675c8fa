#include "libregion/format/units.h"

#include <bit>

#include <fmt/format.h>

namespace libregion {

std::variant<Geometry, GeometryProblem> Geometry::make(std::uint64_t block_size_bytes,
                                                       std::uint64_t extent_size_blocks) {
  const bool in_range = block_size_bytes >= std::uint64_t{1} << shift_min &&
                        block_size_bytes <= std::uint64_t{1} << shift_max;
  if (!in_range || !std::has_single_bit(block_size_bytes)) {
    return GeometryProblem{GeometryProblem::Number::block_size,
                           "a block size of 512, 1024, 2048, 4096, 8192, 16384 or 32768 bytes",
                           fmt::format("{}", block_size_bytes)};
  }
  const auto shift = static_cast<std::uint32_t>(std::countr_zero(block_size_bytes));
  const std::uint64_t blocks_max = extent_data_bytes_max >> shift;
  if (extent_size_blocks < 1 || extent_size_blocks > blocks_max) {
    return GeometryProblem{GeometryProblem::Number::extent_size,
                           fmt::format("an extent size of 1 to {} blocks of {} bytes (512 MiB)",
                                       blocks_max, block_size_bytes),
                           fmt::format("{}", extent_size_blocks)};
  }
  return Geometry(shift, extent_size_blocks);
}

}  // namespace libregion
