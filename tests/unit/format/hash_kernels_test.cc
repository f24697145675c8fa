// Every kernel that this processor can run gives what the library gives, for every size, alignment
// and number of blocks.

#include <doctest/doctest.h>
#include <xxhash.h>

#include "libregion/format/hash_kernels/block_hashes.h"
#include "libregion/format/integrity.h"
#include "libregion/format/units.h"
#include "tests/support/random.h"
#include "tests/unit/base/throwing_assertions.h"

namespace libregion {
namespace {

// More than two groups of the widest kernel, and one block over.
constexpr std::size_t block_count_max = 17;

std::uint64_t hash_by_library(ByteView bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

// Calls test() with each kernel in turn; what was chosen before is chosen again afterwards.
template <class Test>
void with_every_kernel(const Test& test) {
  const std::string_view chosen = chosen_hash_kernel();
  for (const std::string_view kernel : hash_kernel_names()) {
    REQUIRE(choose_hash_kernel(kernel));
    INFO("kernel: ", std::string(kernel));
    test();
  }
  REQUIRE(choose_hash_kernel(chosen));
}

// Blocks of one size from some alignment on, each with a head of its own.
class Blocks {
 public:
  Blocks(std::size_t block_bytes, std::size_t alignment, Random& random)
      : block_bytes_(block_bytes),
        bytes_(random.bytes(alignment + block_count_max * block_bytes)),
        data_(ByteView(bytes_).subspan(alignment)),
        encryptions_(block_count_max) {
    for (EncryptionContext& encryption : encryptions_) {
      random.fill(encryption.nonce);
      random.fill(encryption.tag);
    }
    for (std::size_t i = 0; i < block_count_max; ++i) {
      on_disk_.push_back(hash_by_library(block(i)));
      Bytes stream(encryptions_[i].nonce.begin(), encryptions_[i].nonce.end());
      stream.insert(stream.end(), encryptions_[i].tag.begin(), encryptions_[i].tag.end());
      stream.insert(stream.end(), block(i).begin(), block(i).end());
      integrity_.push_back(hash_by_library(stream));
    }
  }

  // How many of the first `count` blocks get a wrong hash.
  [[nodiscard]] std::size_t wrong_hashes(std::size_t count) const {
    std::vector<std::uint64_t> hashes(count);
    on_disk_hashes(data_.first(count * block_bytes_), block_bytes_, hashes);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < count; ++i) wrong += hashes[i] != on_disk_[i] ? 1U : 0U;

    std::vector<EncryptedBlock> encrypted;
    for (std::size_t i = 0; i < count; ++i)
      encrypted.push_back({&encryptions_[i], block(i).data()});
    integrity_hashes(encrypted, block_bytes_, hashes);
    for (std::size_t i = 0; i < count; ++i) wrong += hashes[i] != integrity_[i] ? 1U : 0U;
    return wrong;
  }

 private:
  [[nodiscard]] ByteView block(std::size_t i) const {
    return data_.subspan(i * block_bytes_, block_bytes_);
  }

  std::size_t block_bytes_;
  Bytes bytes_;
  ByteView data_;
  std::vector<EncryptionContext> encryptions_;
  std::vector<std::uint64_t> on_disk_;
  std::vector<std::uint64_t> integrity_;
};

TEST_CASE("every kernel gives the library's hashes, at every block size, alignment and count") {
  constexpr std::size_t alignment_max = 63;
  constexpr std::size_t small_bytes = 1024;
  Random random(31);
  for (std::uint32_t shift = Geometry::shift_min; shift <= Geometry::shift_max; ++shift) {
    const std::size_t block_bytes = std::size_t{1} << shift;
    for (std::size_t alignment = 0; alignment <= alignment_max; ++alignment) {
      // How blocks are put into groups does not depend on their size.
      const bool is_small = block_bytes <= small_bytes;
      if (!is_small && alignment % 8 > 1 && alignment < alignment_max - 1) continue;
      const Blocks blocks(block_bytes, alignment, random);
      CAPTURE(block_bytes);
      CAPTURE(alignment);
      with_every_kernel([&] {
        const std::size_t count_min = is_small || alignment == 0 ? 1 : block_count_max;
        for (std::size_t count = count_min; count <= block_count_max; ++count) {
          CAPTURE(count);
          REQUIRE(blocks.wrong_hashes(count) == 0);
        }
      });
    }
  }
}

TEST_CASE("a number of bytes that is no whole number of stripes is hashed to its end") {
  Random random(32);
  for (std::size_t block_bytes = 32; block_bytes <= 200; ++block_bytes) {
    const Blocks blocks(block_bytes, 0, random);
    CAPTURE(block_bytes);
    with_every_kernel([&] { REQUIRE(blocks.wrong_hashes(8) == 0); });
  }
}

TEST_CASE("no block is read beyond its end, nor before its beginning") {
  // Where the tests run with AddressSanitizer, it sees that; elsewhere this sees less.
  Random random(33);
  with_every_kernel([&] {
    const Bytes bytes = random.bytes(8 * 512);
    std::vector<std::uint64_t> hashes(8);
    on_disk_hashes(bytes, 512, hashes);
    for (std::size_t i = 0; i < 8; ++i) {
      CHECK(hashes[i] == hash_by_library(ByteView(bytes).subspan(i * 512, 512)));
    }
  });
}

TEST_CASE("nothing is hashed of no blocks") {
  with_every_kernel([&] {
    on_disk_hashes({}, 512, {});
    integrity_hashes({}, 512, {});
  });
}

TEST_CASE("the library's own way is always there, and comes last") {
  CHECK(hash_kernel_names().back() == "library");
}

TEST_CASE("a kernel that is not there is not chosen, and another one stays") {
  const std::string_view chosen = chosen_hash_kernel();
  CHECK_FALSE(choose_hash_kernel("abacus"));
  CHECK_FALSE(choose_hash_kernel(""));
  CHECK(chosen_hash_kernel() == chosen);
}

TEST_CASE("a block of zeros has its hash without being hashed, in every size that blocks have") {
  for (std::uint32_t shift = Geometry::shift_min; shift <= Geometry::shift_max; ++shift) {
    const Bytes zeros(std::size_t{1} << shift);
    CHECK(zero_block_hash(zeros.size()) == hash_by_library(zeros));
  }
  const ThrowingAssertions throwing;
  CHECK_THROWS_AS((void)zero_block_hash(513), BrokenInvariant);
  CHECK_THROWS_AS((void)zero_block_hash(65'536), BrokenInvariant);
}

}  // namespace
}  // namespace libregion
