// Verifying a region: every block of every extent, raw and SQLite, clean and dirty, both hashes.
// It goes on past everything, changes nothing, and reports what it finds.

#pragma once

#include "libregion/ops/walk.h"

namespace libregion {

struct VerifyOptions {
  WalkOptions walk;
  Progress* progress = nullptr;
};

struct VerifySummary {
  std::uint64_t extent_count = 0;
  std::uint64_t block_count = 0;    // looked at
  std::uint64_t written_count = 0;  // of these
  std::uint64_t data_bytes = 0;     // read
  bool has_io_errors = false;       // something could not be read
  bool has_changed = false;         // somebody used an extent while it was read
  bool stopped = false;             // before all extents were looked at
};

// Adds what one part of the job found to what all found; whether it was stopped is nobody's part.
void add_to(VerifySummary& total, const VerifySummary& part);

VerifySummary verify_region(const Region& region, const VerifyOptions& options, Reporter& reporter);

}  // namespace libregion
