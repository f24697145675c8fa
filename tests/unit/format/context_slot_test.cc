#include "libregion/format/context_slot.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

//            present, hash, encrypted
constexpr auto plain_spelled =
    "01 88 77 66 55 44 33 22 11 00"
    // on-disk hash, flush id
    "f8 f7 f6 f5 f4 f3 f2 f1 34 12";

constexpr auto encrypted_spelled =
    "01 88 77 66 55 44 33 22 11 01"
    // nonce
    "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab"
    // tag
    "b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 ba bb bc bd be bf"
    // on-disk hash, flush id
    "f8 f7 f6 f5 f4 f3 f2 f1 34 12";

BlockContext plain_context() {
  BlockContext context;
  context.hash = 0x1122334455667788;
  context.on_disk_hash = 0xF1F2F3F4F5F6F7F8;
  context.flush_id = 0x1234;
  return context;
}

BlockContext encrypted_context() {
  BlockContext context = plain_context();
  context.encryption.emplace();
  for (unsigned i = 0; i < 12; ++i) context.encryption->nonce[i] = static_cast<std::byte>(0xA0 + i);
  for (unsigned i = 0; i < 16; ++i) context.encryption->tag[i] = static_cast<std::byte>(0xB0 + i);
  return context;
}

BlockContext random_context(Random& random) {
  BlockContext context;
  context.hash = random.next();
  context.on_disk_hash = random.next();
  context.flush_id = static_cast<std::uint16_t>(random.next());
  if (random.coin()) {
    context.encryption.emplace();
    random.fill(context.encryption->nonce);
    random.fill(context.encryption->tag);
  }
  return context;
}

Bytes plain_slot() { return bytes_of(plain_spelled, 48); }
Bytes encrypted_slot() { return bytes_of(encrypted_spelled, 48); }

SlotView view(const Bytes& slot) { return ByteView(slot).first<48>(); }

// Encodes over bytes that are all ones, so that what is not written is seen.
Bytes encoded(const BlockContext& context) {
  Bytes slot(48, std::byte{0xFF});
  encode_context_slot(context, MutableByteView(slot).first<48>());
  return slot;
}

TEST_CASE("serialized sizes: 1 byte, 20 or 48 are what a slot holds, whatever its values") {
  CHECK(context_slot_bytes == 48);
  const auto used_bytes = [](const BlockContext& context) {
    std::array<std::byte, context_slot_bytes> slot{};
    encode_context_slot(context, slot);
    std::size_t used = slot.size();
    while (used > 0 && slot[used - 1] == std::byte{0}) --used;
    return used;
  };
  BlockContext largest{UINT64_MAX, std::nullopt, UINT64_MAX, UINT16_MAX};
  CHECK(used_bytes(largest) == plain_slot_bytes);
  CHECK(plain_slot_bytes == 20);
  largest.encryption.emplace();
  CHECK(used_bytes(largest) == context_slot_bytes);
  CHECK(empty_slot_bytes == 1);
}

TEST_CASE("a slot of zeros is empty") {
  CHECK(decode_context_slot(view(Bytes(48))) == SlotValue(EmptySlot{}));
}

TEST_CASE("a context that is not encrypted: 20 bytes, then zeros") {
  CHECK(decode_context_slot(view(plain_slot())) == SlotValue(plain_context()));
  CHECK(spelled(encoded(plain_context())) == spelled(plain_slot()));
}

TEST_CASE("an encrypted context fills all 48 bytes") {
  REQUIRE(encrypted_slot().size() == 48);
  CHECK(decode_context_slot(view(encrypted_slot())) == SlotValue(encrypted_context()));
  CHECK(spelled(encoded(encrypted_context())) == spelled(encrypted_slot()));
}

TEST_CASE("a slot from before flush ids holds 0 there") {
  Bytes slot = plain_slot();
  slot[18] = slot[19] = std::byte{0};
  BlockContext expected = plain_context();
  expected.flush_id = 0;
  CHECK(decode_context_slot(view(slot)) == SlotValue(expected));
}

TEST_CASE("the first presence byte: 0 is empty, 1 is present, all else is damage at offset 0") {
  for (unsigned value = 0; value < 256; ++value) {
    CAPTURE(value);
    Bytes slot = plain_slot();
    slot[0] = static_cast<std::byte>(value);
    const SlotValue decoded = decode_context_slot(view(slot));
    if (value == 0) {
      CHECK(decoded == SlotValue(EmptySlot{}));
    } else if (value == 1) {
      CHECK(decoded == SlotValue(plain_context()));
    } else {
      CHECK(decoded == SlotValue(BadSlot{0, static_cast<std::uint8_t>(value)}));
    }
  }
}

