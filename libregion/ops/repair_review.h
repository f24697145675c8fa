// Whether a region is better after its repair: what was wrong with its extents before, against what
// a second look at all of them finds.

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "libregion/ops/repair_job.h"

namespace libregion {

class RepairReview {
 public:
  explicit RepairReview(const Geometry& geometry) : geometry_(geometry) {}

  // What the first look found, before anything was changed, and what was mended then. From any
  // thread, as the other one.
  void add_before(const RepairJob& job);
  // What the second one found. From any thread.
  void add_after(const RepairJob& job);

  // No extent is worse, and those that were changed because something was wrong with them are
  // better. What was asked for by name need not make anything better.
  [[nodiscard]] bool is_better() const;
  // "extent 3: 0 wrong before, 2 afterwards", of blocks and findings; empty where none is worse.
  [[nodiscard]] std::string describe_worse() const;

 private:
  struct Trouble {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    bool should_be_better = false;
  };

  Geometry geometry_;
  std::mutex mutex_;
  std::map<ExtentId, Trouble> extents_;  // with any trouble
};

}  // namespace libregion
