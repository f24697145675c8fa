#include "libregion/base/text.h"

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/random.h"

namespace libregion {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

using Texts = std::vector<std::string_view>;

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("bytes become two lower-case hex digits each") {
  constexpr std::array bytes = {std::byte{0x00}, std::byte{0x0F}, std::byte{0xA5}, std::byte{0xFF}};
  CHECK(to_hex(bytes) == "000fa5ff");
  CHECK(to_hex({}).empty());
}

TEST_CASE("hex digits of either case become bytes") {
  CHECK(from_hex("000fa5ff") == "\x00\x0f\xa5\xff"s);
  CHECK(from_hex("ABcdEF") == "\xab\xcd\xef"s);
  CHECK(from_hex("") == ""s);
}

TEST_CASE("hex digits with one missing, or anything else among them, are no bytes") {
  for (const std::string_view text :
       Texts{"0", "000", "0g", "g0", " 00", "0 ", "+1", "-1", "0x", "0x10", "00\0"sv, "\0\0"sv}) {
    CAPTURE(text);
    CHECK(from_hex(text) == std::nullopt);
  }
}

TEST_CASE("any bytes come back from their hex digits") {
  Random random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const Bytes bytes = random.bytes(size);
    REQUIRE(from_hex(to_hex(bytes)) == to_text(bytes));
  }
}

TEST_CASE("a hash is 16 lower-case hex digits") {
  CHECK(hash_text(0) == "0000000000000000");
  CHECK(hash_text(0xABC) == "0000000000000abc");
  CHECK(hash_text(0x27742888F085ACCD) == "27742888f085accd");
  CHECK(hash_text(u64_max) == "ffffffffffffffff");
}

TEST_CASE("base64: the vectors of RFC 4648, section 10") {
  CHECK(to_base64("").empty());
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("foob") == "Zm9vYg==");
  CHECK(to_base64("fooba") == "Zm9vYmE=");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("base64: bytes above 127 and NUL") {
  CHECK(to_base64("\xfb\xff\xbf") == "+/+/");
  CHECK(to_base64("\xff\xff\xff") == "////");
  CHECK(to_base64("\x00\x00\x00"sv) == "AAAA");
  CHECK(to_base64("\xff") == "/w==");
  CHECK(to_base64("\xff\xfe") == "//4=");
}

TEST_CASE("a decimal number is digits, and nothing else") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("7") == 7);
  CHECK(parse_decimal("007") == 7);
  CHECK(parse_decimal("18446744073709551615") == u64_max);
  for (const std::string_view text :
       Texts{"", " ", " 1", "1 ", "+1", "-1", "-0", "1.0", "1e3", "0x10", "1a", "1\0"sv, "1,000",
             "\n1", "18446744073709551616", "99999999999999999999999999"}) {
    CAPTURE(text);
    CHECK(parse_decimal(text) == std::nullopt);
  }
}

TEST_CASE("a hexadecimal number is digits of either case, and nothing else") {
  CHECK(parse_hexadecimal("0") == 0);
  CHECK(parse_hexadecimal("67D") == 0x67D);
  CHECK(parse_hexadecimal("67d") == 0x67D);
  CHECK(parse_hexadecimal("00000000000000000000f") == 15);
  CHECK(parse_hexadecimal("ffffffffffffffff") == u64_max);
  for (const std::string_view text :
       Texts{"", "0x1", "0X1", "x", "g", " 1", "1 ", "+1", "-1", "1\0"sv, "10000000000000000"}) {
    CAPTURE(text);
    CHECK(parse_hexadecimal(text) == std::nullopt);
  }
}

TEST_CASE("a size without a unit, or in bytes, is a number of bytes") {
  CHECK(parse_size_bytes("0") == 0);
  CHECK(parse_size_bytes("512") == 512);
  CHECK(parse_size_bytes("512B") == 512);
  CHECK(parse_size_bytes("512b") == 512);
  CHECK(parse_size_bytes("18446744073709551615") == u64_max);
  CHECK(parse_size_bytes("18446744073709551615B") == u64_max);
}

