// The best image that several replicas still hold, whatever state each of them is in.
//
// Of each block the newest data that a context proves, by the numbers of the replicas' extents
// (generation, flush, dirty; one whose metadata cannot be read comes last). With a key a block
// counts only where it decrypts. A block that no replica proves is zeros: never written, where
// some replica says so and none has a context for it; else lost, which is a finding. The replicas
// are not changed.

#pragma once

#include "libregion/format/encryption_key.h"
#include "libregion/io/image_target.h"
#include "libregion/ops/replica_set.h"
#include "libregion/ops/walk.h"

namespace libregion {

struct SalvageOptions {
  WalkOptions walk;
  const EncryptionKey* key = nullptr;
  Progress* progress = nullptr;
};

struct SalvageSummary {
  std::uint64_t extent_count = 0;
  std::uint64_t block_count = 0;
  std::uint64_t proven_count = 0;  // of these
  std::uint64_t unwritten_count = 0;
  std::uint64_t lost_count = 0;
  std::uint64_t image_bytes = 0;
  std::uint64_t data_bytes = 0;
  bool has_io_errors = false;  // something could not be read of some replica
  bool has_changed = false;    // somebody used an extent while it was read
  bool stopped = false;

  [[nodiscard]] bool is_whole() const { return !has_changed && !stopped; }
};

// Reports for each extent where its blocks are from, as records of type "origin", then findings of
// those that are lost and of what could not be read then, then the extent. Throws Error: usage
// where the image would be written over a file of a replica, failed where it cannot be written.
SalvageSummary salvage(const ReplicaSet& replicas, ImageTarget& image,
                       const SalvageOptions& options, Reporter& reporter);

}  // namespace libregion
