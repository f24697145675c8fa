// What happens to text that is not, or not only, harmless UTF-8.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "libregion/base/text.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

using namespace std::string_view_literals;

// The bytes of a number as UTF-8 lays it out, whether or not it is a character.
std::string utf8_layout(std::uint32_t number) {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80U | (number >> shift & 0x3FU));
  };
  if (number < 0x80) return {static_cast<char>(number)};
  if (number < 0x800) return {static_cast<char>(0xC0U | number >> 6U), tail(0)};
  if (number < 0x10000) return {static_cast<char>(0xE0U | number >> 12U), tail(6), tail(0)};
  return {static_cast<char>(0xF0U | number >> 18U), tail(12), tail(6), tail(0)};
}

bool is_character(std::uint32_t number) {
  return number <= 0x10FFFF && (number < 0xD800 || number > 0xDFFF);
}

// The number that `bytes` hold if they are laid out like one character, right or wrong.
std::uint32_t number_behind(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  std::uint32_t number = bytes.size() == 1 ? lead : lead & (0x7FU >> bytes.size());
  for (const char tail : bytes.substr(1)) {
    number = number << 6U | (static_cast<unsigned char>(tail) & 0x3FU);
  }
  return number;
}

// The characters of `text`; nullopt where it is not UTF-8. A sequence is right if the number
// behind it, laid out anew, gives the same bytes.
std::optional<std::vector<std::uint32_t>> characters_of(std::string_view text) {
  std::vector<std::uint32_t> characters;
  while (!text.empty()) {
    std::size_t taken = 0;
    for (std::size_t length = 1; length <= 4 && length <= text.size() && taken == 0; ++length) {
      const std::uint32_t number = number_behind(text.substr(0, length));
      if (!is_character(number) || utf8_layout(number) != text.substr(0, length)) continue;
      characters.push_back(number);
      taken = length;
    }
    if (taken == 0) return std::nullopt;
    text.remove_prefix(taken);
  }
  return characters;
}

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("every character is UTF-8, surrogates and numbers above U+10FFFF are not") {
  for (std::uint32_t number = 0; number < 0x200000; ++number) {
    if (is_valid_utf8(utf8_layout(number)) != is_character(number)) FAIL("number ", number);
  }
}

TEST_CASE("overlong, truncated and stray sequences are not UTF-8") {
  for (const std::string_view text : {"\xC0\x80"sv,
                                      "\xC1\xBF"sv,
                                      "\xE0\x80\x80"sv,
                                      "\xE0\x9F\xBF"sv,
                                      "\xF0\x80\x80\x80"sv,
                                      "\xF0\x8F\xBF\xBF"sv,
                                      "\xF4\x90\x80\x80"sv,
                                      "\xF5\x80\x80\x80"sv,
                                      "\xF8\x88\x80\x80\x80"sv,
                                      "\xED\xA0\x80"sv,
                                      "\xED\xBF\xBF"sv,
                                      "\x80"sv,
                                      "\xBF"sv,
                                      "\xC2"sv,
                                      "\xE2\x82"sv,
                                      "\xF0\x9F\x98"sv,
                                      "\xFE"sv,
                                      "\xFF"sv,
                                      "a\x80"sv,
                                      "\xC2\xC2\x80"sv}) {
    CAPTURE(text);
    CHECK_FALSE(is_valid_utf8(text));
  }
  CHECK(is_valid_utf8(""));
  CHECK(is_valid_utf8("a\0b"sv));
}

TEST_CASE("all pairs of bytes are UTF-8 exactly where they lay out characters") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      if (is_valid_utf8(text) != characters_of(text).has_value()) FAIL(first, " ", second);
    }
  }
}

TEST_CASE("any lead byte with tails at the edges is UTF-8 exactly where it lays out characters") {
  constexpr std::string_view edges = "\x00\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xFF"sv;
  for (unsigned lead = 0x80; lead < 256; ++lead) {
    for (const char second : edges) {
      for (const char third : edges) {
        for (const char fourth : edges) {
          const std::string text = {static_cast<char>(lead), second, third, fourth};
          for (std::size_t size = 3; size <= 4; ++size) {
            const std::string_view part = std::string_view(text).substr(0, size);
            if (is_valid_utf8(part) != characters_of(part).has_value()) FAIL(to_base64(part));
          }
        }
      }
    }
  }
}

TEST_CASE("a JSON string stands in quotes, and is appended") {
  std::string out = "{";
  append_json_string(out, "plain / text");
  CHECK(out == "{\"plain / text\"");
  CHECK(json_of("") == "\"\"");
}

