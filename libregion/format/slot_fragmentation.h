// How scattered an extent's active slots are over the arrays A and B.
//
// Neighbouring blocks whose active slot is in the same array are a run, and a run's slots are read
// or written with one system call. A sequential read of the extent needs as many as there are runs;
// all beyond the first are extra.

#pragma once

#include <cstdint>

#include "libregion/format/active_slots.h"

namespace libregion {

// A running service consolidates an extent whose reads and writes needed, on average since its last
// flush and rounded down, more extra system calls than this.
constexpr std::uint64_t extra_system_calls_max = 3;

struct SlotFragmentation {
  // Blocks whose active slot is in the array, and the runs that they make.
  struct Usage {
    std::uint64_t block_count = 0;
    std::uint64_t run_count = 0;
    bool operator==(const Usage&) const = default;
  };
  Usage a;
  Usage b;
  bool operator==(const SlotFragmentation&) const = default;

  [[nodiscard]] const Usage& of(ContextSlot array) const { return array == ContextSlot::A ? a : b; }
  // The array that fewer blocks use; B on a tie.
  [[nodiscard]] ContextSlot minor_array() const {
    return a.block_count < b.block_count ? ContextSlot::A : ContextSlot::B;
  }
  // How many blocks keep the extent from having all its active slots in one array.
  [[nodiscard]] std::uint64_t minor_block_count() const { return of(minor_array()).block_count; }
  // Of a sequential read of the whole extent.
  [[nodiscard]] std::uint64_t extra_system_calls() const {
    const std::uint64_t run_count = a.run_count + b.run_count;
    return run_count == 0 ? 0 : run_count - 1;
  }
};

// The extra system calls of the reads and writes that were counted, one by one.
class ExtraSystemCalls {
 public:
  // A read or write of slots in so many runs.
  void count(std::uint64_t run_count) {
    if (run_count == 0) return;
    extra_count_ += run_count - 1;
    ++counted_;
  }
  // Rounded down.
  [[nodiscard]] std::uint64_t average() const {
    return counted_ == 0 ? 0 : extra_count_ / counted_;
  }

 private:
  std::uint64_t extra_count_ = 0;
  std::uint64_t counted_ = 0;
};

SlotFragmentation measure_fragmentation(const ActiveSlots& slots);

}  // namespace libregion
