#include "libregion/format/hash_kernels/block_hashes.h"

#include <atomic>
#include <bit>

// The state of a stream is on the stack: its layout is part of the library's ABI.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "libregion/format/hash_kernels/stripe_kernel.h"

namespace libregion {
namespace {

constexpr std::uint64_t prime_3 = 0x165667B19E3779F9;
constexpr std::uint64_t prime_4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t prime_5 = 0x27D4EB2F165667C5;

// Stands for the library in the choice of a kernel.
constexpr StripeKernel library{"library", 1, nullptr};

const StripeKernel* fastest_kernel() {
  if (const StripeKernel* kernel = find_avx512_kernel()) return kernel;
  if (const StripeKernel* kernel = find_avx2_kernel()) return kernel;
  return &library;
}

std::atomic<const StripeKernel*>& kernel_in_use() {
  static std::atomic<const StripeKernel*> kernel = fastest_kernel();
  return kernel;
}

std::uint64_t hash_by_library(const BlockStream& stream, std::size_t data_bytes) {
  if (stream.head == nullptr) return XXH64(stream.data, data_bytes, 0);
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  XXH64_update(&state, stream.head, block_head_bytes);
  XXH64_update(&state, stream.data, data_bytes);
  return XXH64_digest(&state);
}

std::uint64_t add_word(std::uint64_t accumulator, std::uint64_t word) {
  return std::rotl(accumulator + word * xxh64_prime_2, 31) * xxh64_prime_1;
}

// Puts the lane behind the first stripe where a head is in it.
StripeLane begin_lane(const BlockStream& stream) {
  StripeLane lane{stream.data, {xxh64_prime_1 + xxh64_prime_2, xxh64_prime_2, 0, -xxh64_prime_1}};
  if (stream.head == nullptr) return lane;
  constexpr std::size_t rest_bytes = stripe_bytes - block_head_bytes;
  std::array<std::byte, stripe_bytes> stripe{};
  std::memcpy(stripe.data(), stream.head, block_head_bytes);
  std::memcpy(stripe.data() + block_head_bytes, stream.data, rest_bytes);
  Decoder in(stripe);
  for (std::uint64_t& accumulator : lane.accumulators)
    accumulator = add_word(accumulator, in.u64());
  lane.stripes += rest_bytes;
  return lane;
}

std::uint64_t merge(const std::array<std::uint64_t, 4>& accumulators) {
  const auto& [a, b, c, d] = accumulators;
  std::uint64_t hash = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
  for (const std::uint64_t accumulator : accumulators) {
    hash = (hash ^ add_word(0, accumulator)) * xxh64_prime_1 + prime_4;
  }
  return hash;
}

// What is left behind the last whole stripe.
std::uint64_t add_rest(std::uint64_t hash, ByteView rest) {
  Decoder in(rest);
  while (rest.size() - in.offset_bytes() >= 8) {
    hash = std::rotl(hash ^ add_word(0, in.u64()), 27) * xxh64_prime_1 + prime_4;
  }
  if (rest.size() - in.offset_bytes() >= 4) {
    hash = std::rotl(hash ^ in.u32() * xxh64_prime_1, 23) * xxh64_prime_2 + prime_3;
  }
  while (in.offset_bytes() < rest.size()) {
    hash = std::rotl(hash ^ in.u8() * prime_5, 11) * xxh64_prime_1;
  }
  return hash;
}

std::uint64_t spread_bits(std::uint64_t hash) {
  hash = (hash ^ hash >> 33U) * xxh64_prime_2;
  hash = (hash ^ hash >> 29U) * prime_3;
  return hash ^ hash >> 32U;
}

// Fewer streams than lanes: the last one fills the others.
void hash_side_by_side(const StripeKernel& kernel, std::span<const BlockStream> streams,
                       std::size_t data_bytes, std::span<std::uint64_t> hashes) {
  const bool has_head = streams.front().head != nullptr;
  const std::size_t in_stripes_bytes =
      has_head ? data_bytes - (stripe_bytes - block_head_bytes) : data_bytes;
  const std::size_t stripe_count = in_stripes_bytes / stripe_bytes;
  std::array<StripeLane, lane_count_max> lanes;
  for (std::size_t i = 0; i < kernel.lane_count; ++i) {
    lanes[i] = begin_lane(streams[std::min(i, streams.size() - 1)]);
  }
  kernel.add_stripes(std::span(lanes).first(kernel.lane_count), stripe_count);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const std::size_t total_bytes = data_bytes + (has_head ? block_head_bytes : 0);
    const ByteView rest(lanes[i].stripes + stripe_count * stripe_bytes,
                        in_stripes_bytes % stripe_bytes);
    hashes[i] = spread_bits(add_rest(merge(lanes[i].accumulators) + total_bytes, rest));
  }
}

}  // namespace

void hash_block_streams(std::span<const BlockStream> streams, std::size_t data_bytes,
                        std::span<std::uint64_t> hashes) {
  LIBREGION_ASSERT(data_bytes >= stripe_bytes && streams.size() == hashes.size());
  const StripeKernel& kernel = *kernel_in_use();
  for (std::size_t first = 0; first < streams.size();) {
    const std::size_t count = std::min(kernel.lane_count, streams.size() - first);
    // A kernel takes as long for few blocks as for all that it has lanes for.
    if (count * 2 >= kernel.lane_count && kernel.add_stripes != nullptr) {
      hash_side_by_side(kernel, streams.subspan(first, count), data_bytes,
                        hashes.subspan(first, count));
    } else {
      for (std::size_t i = first; i < first + count; ++i) {
        hashes[i] = hash_by_library(streams[i], data_bytes);
      }
    }
    first += count;
  }
}

std::vector<std::string_view> hash_kernel_names() {
  std::vector<std::string_view> names;
  for (const StripeKernel* kernel : {find_avx512_kernel(), find_avx2_kernel(), &library}) {
    if (kernel != nullptr) names.push_back(kernel->name);
  }
  return names;
}

std::string_view chosen_hash_kernel() { return kernel_in_use().load()->name; }

bool choose_hash_kernel(std::string_view name) {
  for (const StripeKernel* kernel : {find_avx512_kernel(), find_avx2_kernel(), &library}) {
    if (kernel == nullptr || kernel->name != name) continue;
    kernel_in_use() = kernel;
    return true;
  }
  return false;
}

}  // namespace libregion