TEST_CASE("a JSON string escapes quotes, backslashes and control characters") {
  CHECK(json_of("\"") == R"("\"")");
  CHECK(json_of("\\") == R"("\\")");
  CHECK(json_of("\\u0041") == R"("\\u0041")");
  CHECK(json_of("a\nb\rc\td") == R"("a\nb\rc\td")");
  CHECK(json_of("\0"sv) == R"("\u0000")");
  CHECK(json_of("\x01\x1b\x1f") == R"("\u0001\u001b\u001f")");
  CHECK(json_of("\x7f") == R"("\u007f")");
}

TEST_CASE("a JSON string keeps characters beyond ASCII as they are") {
  CHECK(json_of("größe 日本 \U0001F600") == "\"größe 日本 \U0001F600\"");
}

TEST_CASE("in a JSON string each byte that is not UTF-8 is U+FFFD, and its neighbours stay") {
  CHECK(json_of("a\xFFz") == R"("a\ufffdz")");
  CHECK(json_of("\xE2\x82z") == R"("\ufffd\ufffdz")");
  CHECK(json_of("\xED\xA0\x80") == R"("\ufffd\ufffd\ufffd")");
  CHECK(json_of("\xC3\"") == R"("\ufffd\"")");
  CHECK(json_of("\xC3\xC3\xA9") == "\"\\ufffd\xC3\xA9\"");
}

// What a reader of JSON gets; nullopt where `json` is not one string.
std::optional<std::string> read_json_string(std::string_view json) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return std::nullopt;
  json = json.substr(1, json.size() - 2);
  if (!characters_of(json)) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (static_cast<unsigned char>(json[i]) < 0x20 || json[i] == '"') return std::nullopt;
    if (json[i] != '\\') {
      text += json[i];
      continue;
    }
    if (++i == json.size()) return std::nullopt;
    constexpr std::string_view escaped = "\"\\nrt";
    if (const std::size_t at = escaped.find(json[i]); at != std::string_view::npos) {
      text += "\"\\\n\r\t"[at];
    } else if (json[i] == 'u' && i + 4 < json.size()) {
      text += utf8_layout(
          static_cast<std::uint32_t>(std::stoul(std::string(json.substr(i + 1, 4)), nullptr, 16)));
      i += 4;
    } else {
      return std::nullopt;
    }
  }
  return text;
}

TEST_CASE("whatever the bytes, a JSON string is valid, and UTF-8 comes back unchanged") {
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    // Few enough different bytes that sequences are often right.
    const std::string text =
        random.text(random.below(12), "a\"\\\n\x00\x1f\x7f\x80\xa9\xbf\xc3\xe2\xed\xf0\xf4\xff"sv);
    CAPTURE(i);
    const auto read = read_json_string(json_of(text));
    REQUIRE(read);
    const bool valid = characters_of(text).has_value();
    REQUIRE(is_valid_utf8(text) == valid);
    REQUIRE((*read == text) == valid);
  }
}

TEST_CASE("printable text stays as it is") {
  CHECK(printable("/r/00/000/01A: größe 日本 \U0001F600") ==
        "/r/00/000/01A: größe 日本 \U0001F600");
  CHECK(printable("").empty());
  CHECK(printable("\xC2\xA0") == "\xC2\xA0");
}

TEST_CASE("control characters are shown, never sent to the terminal") {
  CHECK(printable("\x1b[31mred\x1b[0m") == R"(\x1b[31mred\x1b[0m)");
  CHECK(printable("a\nb\tc\r") == R"(a\x0ab\x09c\x0d)");
  CHECK(printable("\0\x7f"sv) == R"(\x00\x7f)");
  CHECK(printable("\x1b]0;title\x07") == R"(\x1b]0;title\x07)");
}

TEST_CASE("control characters above U+007F are shown, the one-byte escape sequence U+009B too") {
  CHECK(printable("\xC2\x9B"
                  "31m") == R"(\xc2\x9b31m)");
  CHECK(printable("\xC2\x80\xC2\x9F") == R"(\xc2\x80\xc2\x9f)");
}

TEST_CASE("bytes that are not UTF-8 are shown, a bare 9B too") {
  CHECK(printable("\x9B"
                  "31m") == R"(\x9b31m)");
  CHECK(printable("a\xFF\xE2\x82z") == R"(a\xff\xe2\x82z)");
}

TEST_CASE("whatever the bytes, what is printed is UTF-8 without control characters") {
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const std::string shown = printable(to_text(random.bytes(random.below(16))));
    CAPTURE(shown);
    const auto characters = characters_of(shown);
    REQUIRE(characters);
    for (const std::uint32_t character : *characters) {
      REQUIRE(character >= 0x20);
      REQUIRE((character < 0x7F || character > 0x9F));
    }
  }
}

}  // namespace
}  // namespace libregion
