#include "libregion/ops/repair_context.h"

#include "libregion/base/work_places.h"

namespace libregion {

RepairContext::RepairContext(const Region& region, const RepairOptions& options, Access access)
    : region_(region), options_(options), access_(access) {
  if (options.replicas.empty()) return;
  std::vector<const Region*> regions{&region};
  regions.insert(regions.end(), options.replicas.begin(), options.replicas.end());
  replicas_ = std::make_unique<ReplicaSet>(std::move(regions));
}

std::unique_lock<std::mutex> RepairContext::begin_change() {
  const Absence absence;
  return std::unique_lock(changing_);
}

UndoLog& RepairContext::undo() {
  if (undo_ == nullptr) {
    undo_ = std::make_unique<UndoLog>(*options_.undo_file_system, *options_.undo_path,
                                      region_.definition.uuid, file_ownership());
  }
  return *undo_;
}

Ownership RepairContext::file_ownership() const {
  return region_.root->status_of(definition_name)->ownership;
}

}  // namespace libregion