TEST_CASE("the second presence byte: 0 is plain, 1 is encrypted, all else is damage at offset 9") {
  for (unsigned value = 0; value < 256; ++value) {
    CAPTURE(value);
    Bytes slot = encrypted_slot();
    slot[9] = static_cast<std::byte>(value);
    const SlotValue decoded = decode_context_slot(view(slot));
    if (value == 0) {
      // The bytes of nonce and tag are then hash and flush id.
      BlockContext plain = plain_context();
      plain.on_disk_hash = 0xA7A6A5A4A3A2A1A0;
      plain.flush_id = 0xA9A8;
      CHECK(decoded == SlotValue(plain));
    } else if (value == 1) {
      CHECK(decoded == SlotValue(encrypted_context()));
    } else {
      CHECK(decoded == SlotValue(BadSlot{9, static_cast<std::uint8_t>(value)}));
    }
  }
}

TEST_CASE("an empty slot's second presence byte is not looked at") {
  Bytes slot(48);
  slot[9] = std::byte{2};
  CHECK(decode_context_slot(view(slot)) == SlotValue(EmptySlot{}));
}

TEST_CASE("where both presence bytes are damaged, the first is named") {
  Bytes slot(48);
  slot[0] = std::byte{7};
  slot[9] = std::byte{8};
  CHECK(decode_context_slot(view(slot)) == SlotValue(BadSlot{0, 7}));
}

TEST_CASE("bytes after the value are ignored, but found at every offset") {
  const auto check_stray = [](const Bytes& clean, std::size_t first_after_value) {
    const SlotValue expected = decode_context_slot(view(clean));
    CHECK(find_stray_byte(view(clean)) == std::nullopt);
    for (std::size_t offset = first_after_value; offset < 48; ++offset) {
      CAPTURE(offset);
      Bytes slot = clean;
      slot[offset] = std::byte{0x80};
      CHECK(decode_context_slot(view(slot)) == expected);
      CHECK(find_stray_byte(view(slot)) == offset);
    }
  };
  SUBCASE("of an empty slot, after byte 0") { check_stray(Bytes(48), 1); }
  SUBCASE("of a plain context, after byte 19") { check_stray(plain_slot(), 20); }
}

TEST_CASE("bytes of the value itself are never stray") {
  CHECK(find_stray_byte(view(Bytes(48, std::byte{1}))) == std::nullopt);  // encrypted, no zero
  Bytes plain(48);
  for (std::size_t i = 0; i < 20; ++i) plain[i] = std::byte{1};
  plain[9] = std::byte{0};
  CHECK(find_stray_byte(view(plain)) == std::nullopt);
}

TEST_CASE("of several stray bytes the first is named") {
  Bytes slot = plain_slot();
  slot[47] = slot[40] = std::byte{1};
  CHECK(find_stray_byte(view(slot)) == 40);
}

TEST_CASE("of a damaged slot nothing is called stray: its length is not known") {
  Bytes slot(48, std::byte{0xEE});
  CHECK(find_stray_byte(view(slot)) == std::nullopt);
  slot[0] = std::byte{1};
  CHECK(find_stray_byte(view(slot)) == std::nullopt);
}

TEST_CASE("each byte of a value matters: changing one changes what is decoded") {
  for (const Bytes& clean : {bytes_of(plain_spelled), bytes_of(encrypted_spelled)}) {
    Bytes slot = clean;
    slot.resize(48);
    const SlotValue before = decode_context_slot(view(slot));
    for (std::size_t offset = 0; offset < clean.size(); ++offset) {
      CAPTURE(offset);
      slot[offset] ^= std::byte{0x10};
      CHECK_FALSE(decode_context_slot(view(slot)) == before);
      slot[offset] ^= std::byte{0x10};
    }
  }
}

TEST_CASE("any context comes back from its slot, with nothing stray") {
  Random random(13);
  for (int i = 0; i < 10000; ++i) {
    const BlockContext context = random_context(random);
    const Bytes slot = encoded(context);
    REQUIRE(decode_context_slot(view(slot)) == SlotValue(context));
    REQUIRE(find_stray_byte(view(slot)) == std::nullopt);
  }
}

TEST_CASE("slots are named as their bits say") {
  CHECK(static_cast<int>(ContextSlot::A) == 0);
  CHECK(static_cast<int>(ContextSlot::B) == 1);
  CHECK(slot_letter(ContextSlot::A) == 'A');
  CHECK(slot_letter(ContextSlot::B) == 'B');
  CHECK(other_slot(ContextSlot::A) == ContextSlot::B);
  CHECK(other_slot(ContextSlot::B) == ContextSlot::A);
}

}  // namespace
}  // namespace libregion
