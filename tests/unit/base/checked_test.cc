#include "libregion/base/checked.h"

#include <limits>

#include <doctest/doctest.h>

namespace libregion {
namespace {

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("a sum is exact up to the largest number") {
  CHECK(checked_add(0, 0) == 0);
  CHECK(checked_add(2, 3) == 5);
  CHECK(checked_add(u64_max, 0) == u64_max);
  CHECK(checked_add(0, u64_max) == u64_max);
  CHECK(checked_add(u64_max - 7, 7) == u64_max);
}

TEST_CASE("a sum that does not fit is no number") {
  CHECK(checked_add(u64_max, 1) == std::nullopt);
  CHECK(checked_add(1, u64_max) == std::nullopt);
  CHECK(checked_add(u64_max - 7, 8) == std::nullopt);
  CHECK(checked_add(u64_max, u64_max) == std::nullopt);
}

TEST_CASE("a product is exact up to the largest number") {
  CHECK(checked_multiply(0, u64_max) == 0);
  CHECK(checked_multiply(u64_max, 0) == 0);
  CHECK(checked_multiply(6, 7) == 42);
  CHECK(checked_multiply(u64_max, 1) == u64_max);
  // 2^64 - 1 = 3 * 5 * 17 * 257 * 641 * 65537 * 6700417
  CHECK(checked_multiply(4294967295, 4294967297) == u64_max);
}

TEST_CASE("a product that does not fit is no number") {
  CHECK(checked_multiply(4294967296, 4294967296) == std::nullopt);
  CHECK(checked_multiply(u64_max, 2) == std::nullopt);
  CHECK(checked_multiply(2, u64_max) == std::nullopt);
  CHECK(checked_multiply(u64_max, u64_max) == std::nullopt);
}

TEST_CASE("a division rounds up, and never overflows on the way") {
  CHECK(divide_rounding_up(0, 8) == 0);
  CHECK(divide_rounding_up(1, 8) == 1);
  CHECK(divide_rounding_up(7, 8) == 1);
  CHECK(divide_rounding_up(8, 8) == 1);
  CHECK(divide_rounding_up(9, 8) == 2);
  CHECK(divide_rounding_up(u64_max, 1) == u64_max);
  CHECK(divide_rounding_up(u64_max, 2) == 9223372036854775808U);
  CHECK(divide_rounding_up(u64_max, u64_max) == 1);
  CHECK(divide_rounding_up(1, u64_max) == 1);
  static_assert(divide_rounding_up(16385, 8) == 2049);
}

}  // namespace
}  // namespace libregion
