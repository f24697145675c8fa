#include "libregion/format/metadata.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

// dirty, generation number, flush number
constexpr auto numbers_spelled = "01 08 07 06 05 04 03 02 01 18 17 16 15 14 13 12 11";

Bytes golden() {
  // version, bonus sync count, defragmentation count, padding
  return bytes_of(std::string(numbers_spelled) + "02 00 00 00 24 23 22 21 34 33 32 31 00 00 00");
}

constexpr ExtentMetadata golden_metadata{true, 0x0102030405060708, 0x1112131415161718,
                                         2,    0x21222324,         0x31323334};

MetadataView view(const Bytes& bytes) { return ByteView(bytes).first<32>(); }

ExtentMetadata decoded(const Bytes& bytes) {
  const auto metadata = decode_metadata(view(bytes));
  REQUIRE(std::holds_alternative<ExtentMetadata>(metadata));
  return std::get<ExtentMetadata>(metadata);
}

BadMetadata bad(const Bytes& bytes) {
  const auto metadata = decode_metadata(view(bytes));
  REQUIRE(std::holds_alternative<BadMetadata>(metadata));
  return std::get<BadMetadata>(metadata);
}

Bytes encoded(const ExtentMetadata& metadata) {
  Bytes bytes(32, std::byte{0xFF});
  encode_metadata(metadata, MutableByteView(bytes).first<32>());
  return bytes;
}

Bytes with_byte(std::size_t offset, unsigned value) {
  Bytes bytes = golden();
  bytes.at(offset) = static_cast<std::byte>(value);
  return bytes;
}

TEST_CASE("metadata are 32 bytes, little-endian, in the order of the format") {
  REQUIRE(golden().size() == 32);
  CHECK(decoded(golden()) == golden_metadata);
  CHECK(spelled(encoded(golden_metadata)) == spelled(golden()));
}

