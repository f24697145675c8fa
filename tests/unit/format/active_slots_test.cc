#include "libregion/format/active_slots.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/base/throwing_assertions.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

TEST_CASE("active-slot bits take one byte for every eight blocks begun") {
  CHECK(active_slots_bytes(1) == 1);
  CHECK(active_slots_bytes(7) == 1);
  CHECK(active_slots_bytes(8) == 1);
  CHECK(active_slots_bytes(9) == 2);
  CHECK(active_slots_bytes(16) == 2);
  CHECK(active_slots_bytes(17) == 3);
  CHECK(active_slots_bytes(133) == 17);
  CHECK(active_slots_bytes(16384) == 2048);
  CHECK(active_slots_bytes(1048576) == 131072);
}

TEST_CASE("new slots are all A, and all bytes zero") {
  for (std::uint64_t count = 1; count <= 17; ++count) {
    const ActiveSlots slots(count);
    CHECK(slots.bytes().size() == (count <= 8 ? 1 : count <= 16 ? 2 : 3));
    CHECK(all_zero(slots.bytes()));
    for (std::uint64_t block = 0; block < count; ++block) {
      CHECK(slots.at(block) == ContextSlot::A);
    }
  }
}

TEST_CASE("an extent without blocks has no slots") {
  ActiveSlots slots(0);
  slots.set_all(ContextSlot::B);
  slots.clear_unused_bits();
  CHECK(slots.bytes().empty());
}

TEST_CASE("block i is bit i % 8, the least significant first, of byte i / 8") {
  const char* expected[] = {"010000", "020000", "040000", "080000", "100000", "200000",
                            "400000", "800000", "000100", "000200", "000400", "000800",
                            "001000", "002000", "004000", "008000", "000001"};
  for (std::uint64_t block = 0; block < 17; ++block) {
    CAPTURE(block);
    ActiveSlots slots(17);
    slots.set(block, ContextSlot::B);
    CHECK(spelled(slots.bytes()) == expected[block]);
  }
}

TEST_CASE("bits as read from disk say which slot is active: 0 is A, 1 is B") {
  const ActiveSlots slots(10, bytes_of("05 02"));
  for (std::uint64_t block = 0; block < 10; ++block) {
    CAPTURE(block);
    const bool is_b = block == 0 || block == 2 || block == 9;
    CHECK(slots.at(block) == (is_b ? ContextSlot::B : ContextSlot::A));
  }
}

TEST_CASE("setting one block leaves the others as they are") {
  ActiveSlots slots(10, bytes_of("ff 03"));
  slots.set(9, ContextSlot::A);
  slots.set(0, ContextSlot::A);
  slots.set(1, ContextSlot::B);
  CHECK(spelled(slots.bytes()) == "fe01");
}

TEST_CASE("unused bits of the last byte are found, and kept as they were") {
  CHECK(ActiveSlots(12, bytes_of("ff 0f")).unused_bits() == 0x00);
  CHECK(ActiveSlots(12, bytes_of("ff f0")).unused_bits() == 0xF0);
  CHECK(ActiveSlots(12, bytes_of("00 4f")).unused_bits() == 0x40);
  ActiveSlots slots(12, bytes_of("00 f0"));
  slots.set(8, ContextSlot::B);
  CHECK(spelled(slots.bytes()) == "00f1");
  slots.clear_unused_bits();
  CHECK(spelled(slots.bytes()) == "0001");
  ActiveSlots all_used(16, bytes_of("ff ff"));
  all_used.clear_unused_bits();
  CHECK(spelled(all_used.bytes()) == "ffff");
}

TEST_CASE("with 1 to 17 blocks, exactly the bits above the last block are unused") {
  const unsigned expected[] = {0xFE, 0xFC, 0xF8, 0xF0, 0xE0, 0xC0, 0x80, 0x00};
  for (std::uint64_t count = 1; count <= 17; ++count) {
    CAPTURE(count);
    const Bytes ones((count + 7) / 8, std::byte{0xFF});
    CHECK(ActiveSlots(count, ones).unused_bits() == expected[(count - 1) % 8]);
    CHECK(ActiveSlots(count).unused_bits() == 0);
  }
}

TEST_CASE("random slots come back from their bytes") {
  Random random(11);
  for (std::uint64_t count = 1; count <= 200; ++count) {
    ActiveSlots slots(count);
    std::vector<ContextSlot> chosen;
    for (std::uint64_t block = 0; block < count; ++block) {
      chosen.push_back(random.coin() ? ContextSlot::B : ContextSlot::A);
      slots.set(block, chosen.back());
    }
    const ActiveSlots read(count, slots.bytes());
    REQUIRE(read.unused_bits() == 0);
    for (std::uint64_t block = 0; block < count; ++block) {
      REQUIRE(read.at(block) == chosen[block]);
    }
  }
}

TEST_CASE("all slots at once: the unused bits stay as they are") {
  ActiveSlots slots(12, bytes_of("05 f2"));
  slots.set_all(ContextSlot::B);
  CHECK(spelled(slots.bytes()) == "ffff");
  slots.set_all(ContextSlot::A);
  CHECK(spelled(slots.bytes()) == "00f0");
}

TEST_CASE("64 blocks at a time: those whose slot is in an array, none behind the last") {
  Random random(5);
  for (std::uint64_t count = 1; count <= 200; ++count) {
    CAPTURE(count);
    const ActiveSlots slots(count, random.bytes(active_slots_bytes(count)));
    for (std::uint64_t first = 0; first < count; first += 64) {
      const std::uint64_t in_a = slots.blocks_in(ContextSlot::A, first);
      const std::uint64_t in_b = slots.blocks_in(ContextSlot::B, first);
      REQUIRE((in_a & in_b) == 0);
      for (std::uint64_t i = 0; i < 64; ++i) {
        const bool is_block = first + i < count;
        REQUIRE(((in_a | in_b) >> i & 1U) == (is_block ? 1 : 0));
        if (is_block) REQUIRE((in_b >> i & 1U) == (slots.at(first + i) == ContextSlot::B ? 1 : 0));
      }
    }
  }
}

TEST_CASE("blocks beyond the last and bits of another size are refused") {
  const ThrowingAssertions throwing;
  ActiveSlots slots(12);
  CHECK_THROWS_AS((void)slots.at(12), BrokenInvariant);
  CHECK_THROWS_AS(slots.set(12, ContextSlot::A), BrokenInvariant);
  CHECK_THROWS_AS((void)slots.blocks_in(ContextSlot::A, 1), BrokenInvariant);
  CHECK_THROWS_AS((void)slots.blocks_in(ContextSlot::A, 64), BrokenInvariant);
  CHECK_THROWS_AS(ActiveSlots(12, Bytes(1)), BrokenInvariant);
  CHECK_THROWS_AS(ActiveSlots(12, Bytes(3)), BrokenInvariant);
}

}  // namespace
}  // namespace libregion
