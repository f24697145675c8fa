// The same extent of several regions, opened side by side.

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/ops/dump.h"
#include "libregion/ops/extent_visit.h"
#include "libregion/ops/turns.h"

namespace libregion {

// The leaf directories of several regions that hold the same extents. nullptr where a region counts
// none of them.
using ReplicaLeaves = std::vector<std::shared_ptr<const Leaf>>;

// Where what is said of one replica goes.
using ReplicaFinding = std::function<void(std::size_t replica, const Finding& finding)>;

class ReplicaExtents {
 public:
  // Opens the extent of each region, and reports what is wrong with it as a whole.
  ReplicaExtents(std::span<const Region* const> regions, const ReplicaLeaves& leaves,
                 ExtentId extent, ReplicaFinding report);

  // nullptr where the blocks cannot be looked at.
  [[nodiscard]] const std::vector<ExtentReader*>& readers() const { return readers_; }
  // What each says of itself; with what differs.
  [[nodiscard]] DumpRow row() const;
  // Of each; none where it could not be read.
  [[nodiscard]] std::vector<std::optional<ExtentMetadata>> metadata() const;

  // The last thing: reports those that somebody has opened meanwhile.
  void check_leases();

  // Why one was not opened: somebody is using it.
  [[nodiscard]] const std::vector<std::optional<Error>>& failures() const { return failures_; }
  [[nodiscard]] bool has_io_errors(std::size_t replica) const;
  // Somebody used it while it was read; known after check_leases().
  [[nodiscard]] bool has_changed(std::size_t replica) const;

 private:
  // Passes on what a visit finds.
  class OneReporter : public Reporter {
   public:
    OneReporter(ReplicaExtents& owner, std::size_t replica) : owner_(owner), replica_(replica) {}
    void extent(const ExtentRecord& /*record*/) override {}
    void finding(const Finding& finding) override { owner_.report_(replica_, finding); }

   private:
    ReplicaExtents& owner_;
    std::size_t replica_;
  };
  struct One {
    std::unique_ptr<OneReporter> reporter;
    std::unique_ptr<ExtentVisit> visit;  // none where the region does not count the extent
  };

  void open(std::size_t replica, const Region& region, const Leaf* leaf);

  ExtentId extent_;
  ReplicaFinding report_;
  std::vector<One> ones_;
  std::vector<ExtentReader*> readers_;
  std::vector<ReplicaExtent> extents_;
  std::vector<std::optional<Error>> failures_;
};

// One extent of several regions in its turn.
struct ReplicaVisit {
  ExtentId extent;
  const ReplicaLeaves& leaves;
  Turn& turn;
};

// Visits the extents that a walk selects of several regions, several at once, up to the last extent
// of the region that has the most. What visits say in their turns is said in the order of the
// extents; `report` gets the findings of directories, in between. Returns false where it was
// stopped before all were visited.
bool walk_replicas(std::span<const Region* const> regions, const WalkOptions& options,
                   const ReplicaFinding& report,
                   const std::function<void(const ReplicaVisit&)>& visit);

}  // namespace libregion
