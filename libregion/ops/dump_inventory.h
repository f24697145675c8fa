// What is in a region's directory: which formats its extents have, repairs that are pending,
// strays, sizes, and how scattered the active slots are.

#pragma once

#include "libregion/ops/extent_visit.h"

namespace libregion {

struct Inventory {
  std::uint64_t raw_count = 0;
  std::uint64_t sqlite_count = 0;
  std::uint64_t copy_count = 0;  // repairs: still received, to be put in place, done
  std::uint64_t replace_count = 0;
  std::uint64_t completed_count = 0;
  std::uint64_t apparent_bytes = 0;   // of the extents' own files
  std::uint64_t allocated_bytes = 0;  // that they take on disk
  std::uint64_t pending_bytes = 0;    // of files of pending repairs, allocated
  std::uint64_t a_run_count = 0;  // of slots, as in SlotFragmentation; never written blocks count
  std::uint64_t b_run_count = 0;
  std::uint64_t extra_system_calls = 0;

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
