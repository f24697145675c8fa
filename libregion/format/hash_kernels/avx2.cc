// Four blocks, one in each register of 256 bits. AVX2 multiplies 32 bits by 32 bits: a product of
// 64 bits is put together from three of these.

#include "libregion/format/hash_kernels/stripe_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Inlined always: a call for each stripe would cost more than the stripe.
#define LIBREGION_AVX2 [[gnu::target("avx2")]]
#define LIBREGION_AVX2_INLINE [[gnu::target("avx2"), gnu::always_inline]] inline

namespace libregion {
namespace {

template <std::uint64_t factor>
LIBREGION_AVX2_INLINE __m256i multiply_by(__m256i value) {
  const __m256i low_factor = _mm256_set1_epi64x(static_cast<std::int64_t>(factor & 0xFFFF'FFFF));
  const __m256i high_factor = _mm256_set1_epi64x(static_cast<std::int64_t>(factor >> 32U));
  const __m256i low = _mm256_mul_epu32(value, low_factor);
  const __m256i middle =
      _mm256_add_epi64(_mm256_mul_epu32(value, high_factor),
                       _mm256_mul_epu32(_mm256_srli_epi64(value, 32), low_factor));
  return _mm256_add_epi64(low, _mm256_slli_epi64(middle, 32));
}

class Block {
 public:
  LIBREGION_AVX2_INLINE explicit Block(StripeLane& lane)
      : lane_(lane),
        accumulators_(
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lane.accumulators.data()))) {}

  LIBREGION_AVX2_INLINE void add_stripe(std::size_t offset_bytes) {
    const void* stripe = lane_.stripes + offset_bytes;
    const __m256i words = _mm256_loadu_si256(static_cast<const __m256i*>(stripe));
    const __m256i sum = _mm256_add_epi64(accumulators_, multiply_by<xxh64_prime_2>(words));
    const __m256i rotated = _mm256_or_si256(_mm256_slli_epi64(sum, 31), _mm256_srli_epi64(sum, 33));
    accumulators_ = multiply_by<xxh64_prime_1>(rotated);
  }

  LIBREGION_AVX2_INLINE void store() {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lane_.accumulators.data()), accumulators_);
  }

 private:
  StripeLane& lane_;
  __m256i accumulators_;
};

LIBREGION_AVX2 void add_stripes(std::span<StripeLane> lanes, std::size_t stripe_count) {
  Block block_0(lanes[0]);
  Block block_1(lanes[1]);
  Block block_2(lanes[2]);
  Block block_3(lanes[3]);
  for (std::size_t i = 0; i < stripe_count; ++i) {
    block_0.add_stripe(i * stripe_bytes);
    block_1.add_stripe(i * stripe_bytes);
    block_2.add_stripe(i * stripe_bytes);
    block_3.add_stripe(i * stripe_bytes);
  }
  block_0.store();
  block_1.store();
  block_2.store();
  block_3.store();
}

}  // namespace

const StripeKernel* find_avx2_kernel() {
  static constexpr StripeKernel kernel{"avx2", 4, add_stripes};
  return __builtin_cpu_supports("avx2") ? &kernel : nullptr;
}

}  // namespace libregion

#else

namespace libregion {
const StripeKernel* find_avx2_kernel() { return nullptr; }
}  // namespace libregion

#endif
