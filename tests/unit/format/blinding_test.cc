// Blinding: the keyed hash, and what of a slot it changes.

#include "libregion/format/blinding.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

BlindingKey counting_key() {
  BlindingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
  return key;
}

// Of the bytes 0, 1, 2 ...
std::string hash_of_count(std::size_t size_bytes) {
  Bytes message(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i) message[i] = static_cast<std::byte>(i);
  return spelled(keyed_hash(counting_key(), message));
}

TEST_CASE("the keyed hash is SipHash-2-4-128") {
  // The first is the reference implementation's; all are OpenSSL's.
  CHECK(hash_of_count(0) == "a3817f04ba25a8e66df67214c7550293");
  CHECK(hash_of_count(9) == "264499060ad9baabc47f8b02bb6d71ed");
  CHECK(hash_of_count(16) == "6ee2a4ca67b054bbfd3315bf85230577");
  CHECK(hash_of_count(63) == "5150d1772f50834a503e069a973fbd7c");
}

TEST_CASE("equal stays equal under one key, and nothing else does") {
  Random random(1);
  EncryptionContext first;
  random.fill(first.nonce);
  random.fill(first.tag);
  EncryptionContext second = first;
  random.fill(second.tag);
  const BlindingKey key = counting_key();
  CHECK(blinded(first, key) == blinded(first, key));
  CHECK(blinded(first, key).nonce == blinded(second, key).nonce);
  CHECK(blinded(first, key).tag != blinded(second, key).tag);
  CHECK(blinded(first, key).nonce != first.nonce);
  CHECK(blinded(first, key).nonce != blinded(first, BlindingKey{}).nonce);
}

TEST_CASE("any slot keeps all but nonce, tag and what stray bytes are") {
  Random random(2);
  const BlindingKey key = counting_key();
  for (int i = 0; i < 20000; ++i) {
    Bytes slot = random.bytes(48);
    slot[0] = static_cast<std::byte>(random.below(3));
    slot[9] = static_cast<std::byte>(random.below(3));
    if (random.coin()) std::fill(slot.begin() + 30, slot.end(), std::byte{0});
    Bytes blind = slot;
    blind_slot(MutableByteView(blind).first<48>(), key);
    const SlotValue before = decode_context_slot(ByteView(slot).first<48>());
    const SlotValue after = decode_context_slot(ByteView(blind).first<48>());
    REQUIRE(before.index() == after.index());
    if (std::holds_alternative<BadSlot>(before)) {
      REQUIRE(before == after);
      REQUIRE(!std::equal(slot.begin() + 10, slot.begin() + 38, blind.begin() + 10));
      continue;
    }
    REQUIRE(find_stray_byte(ByteView(slot).first<48>()) ==
            find_stray_byte(ByteView(blind).first<48>()));
    const auto* context = std::get_if<BlockContext>(&before);
    if (context == nullptr) continue;
    BlockContext expected = *context;
    if (expected.encryption) expected.encryption = blinded(*expected.encryption, key);
    REQUIRE(std::get<BlockContext>(after) == expected);
  }
}

TEST_CASE("of stray bytes only that they are there stays") {
  Bytes slot = bytes_of("00 11 00 22", 48);
  blind_slot(MutableByteView(slot).first<48>(), counting_key());
  CHECK(slot == bytes_of("00 ff 00 ff", 48));
  // The presence byte of an encrypted slot that was lost.
  Bytes plain = bytes_of("01 1122334455667788 00 8877665544332211 0500 99 00 77", 48);
  blind_slot(MutableByteView(plain).first<48>(), counting_key());
  CHECK(plain == bytes_of("01 1122334455667788 00 8877665544332211 0500 ff 00 ff", 48));
}

}  // namespace
}  // namespace libregion
