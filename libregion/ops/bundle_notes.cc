#include "libregion/ops/bundle_notes.h"

#include <fmt/format.h>

#include "libregion/base/text.h"

namespace libregion {

void BundleNotes::add_not_carried(std::optional<ExtentId> extent, const std::string& file,
                                  const std::string& reason) {
  OtherRecord record{"not_carried", extent, file};
  record.fields = {{"reason", reason}};
  record.text = fmt::format("not carried: {}: {}\n", printable(file), reason);
  reporter_.record(record);
  ++summary_.not_carried_count;
}

void BundleNotes::add_unreadable(std::optional<ExtentId> extent, const std::string& file,
                                 const Error& error) {
  if (error.kind() != ErrorKind::failed) throw;
  Finding finding{unreadable_finding_id(error), extent, file};
  finding.found = error.what();
  reporter_.finding(finding);
  add_not_carried(extent, file, "cannot be read");
  summary_.has_io_errors = true;
}

void BundleNotes::add_changed(ExtentId extent, const std::string& file) {
  summary_.has_changed = true;
  reporter_.finding({FindingId::changed_while_read, extent, file});
}

void BundleNotes::add_blocks(std::uint64_t block_count, std::uint64_t data_bytes) {
  summary_.block_count += block_count;
  summary_.data_bytes += data_bytes;
}

}  // namespace libregion