TEST_CASE("each field stands at its own place") {
  const auto check_alone = [](ExtentMetadata metadata, std::size_t offset, const char* expected) {
    metadata.ext_version = 2;
    Bytes bytes = bytes_of("00", 32);
    bytes[17] = std::byte{2};
    const Bytes field = bytes_of(expected);
    std::copy(field.begin(), field.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    CHECK(spelled(encoded(metadata)) == spelled(bytes));
    CHECK(decoded(bytes) == metadata);
  };
  ExtentMetadata metadata;
  SUBCASE("nothing set") { check_alone(metadata, 0, "00"); }
  SUBCASE("dirty") {
    metadata.dirty = true;
    check_alone(metadata, 0, "01");
  }
  SUBCASE("generation number") {
    metadata.gen_number = ~std::uint64_t{0};
    check_alone(metadata, 1, "ff ff ff ff ff ff ff ff");
  }
  SUBCASE("flush number") {
    metadata.flush_number = ~std::uint64_t{0};
    check_alone(metadata, 9, "ff ff ff ff ff ff ff ff");
  }
  SUBCASE("bonus sync count") {
    metadata.bonus_sync_count = ~std::uint32_t{0};
    check_alone(metadata, 21, "ff ff ff ff");
  }
  SUBCASE("defragmentation count") {
    metadata.defrag_count = ~std::uint32_t{0};
    check_alone(metadata, 25, "ff ff ff ff");
  }
}

TEST_CASE("dirty is 0 or 1") {
  CHECK_FALSE(decoded(with_byte(0, 0)).dirty);
  CHECK(decoded(with_byte(0, 1)).dirty);
}

TEST_CASE("a dirty byte from 2 to 255 is damage, not dirty") {
  for (unsigned value = 2; value < 256; ++value) {
    CAPTURE(value);
    const BadMetadata problem = bad(with_byte(0, value));
    CHECK(problem.field == "dirty");
    CHECK(problem.offset_bytes == 0);
    CHECK(problem.expected_max == 1);
    CHECK(problem.found == value);
  }
}

TEST_CASE("a version other than 2 is named, with its place") {
  for (const unsigned version : {0U, 1U, 3U, 4U, 255U}) {
    CAPTURE(version);
    const BadMetadata problem = bad(with_byte(17, version));
    CHECK(problem.field == "ext_version");
    CHECK(problem.offset_bytes == 17);
    CHECK(problem.expected_max == 2);
    CHECK(problem.found == version);
  }
  CHECK(bad(with_byte(18, 1)).found == 0x102);
  CHECK(bad(with_byte(20, 0x80)).found == 0x80000002);
}

TEST_CASE("where version and dirty are both wrong, the version is named") {
  Bytes bytes = with_byte(17, 3);
  bytes[0] = std::byte{2};
  CHECK(bad(bytes).field == "ext_version");
}

TEST_CASE("32 zero bytes are no metadata: their version is 0") {
  CHECK(bad(Bytes(32)).field == "ext_version");
  CHECK(bad(Bytes(32)).found == 0);
}

TEST_CASE("the first raw extents end after the version: both counts read as 0") {
  const Bytes first_generation = bytes_of(std::string(numbers_spelled) + "02 00 00 00", 32);
  ExtentMetadata expected = golden_metadata;
  expected.bonus_sync_count = 0;
  expected.defrag_count = 0;
  CHECK(decoded(first_generation) == expected);
  CHECK(metadata_padding_is_zero(view(first_generation)));
}

TEST_CASE("padding that is not zero is ignored on reading, and seen") {
  CHECK(metadata_padding_is_zero(view(golden())));
  for (std::size_t offset = 29; offset < 32; ++offset) {
    CAPTURE(offset);
    CHECK(decoded(with_byte(offset, 0xAA)) == golden_metadata);
    CHECK_FALSE(metadata_padding_is_zero(view(with_byte(offset, 0xAA))));
  }
}

TEST_CASE("the last byte of the last count is not padding") {
  CHECK(metadata_padding_is_zero(view(with_byte(28, 0xFF))));
}

TEST_CASE("metadata of the proposed version 3 are recognised where they decode fully") {
  CHECK(is_version_3_metadata(view(with_byte(17, 3))));
  Bytes clean = with_byte(17, 3);
  clean[0] = std::byte{0};
  CHECK(is_version_3_metadata(view(clean)));
  CHECK(is_version_3_metadata(view(bytes_of(std::string(34, '0') + "03", 32))));
}

TEST_CASE("other versions, a damaged dirty byte or padding are not taken for version 3") {
  CHECK_FALSE(is_version_3_metadata(view(golden())));
  CHECK_FALSE(is_version_3_metadata(view(Bytes(32))));
  CHECK_FALSE(is_version_3_metadata(view(with_byte(17, 4))));
  for (const std::size_t offset : {18U, 19U, 20U, 29U, 30U, 31U}) {
    CAPTURE(offset);
    Bytes bytes = with_byte(17, 3);
    bytes[offset] = std::byte{1};
    CHECK_FALSE(is_version_3_metadata(view(bytes)));
  }
  Bytes odd_dirty = with_byte(17, 3);
  odd_dirty[0] = std::byte{2};
  CHECK_FALSE(is_version_3_metadata(view(odd_dirty)));
}

TEST_CASE("any metadata come back from their bytes, with zero padding") {
  Random random(14);
  for (int i = 0; i < 10000; ++i) {
    const ExtentMetadata metadata{random.coin(),
                                  random.next(),
                                  random.next(),
                                  2,
                                  static_cast<std::uint32_t>(random.next()),
                                  static_cast<std::uint32_t>(random.next())};
    const Bytes bytes = encoded(metadata);
    REQUIRE(decoded(bytes) == metadata);
    REQUIRE(metadata_padding_is_zero(view(bytes)));
  }
}

TEST_CASE("the defragmentation count is written by itself, and all other bytes stay") {
  std::array<std::byte, metadata_bytes> bytes{};
  bytes.fill(std::byte{0xA5});
  std::array<std::byte, metadata_bytes> expected = bytes;
  for (std::size_t i = 0; i < 4; ++i) expected[25 + i] = static_cast<std::byte>(4 - i);
  encode_defrag_count(0x01020304, bytes);
  CHECK(bytes == expected);
}

}  // namespace
}  // namespace libregion
