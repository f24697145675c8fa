// Every block with all that is known of it: both slots decoded, or its rows; which of them is
// selected; the data's hash. It reads and hashes the data of each block that is shown, changes
// nothing, and takes constant memory.

#pragma once

#include "libregion/format/encryption_key.h"
#include "libregion/ops/extent_visit.h"

namespace libregion {

// Reports the findings of each extent as a whole, its record, then its blocks (Reporter::block).
// With a key also whether each block decrypts.
VisitTotals dump_slots(const Region& region, const WalkOptions& walk, Progress* progress,
                       Reporter& reporter, const EncryptionKey* key = nullptr);

}  // namespace libregion
