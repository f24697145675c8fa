// What is in a region's directory: which formats its extents have, repairs that are pending,
// strays, sizes, and how scattered the active slots are.

#pragma once

#include "libregion/ops/extent_visit.h"

namespace libregion {

// How the active slots of an extent, or of several, lie in the arrays A and B. Never written blocks
// count as what their bit says, as they do where Crucible reads contexts.
struct SlotRuns {
  std::uint64_t runs_of_a = 0;  // of neighbouring blocks whose active slot is in A
  std::uint64_t runs_of_b = 0;
  // System calls that reading all contexts of an extent in order needs beyond the first.
  std::uint64_t extra_calls = 0;

  // The next block of an extent; the first follows on nothing.
  void add(ContextSlot slot, bool is_first);
  void add(const SlotRuns& other);

 private:
  ContextSlot last_ = ContextSlot::A;
};

struct Inventory {
  std::uint64_t raw_count = 0;
  std::uint64_t sqlite_count = 0;
  std::uint64_t copy_count = 0;  // repairs: still received, to be put in place, done
  std::uint64_t replace_count = 0;
  std::uint64_t completed_count = 0;
  std::uint64_t apparent_bytes = 0;   // of the extents' own files
  std::uint64_t allocated_bytes = 0;  // that they take on disk
  std::uint64_t pending_bytes = 0;    // of files of pending repairs, allocated
  SlotRuns runs;

  void add(const Inventory& part);
};

struct InventorySummary {
  VisitTotals totals;
  Inventory inventory;
};

// Of a dirty extent the active slots are found by hashing its blocks; else only bits are read.
InventorySummary take_inventory(const Region& region, const WalkOptions& walk, Progress* progress,
                                Reporter& reporter);

}  // namespace libregion
