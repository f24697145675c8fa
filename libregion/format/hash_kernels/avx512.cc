// Eight blocks, two in each register of 512 bits: their four accumulators side by side, so that a
// stripe is loaded as it is. AVX-512DQ has the multiplication.

#include "libregion/format/hash_kernels/stripe_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

// GCC 12 complains of what its own intrinsics leave undefined on purpose.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Inlined always: a call for each stripe would cost more than the stripe.
#define LIBREGION_AVX512 [[gnu::target("avx512f,avx512dq")]]
#define LIBREGION_AVX512_INLINE [[gnu::target("avx512f,avx512dq"), gnu::always_inline]] inline

namespace libregion {
namespace {

LIBREGION_AVX512_INLINE __m512i load_pair(const void* first, const void* second) {
  const __m256i low = _mm256_loadu_si256(static_cast<const __m256i*>(first));
  const __m256i high = _mm256_loadu_si256(static_cast<const __m256i*>(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

class BlockPair {
 public:
  LIBREGION_AVX512_INLINE BlockPair(StripeLane& first, StripeLane& second)
      : first_(first),
        second_(second),
        accumulators_(load_pair(first.accumulators.data(), second.accumulators.data())) {}

  LIBREGION_AVX512_INLINE void add_stripe(std::size_t offset_bytes) {
    const __m512i prime_1 = _mm512_set1_epi64(static_cast<std::int64_t>(xxh64_prime_1));
    const __m512i prime_2 = _mm512_set1_epi64(static_cast<std::int64_t>(xxh64_prime_2));
    const __m512i words = load_pair(first_.stripes + offset_bytes, second_.stripes + offset_bytes);
    const __m512i sum = _mm512_add_epi64(accumulators_, _mm512_mullo_epi64(words, prime_2));
    accumulators_ = _mm512_mullo_epi64(_mm512_rol_epi64(sum, 31), prime_1);
  }

  LIBREGION_AVX512_INLINE void store() {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(first_.accumulators.data()),
                        _mm512_castsi512_si256(accumulators_));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(second_.accumulators.data()),
                        _mm512_extracti64x4_epi64(accumulators_, 1));
  }

 private:
  StripeLane& first_;
  StripeLane& second_;
  __m512i accumulators_;
};

LIBREGION_AVX512 void add_stripes(std::span<StripeLane> lanes, std::size_t stripe_count) {
  BlockPair pair_0(lanes[0], lanes[1]);
  BlockPair pair_1(lanes[2], lanes[3]);
  BlockPair pair_2(lanes[4], lanes[5]);
  BlockPair pair_3(lanes[6], lanes[7]);
  for (std::size_t i = 0; i < stripe_count; ++i) {
    pair_0.add_stripe(i * stripe_bytes);
    pair_1.add_stripe(i * stripe_bytes);
    pair_2.add_stripe(i * stripe_bytes);
    pair_3.add_stripe(i * stripe_bytes);
  }
  pair_0.store();
  pair_1.store();
  pair_2.store();
  pair_3.store();
}

}  // namespace

const StripeKernel* find_avx512_kernel() {
  static constexpr StripeKernel kernel{"avx512", 8, add_stripes};
  const bool has_it = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
  return has_it ? &kernel : nullptr;
}

}  // namespace libregion

#else

namespace libregion {
const StripeKernel* find_avx512_kernel() { return nullptr; }
}  // namespace libregion

#endif
