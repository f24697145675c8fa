#include "libregion/format/bytes.h"

#include <array>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/base/throwing_assertions.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

TEST_CASE("integers are written with their lowest byte first") {
  Bytes bytes(15);
  Encoder out(bytes);
  out.u8(0x01);
  out.u16(0x0302);
  out.u32(0x07060504);
  out.u64(0x0F0E0D0C0B0A0908);
  CHECK(spelled(bytes) == "0102030405060708090a0b0c0d0e0f");
  CHECK(out.offset_bytes() == 15);
}

TEST_CASE("integers are read with their lowest byte first") {
  const Bytes bytes = bytes_of("ff 02 03 04 05 06 f7 08 09 0a 0b 0c 0d 0e ff");
  Decoder in(bytes);
  CHECK(in.u8() == 0xFF);
  CHECK(in.u16() == 0x0302);
  CHECK(in.u32() == 0xF7060504);
  CHECK(in.u64() == 0xFF0E0D0C0B0A0908);
  CHECK(in.offset_bytes() == 15);
}

TEST_CASE("bytes are taken and put in their order") {
  const Bytes bytes = bytes_of("01 02 03 04 05");
  Decoder in(bytes);
  CHECK(spelled(in.take(2)) == "0102");
  CHECK(spelled(in.take_array<3>()) == "030405");
  CHECK(in.take(0).empty());

  Bytes copy(5);
  Encoder out(copy);
  out.put(ByteView(bytes).subspan(2));
  out.put(ByteView(bytes).first(2));
  CHECK(spelled(copy) == "0304050102");
}

TEST_CASE("zeros fill the rest of the span and nothing before it") {
  Bytes bytes = bytes_of("ff ff ff ff");
  Encoder out(bytes);
  out.u8(0xAA);
  out.zeros();
  CHECK(spelled(bytes) == "aa000000");
  CHECK(out.offset_bytes() == 4);
}

TEST_CASE("a cursor never leaves its span") {
  const ThrowingAssertions throwing;
  Bytes bytes(7);
  SUBCASE("reading") {
    Decoder in(bytes);
    CHECK_THROWS_AS(in.u64(), BrokenInvariant);
    CHECK(in.u32() == 0);
    CHECK_THROWS_AS(in.u32(), BrokenInvariant);
    CHECK_THROWS_AS(in.take(4), BrokenInvariant);
    CHECK(in.take(3).size() == 3);
    CHECK_THROWS_AS(in.u8(), BrokenInvariant);
  }
  SUBCASE("writing") {
    Encoder out(bytes);
    CHECK_THROWS_AS(out.u64(1), BrokenInvariant);
    CHECK_THROWS_AS(out.put(Bytes(8)), BrokenInvariant);
    out.put(Bytes(7));
    CHECK_THROWS_AS(out.u8(1), BrokenInvariant);
  }
}

TEST_CASE("all_zero sees a single byte, wherever it is") {
  CHECK(all_zero({}));
  CHECK(all_zero(Bytes(1)));
  CHECK_FALSE(all_zero(bytes_of("01")));
  // Bytes that are all alike, but not zero, are not zero either.
  CHECK_FALSE(all_zero(bytes_of("ff ff ff ff")));
  Bytes bytes(4096);
  CHECK(all_zero(bytes));
  for (std::byte& value : bytes) {
    value = std::byte{0x80};
    REQUIRE_FALSE(all_zero(bytes));
    value = std::byte{0};
  }
}

TEST_CASE("text and bytes become one another unchanged") {
  CHECK(spelled(as_byte_view(std::string_view("a\0\xFF", 3))) == "6100ff");
  CHECK(to_text(bytes_of("61 00 ff")) == std::string("a\0\xFF", 3));
  CHECK(to_text(ByteView()).empty());
}

TEST_CASE("random integers come back") {
  Random random(10);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.next();
    std::array<std::byte, 15> bytes{};
    Encoder out(bytes);
    out.u64(value);
    out.u32(static_cast<std::uint32_t>(value));
    out.u16(static_cast<std::uint16_t>(value));
    out.u8(static_cast<std::uint8_t>(value));
    Decoder in(bytes);
    REQUIRE(in.u64() == value);
    REQUIRE(in.u32() == (value & 0xFFFFFFFF));
    REQUIRE(in.u16() == (value & 0xFFFF));
    REQUIRE(in.u8() == (value & 0xFF));
  }
}

}  // namespace
}  // namespace libregion
