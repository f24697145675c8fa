// Arithmetic on numbers that come from outside: an overflow is an answer, never a wrapped value.

#pragma once

#include <cstdint>
#include <optional>

namespace libregion {

[[nodiscard]] inline std::optional<std::uint64_t> checked_add(std::uint64_t left,
                                                              std::uint64_t right) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(left, right, &sum)) return std::nullopt;
  return sum;
}

[[nodiscard]] inline std::optional<std::uint64_t> checked_multiply(std::uint64_t left,
                                                                   std::uint64_t right) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(left, right, &product)) return std::nullopt;
  return product;
}

// The smallest n with n * divisor >= value; divisor must not be 0.
[[nodiscard]] constexpr std::uint64_t divide_rounding_up(std::uint64_t value,
                                                         std::uint64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

}  // namespace libregion
