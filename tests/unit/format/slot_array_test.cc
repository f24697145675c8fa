#include "libregion/format/slot_array.h"

#include <doctest/doctest.h>

#include "tests/unit/base/throwing_assertions.h"

namespace libregion {
namespace {

TEST_CASE("a new array is zeros, and no block has a context") {
  const SlotArray slots(3);
  CHECK(slots.block_count() == 3);
  CHECK(slots.bytes().size() == 3 * 48);
  CHECK(all_zero(slots.bytes()));
  CHECK(slots.context_count() == 0);
  CHECK_FALSE(slots.has(2));
  CHECK(slots.at(2) == std::nullopt);
}

TEST_CASE("a context stands in its block's slot as it does on disk, and comes back") {
  const BlockContext plain{1, std::nullopt, 2, 3};
  BlockContext encrypted{4, EncryptionContext{}, 5, 6};
  encrypted.encryption->nonce[11] = std::byte{7};
  encrypted.encryption->tag[15] = std::byte{8};
  SlotArray slots(3);
  slots.set(2, encrypted);
  slots.set(1, encrypted);
  slots.set(1, plain);
  CHECK(slots.context_count() == 2);
  CHECK(slots.at(0) == std::nullopt);
  CHECK(slots.at(1) == plain);
  CHECK(slots.at(2) == encrypted);
  CHECK(slots.has(1));

  Bytes expected(3 * 48);
  encode_context_slot(plain, std::span(expected).subspan(48).first<48>());
  encode_context_slot(encrypted, std::span(expected).subspan(96).first<48>());
  CHECK(Bytes(slots.bytes().begin(), slots.bytes().end()) == expected);
}

TEST_CASE("blocks beyond the last are refused") {
  const ThrowingAssertions throwing;
  SlotArray slots(3);
  CHECK_THROWS_AS(slots.set(3, {}), BrokenInvariant);
  CHECK_THROWS_AS((void)slots.has(3), BrokenInvariant);
}

}  // namespace
}  // namespace libregion
