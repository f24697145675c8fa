// How much memory is in use: what `new` and SQLite have taken and not given back.

#pragma once

#include <cstddef>

namespace libregion {

// Must not live at the same time as another.
class PeakMemory {
 public:
  PeakMemory();
  // The most that was in use at once since, beyond what was in use then.
  [[nodiscard]] std::size_t bytes() const;

 private:
  std::size_t before_bytes_;
};

}  // namespace libregion
