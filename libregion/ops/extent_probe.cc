#include "libregion/ops/extent_probe.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "libregion/base/error.h"

namespace libregion {

Finding unreadable_finding(ExtentId extent, const Error& error) {
  Finding finding{unreadable_finding_id(error), extent, extent_path(extent)};
  finding.found = error.what();
  return finding;
}

std::optional<Finding> probe_extent_file(const Region& region, const Directory& leaf,
                                         ExtentId extent, ExtentPart part) {
  try {
    auto opened = leaf.open_file(extent_file_name(extent, part), Access::read);
    if (auto* file = std::get_if<std::unique_ptr<File>>(&opened)) region.use->claim(**file);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    return unreadable_finding(extent, error);
  }
  return std::nullopt;
}

bool has_broken_lease(const ExtentReader& extent) {
  const auto files = extent.files();
  return std::any_of(files.begin(), files.end(),
                     [](const File* file) { return file->lease_is_broken(); });
}

void yield_to_others(const Region& region, const Directory& leaf,
                     std::span<const ExtentId> awaited) {
  constexpr int tries = 20;
  for (int i = 0; i < tries; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const ExtentId extent : awaited) {
      (void)probe_extent_file(region, leaf, extent, ExtentPart::data);
    }
  }
}

}  // namespace libregion
