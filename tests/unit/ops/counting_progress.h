// What an operation tells of its progress, counted.

#pragma once

#include <atomic>
#include <cstdint>

#include "libregion/report/reporter.h"

namespace libregion {

class CountingProgress : public Progress {
 public:
  void start(std::uint64_t /*extent_count*/, std::uint64_t /*total_bytes*/) override {}
  void advance(std::uint64_t extent_count, std::uint64_t done_bytes) override {
    extents += extent_count;
    bytes += done_bytes;
    if (extents == 0) ++calls_before_first_extent;
    if (stop_after != 0 && extents >= stop_after) stop = true;
  }
  std::atomic<std::uint64_t> extents{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> calls_before_first_extent{0};
  std::uint64_t stop_after = 0;
  std::atomic<bool> stop{false};
};

}  // namespace libregion
