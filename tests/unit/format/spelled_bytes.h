// Bytes as a test spells them: hex digits, with spaces wherever they help.

#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "libregion/format/bytes.h"

namespace libregion {

// "01 ab cd": the bytes, and zeros after them up to `size_bytes` if there are fewer.
inline Bytes bytes_of(std::string_view spelled, std::size_t size_bytes = 0) {
  constexpr std::string_view digits = "0123456789abcdef";
  Bytes bytes;
  bool half = false;
  for (const char digit : spelled) {
    if (digit == ' ') continue;
    const std::size_t value = digits.find(digit);
    if (value == std::string_view::npos) throw std::logic_error("not a hex digit in a test");
    if (!half) bytes.push_back(std::byte{0});
    bytes.back() = bytes.back() << 4U | static_cast<std::byte>(value);
    half = !half;
  }
  if (half) throw std::logic_error("half a byte in a test");
  if (bytes.size() < size_bytes) bytes.resize(size_bytes);
  return bytes;
}

// Hex digits without spaces, for comparing and showing.
inline std::string spelled(ByteView bytes) {
  std::string text;
  for (const std::byte value : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(value) >> 4U];
    text += "0123456789abcdef"[std::to_integer<unsigned>(value) & 15U];
  }
  return text;
}

}  // namespace libregion
