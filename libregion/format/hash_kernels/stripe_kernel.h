// XXH64 takes its input in stripes of 32 bytes, each of which goes into four accumulators, 8 bytes
// (little-endian) into each:
//   accumulator = rotate_left(accumulator + word * prime 2, 31) * prime 1
// A single block makes a processor wait for one multiplication after the other. Blocks do not
// depend on each other: a kernel takes the stripes of several side by side. What comes before the
// whole stripes and after them is the same for all kernels: see block_hashes.cc.
//
// A kernel is a file, compiled for any processor: what needs a certain one is in functions that
// carry its name, and is called only there.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace libregion {

constexpr std::size_t stripe_bytes = 4 * sizeof(std::uint64_t);
constexpr std::uint64_t xxh64_prime_1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t xxh64_prime_2 = 0xC2B2AE3D27D4EB4F;

struct StripeLane {
  const std::byte* stripes = nullptr;  // at any alignment
  std::array<std::uint64_t, 4> accumulators{};
};

constexpr std::size_t lane_count_max = 8;

struct StripeKernel {
  std::string_view name;
  std::size_t lane_count;  // at most lane_count_max
  // Takes stripe_count stripes in each of exactly lane_count lanes.
  void (*add_stripes)(std::span<StripeLane> lanes, std::size_t stripe_count);
};

// nullptr where the processor cannot run it.
const StripeKernel* find_avx512_kernel();
const StripeKernel* find_avx2_kernel();

}  // namespace libregion
