// What Crucible does with the replicas of an extent when it opens a volume: where their
// (generation, flush, dirty) differ, or any of them is dirty, one replica is the source, and the
// others receive a copy of its file.

#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "libregion/format/metadata.h"

namespace libregion {

// Whether `left` would be the source rather than `right`: the higher generation, then the higher
// flush number, then the dirty one.
bool is_newer(const ExtentMetadata& left, const ExtentMetadata& right);

// Whether Crucible would make these replicas equal. One whose metadata cannot be read differs.
bool needs_reconciliation(std::span<const std::optional<ExtentMetadata>> replicas);

// Which replica would be the source: the newest, of several the first. nullopt where none has
// metadata.
std::optional<std::size_t> reconciliation_source(
    std::span<const std::optional<ExtentMetadata>> replicas);

}  // namespace libregion
