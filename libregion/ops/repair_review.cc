#include "libregion/ops/repair_review.h"

#include <algorithm>

#include <fmt/format.h>

namespace libregion {
namespace {

bool makes_better(const RepairStep& step) {
  switch (step.kind) {
    case RepairKind::forgotten:
    case RepairKind::metadata:
    case RepairKind::marked_dirty: return false;
    default: return true;
  }
}

}  // namespace

void RepairReview::add_before(const RepairJob& job) {
  if (job.trouble_before == 0) return;
  const std::lock_guard lock(mutex_);
  Trouble& trouble = extents_[job.extent];
  trouble.before = job.trouble_before;
  trouble.should_be_better = std::any_of(job.steps.begin(), job.steps.end(), makes_better);
}

void RepairReview::add_after(const RepairJob& job) {
  const std::uint64_t after = trouble_of(job, geometry_);
  if (after == 0) return;
  const std::lock_guard lock(mutex_);
  extents_[job.extent].after = after;
}

bool RepairReview::is_better() const {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  for (const auto& [extent, trouble] : extents_) {
    if (trouble.after > trouble.before) return false;
    if (!trouble.should_be_better) continue;
    before += trouble.before;
    after += trouble.after;
  }
  return before == 0 || after < before;
}

std::string RepairReview::describe_worse() const {
  for (const auto& [extent, trouble] : extents_) {
    if (trouble.after <= trouble.before) continue;
    return fmt::format("extent {}: {} wrong before, {} afterwards", extent.value, trouble.before,
                       trouble.after);
  }
  return {};
}

}  // namespace libregion