TEST_CASE("units of sizes are powers of 1024, long or short, of either case") {
  for (const std::string_view text : {"3K", "3k", "3KiB", "3kib", "3KIB", "3kIb"}) {
    CAPTURE(text);
    CHECK(parse_size_bytes(text) == 3072);
  }
  CHECK(parse_size_bytes("1M") == 1048576);
  CHECK(parse_size_bytes("1MiB") == 1048576);
  CHECK(parse_size_bytes("1G") == 1073741824);
  CHECK(parse_size_bytes("1GiB") == 1073741824);
  CHECK(parse_size_bytes("1T") == 1099511627776);
  CHECK(parse_size_bytes("1TiB") == 1099511627776);
  CHECK(parse_size_bytes("1P") == 1125899906842624);
  CHECK(parse_size_bytes("1PiB") == 1125899906842624);
  CHECK(parse_size_bytes("0T") == 0);
}

TEST_CASE("a size that needs more than 64 bits is no size") {
  CHECK(parse_size_bytes("18014398509481983K") == 18446744073709550592U);
  CHECK(parse_size_bytes("18014398509481984K") == std::nullopt);
  CHECK(parse_size_bytes("16383P") == 18445618173802708992U);
  CHECK(parse_size_bytes("16384P") == std::nullopt);
  CHECK(parse_size_bytes("16384PiB") == std::nullopt);
  CHECK(parse_size_bytes("18446744073709551615K") == std::nullopt);
  CHECK(parse_size_bytes("18446744073709551616") == std::nullopt);
}

TEST_CASE("what is not digits and at most one unit is no size") {
  for (const std::string_view text :
       Texts{"",    "K",   "B",    "KiB",    "1KB",    "1Ki", "1 K", " 1K",  "1K ",  "-1",
             "-1K", "+1K", "1.5K", "1,5K",   "1KK",    "1K1", "1E",  "1EiB", "1BiB", "1KiBiB",
             "1iB", "1i",  "0x1K", "1K\0"sv, "1\0K"sv, "1µ",  "K1",  "1KiB "}) {
    CAPTURE(text);
    CHECK(parse_size_bytes(text) == std::nullopt);
  }
}

TEST_CASE("sizes for people") {
  CHECK(human_size(0) == "0 B");
  CHECK(human_size(512) == "512 B");
  CHECK(human_size(1023) == "1023 B");
  CHECK(human_size(1024) == "1.0 KiB");
  CHECK(human_size(1536) == "1.5 KiB");
  CHECK(human_size(std::uint64_t{64} << 20) == "64.0 MiB");
  CHECK(human_size(std::uint64_t{1536} << 20) == "1.5 GiB");
  CHECK(human_size(std::uint64_t{1} << 40) == "1.0 TiB");
  CHECK(human_size(std::uint64_t{1} << 50) == "1.0 PiB");
  CHECK(human_size(u64_max) == "16.0 EiB");
}

TEST_CASE("a size for people never shows 1024 of a unit") {
  CHECK(human_size((std::uint64_t{1} << 20) - 1) == "1.0 MiB");
  CHECK(human_size((std::uint64_t{1} << 40) - 1) == "1.0 TiB");
}

TEST_CASE("no text makes a number parser fail, and digits always come back") {
  Random random(2);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random.text(random.below(24), "0123456789abKMGTPiBx+-. ");
    CAPTURE(text);
    const bool bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    const auto decimal = parse_decimal(text);
    REQUIRE((!decimal || bare));
    if (bare) REQUIRE(parse_size_bytes(text) == decimal);
    if (decimal) {
      const std::string shortest = std::to_string(*decimal);
      REQUIRE(text.ends_with(shortest));
      REQUIRE(text.find_first_not_of('0') >= text.size() - shortest.size());
    }
    if (const auto size = parse_size_bytes(text + "K")) REQUIRE(*size % 1024 == 0);
    if (const auto hexadecimal = parse_hexadecimal(text)) {
      REQUIRE(text.find_first_not_of("0123456789abB") == std::string::npos);
    }
  }
}

TEST_CASE("the edit distance counts letters changed, left out, added, and swapped") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("verify", "verify") == 0);
  CHECK(edit_distance("", "dump") == 4);
  CHECK(edit_distance("dump", "") == 4);
  CHECK(edit_distance("verfy", "verify") == 1);
  CHECK(edit_distance("verifyy", "verify") == 1);
  CHECK(edit_distance("verizy", "verify") == 1);
  CHECK(edit_distance("evrify", "verify") == 1);
  CHECK(edit_distance("import", "export") == 2);
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(edit_distance("abc", "cba") == 2);
}

}  // namespace
}  // namespace libregion
