// Keys of what was decided already: hashes that take in one value after the other.

#pragma once

#include <cstdint>

#include "libregion/format/bytes.h"
#include "libregion/format/integrity.h"

namespace libregion {

class Key {
 public:
  Key& add(std::uint64_t value) {
    mixed_ = (mixed_ ^ value) * 0x9E3779B97F4A7C15;
    mixed_ ^= mixed_ >> 29U;
    return *this;
  }
  Key& add(ByteView bytes) { return add(on_disk_hash(bytes)); }
  [[nodiscard]] std::uint64_t value() const { return mixed_; }

 private:
  std::uint64_t mixed_ = 0x2545F4914F6CDD1D;
};

}  // namespace libregion
