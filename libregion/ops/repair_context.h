// What the repairs of a region's extents share.

#pragma once

#include <memory>
#include <mutex>

#include "libregion/ops/repair.h"
#include "libregion/ops/replica_set.h"
#include "libregion/ops/undo_log.h"

namespace libregion {

class RepairContext {
 public:
  // Files are opened with `access`.
  RepairContext(const Region& region, const RepairOptions& options, Access access);

  [[nodiscard]] const Region& region() const { return region_; }
  [[nodiscard]] const RepairOptions& options() const { return options_; }
  [[nodiscard]] const ReplicaSet* replicas() const { return replicas_.get(); }
  [[nodiscard]] Access access() const { return access_; }

  // Held while an extent is changed: that is done one at a time. Whoever waits for it leaves its
  // place to others; whoever has it may wait for them.
  [[nodiscard]] std::unique_lock<std::mutex> begin_change();

  [[nodiscard]] bool saves() const { return options_.undo_path.has_value(); }
  // Made when it is first needed.
  UndoLog& undo();
  // nullptr where nothing was saved yet.
  [[nodiscard]] UndoLog* undo_if_any() { return undo_.get(); }

  // Owner and mode of the region's files: those of region.json.
  [[nodiscard]] Ownership file_ownership() const;

 private:
  const Region& region_;
  const RepairOptions& options_;
  Access access_;
  std::unique_ptr<ReplicaSet> replicas_;  // the region itself, then the others
  std::mutex changing_;
  std::unique_ptr<UndoLog> undo_;
};

}  // namespace libregion
