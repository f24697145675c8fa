// Random numbers whose sequence is the same everywhere: SplitMix64. A test that fails prints its
// seed, and the seed repeats it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "libregion/format/bytes.h"

namespace libregion {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 30U) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27U) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31U;
  }

  // From 0 to limit - 1; limit must not be 0.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

  bool coin() { return (next() & 1U) != 0; }

  std::byte byte() { return static_cast<std::byte>(next()); }

  void fill(MutableByteView bytes) {
    for (std::byte& value : bytes) value = byte();
  }

  Bytes bytes(std::size_t size_bytes) {
    Bytes made(size_bytes);
    fill(made);
    return made;
  }

  // Characters drawn from `alphabet`, which must not be empty.
  std::string text(std::size_t size, std::string_view alphabet) {
    std::string made;
    for (std::size_t i = 0; i < size; ++i) made += alphabet[below(alphabet.size())];
    return made;
  }

 private:
  std::uint64_t state_;
};

}  // namespace libregion
