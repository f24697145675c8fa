// Byte order lives here and nowhere else: cursors that read and write little-endian integers
// over spans of bytes, and the big-endian integers that SQLite writes. Both assert that they stay
// inside their span; sizes are checked before one is made.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "libregion/base/assert.h"

namespace libregion {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

inline ByteView as_byte_view(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

inline std::string to_text(ByteView bytes) {
  std::string text(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), text.begin(),
                 [](std::byte value) { return static_cast<char>(value); });
  return text;
}

inline bool all_zero(ByteView bytes) {
  // Comparing the bytes with themselves, shifted by one, runs at the speed of memcmp.
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// An unsigned integer of this size, the narrowest that holds it.
template <std::size_t size_bytes>
using UnsignedOf = std::conditional_t<
    size_bytes == 1, std::uint8_t,
    std::conditional_t<size_bytes == 2, std::uint16_t,
                       std::conditional_t<size_bytes <= 4, std::uint32_t, std::uint64_t>>>;

constexpr std::uint8_t swap_bytes(std::uint8_t value) { return value; }
constexpr std::uint16_t swap_bytes(std::uint16_t value) { return __builtin_bswap16(value); }
constexpr std::uint32_t swap_bytes(std::uint32_t value) { return __builtin_bswap32(value); }
constexpr std::uint64_t swap_bytes(std::uint64_t value) { return __builtin_bswap64(value); }

template <std::size_t size_bytes>
UnsignedOf<size_bytes> big_endian_at(ByteView bytes, std::size_t offset_bytes) {
  LIBREGION_ASSERT(offset_bytes <= bytes.size() && size_bytes <= bytes.size() - offset_bytes);
  const std::byte* const source = bytes.data() + offset_bytes;
  // Of millions of rows: one load where the processor has an integer of that size.
  if constexpr (std::endian::native == std::endian::little && std::has_single_bit(size_bytes)) {
    UnsignedOf<size_bytes> value = 0;
    std::memcpy(&value, source, size_bytes);
    return swap_bytes(value);
  } else {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size_bytes; ++i) {
      value = value << 8U | std::to_integer<std::uint64_t>(source[i]);
    }
    return static_cast<UnsignedOf<size_bytes>>(value);
  }
}

class Decoder {
 public:
  explicit Decoder(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t offset_bytes() const { return offset_bytes_; }
  ByteView take(std::size_t size_bytes) {
    LIBREGION_ASSERT(size_bytes <= bytes_.size() - offset_bytes_);
    const ByteView taken = bytes_.subspan(offset_bytes_, size_bytes);
    offset_bytes_ += size_bytes;
    return taken;
  }
  template <std::size_t size>
  std::array<std::byte, size> take_array() {
    std::array<std::byte, size> taken{};
    const ByteView source = take(size);
    std::copy(source.begin(), source.end(), taken.begin());
    return taken;
  }
  std::uint8_t u8() { return little_endian<std::uint8_t>(); }
  std::uint16_t u16() { return little_endian<std::uint16_t>(); }
  std::uint32_t u32() { return little_endian<std::uint32_t>(); }
  std::uint64_t u64() { return little_endian<std::uint64_t>(); }

 private:
  // Of the bytes of millions of slots: one load where the processor's order is the same.
  template <class Integer>
  Integer little_endian() {
    const ByteView source = take(sizeof(Integer));
    Integer value = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&value, source.data(), sizeof(Integer));
    } else {
      for (std::size_t i = 0; i < sizeof(Integer); ++i) {
        value = static_cast<Integer>(value | std::to_integer<Integer>(source[i]) << (8 * i));
      }
    }
    return value;
  }

  ByteView bytes_;
  std::size_t offset_bytes_ = 0;
};

class Encoder {
 public:
  explicit Encoder(MutableByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t offset_bytes() const { return offset_bytes_; }
  void put(ByteView source) {
    LIBREGION_ASSERT(source.size() <= bytes_.size() - offset_bytes_);
    std::copy(source.begin(), source.end(),
              bytes_.begin() + static_cast<std::ptrdiff_t>(offset_bytes_));
    offset_bytes_ += source.size();
  }
  void u8(std::uint8_t value) { little_endian(value); }
  void u16(std::uint16_t value) { little_endian(value); }
  void u32(std::uint32_t value) { little_endian(value); }
  void u64(std::uint64_t value) { little_endian(value); }
  // The rest of the span.
  void zeros() {
    std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(offset_bytes_), bytes_.end(),
              std::byte{0});
    offset_bytes_ = bytes_.size();
  }

 private:
  // As in the decoder: one store where the processor's order is the same.
  template <class Integer>
  void little_endian(Integer value) {
    std::array<std::byte, sizeof(Integer)> encoded{};
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(encoded.data(), &value, sizeof(Integer));
    } else {
      for (std::size_t i = 0; i < sizeof(Integer); ++i) {
        encoded[i] = static_cast<std::byte>(value >> (8 * i));
      }
    }
    put(encoded);
  }

  MutableByteView bytes_;
  std::size_t offset_bytes_ = 0;
};

}  // namespace libregion
