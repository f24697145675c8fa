#include "libregion/format/encryption_key.h"

#include <algorithm>
#include <string_view>

namespace libregion {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char letter_at(ByteView text, std::size_t i) { return static_cast<char>(text[i]); }

bool is_space(std::byte byte) {
  const char letter = static_cast<char>(byte);
  return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

ByteView without_space_around(ByteView text) {
  while (!text.empty() && is_space(text.front())) text = text.subspan(1);
  while (!text.empty() && is_space(text.back())) text = text.first(text.size() - 1);
  return text;
}

bool decode_hex(ByteView text, MutableByteView key) {
  if (text.size() != 2 * key.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char letter = letter_at(text, i);
    if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');
    const std::size_t value = hex_digits.find(letter);
    if (value == std::string_view::npos) return false;
    key[i / 2] = key[i / 2] << 4U | static_cast<std::byte>(value);
  }
  return true;
}

bool decode_base64(ByteView text, MutableByteView key) {
  constexpr std::size_t digit_count = 43;  // 6 bits each: 256, and 2 that are 0
  if (text.size() == digit_count + 1 && letter_at(text, digit_count) == '=') {
    text = text.first(digit_count);
  }
  if (text.size() != digit_count) return false;
  unsigned bits = 0;
  unsigned bit_count = 0;
  std::size_t decoded = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = base64_digits.find(letter_at(text, i));
    if (value == std::string_view::npos) return false;
    bits = bits << 6U | static_cast<unsigned>(value);
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    key[decoded++] = static_cast<std::byte>(bits >> bit_count);
    bits &= (1U << bit_count) - 1;
  }
  return bits == 0;
}

}  // namespace

std::optional<EncryptionKey> EncryptionKey::parse(ByteView content) {
  EncryptionKey key;
  if (content.size() == size_bytes) {
    std::copy(content.begin(), content.end(), key.bytes_.bytes().begin());
    return key;
  }
  const ByteView text = without_space_around(content);
  const MutableByteView bytes = key.bytes_.bytes();
  if (decode_hex(text, bytes) || decode_base64(text, bytes)) return key;
  return std::nullopt;
}

}  // namespace libregion
