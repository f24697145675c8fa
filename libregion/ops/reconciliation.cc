#include "libregion/ops/reconciliation.h"

#include <algorithm>
#include <tuple>

namespace libregion {
namespace {

auto age_of(const ExtentMetadata& metadata) {
  return std::tuple(metadata.gen_number, metadata.flush_number, metadata.dirty);
}

}  // namespace

bool is_newer(const ExtentMetadata& left, const ExtentMetadata& right) {
  return age_of(left) > age_of(right);
}

bool needs_reconciliation(std::span<const std::optional<ExtentMetadata>> replicas) {
  return std::any_of(replicas.begin(), replicas.end(), [&](const auto& replica) {
    return !replica || replica->dirty || !replicas.front() ||
           age_of(*replica) != age_of(*replicas.front());
  });
}

std::optional<std::size_t> reconciliation_source(
    std::span<const std::optional<ExtentMetadata>> replicas) {
  std::optional<std::size_t> source;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    if (!replicas[i]) continue;
    if (!source || is_newer(*replicas[i], *replicas[*source])) source = i;
  }
  return source;
}

}  // namespace libregion
