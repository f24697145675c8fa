#include "libregion/extent/open_extent.h"

#include "libregion/extent/extent_file.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/extent/sqlite_extent.h"

namespace libregion {

OpenedExtent open_extent(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                         const Geometry& geometry, const FileClaim& claim) {
  if (format_of(parts) == ExtentFormat::sqlite) {
    auto opening = SqliteExtent::open(leaf, extent, parts, geometry, Access::read, claim);
    return {std::move(opening.extent), std::move(opening.findings), std::move(opening.files)};
  }
  OpenedExtent opened;
  auto file =
      open_extent_file(leaf, extent, ExtentPart::data, Access::read, claim, opened.findings);
  if (file == nullptr) return opened;
  return RawExtent::open(std::move(file), geometry, extent, extent_path(extent));
}

ExtentSummary read_extent_summary(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                                  const Geometry& geometry, const FileClaim& claim) {
  if (format_of(parts) == ExtentFormat::sqlite) {
    return SqliteExtent::read_summary(leaf, extent, parts, geometry, claim);
  }
  ExtentSummary summary;
  auto file =
      open_extent_file(leaf, extent, ExtentPart::data, Access::read, claim, summary.findings);
  if (file == nullptr) return summary;
  return RawExtent::read_summary(std::move(file), geometry, extent, extent_path(extent));
}

}  // namespace libregion
