#include "libregion/ops/import_check.h"

#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/extent_rebuild.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

class ExtentCheck {
 public:
  ExtentCheck(const Region& region, const Leaf& leaf, ExtentId extent, const ImportRange& range)
      : region_(region),
        leaf_(leaf),
        extent_(extent),
        range_(range),
        geometry_(region.definition.geometry),
        parts_(leaf.parts_of(extent)) {}

  ImportCheck run() {
    try {
      check();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      result_.has_io_errors = true;
      refuse({unreadable_finding(extent_, error)});
    }
    return std::move(result_);
  }

 private:
  void refuse(std::vector<Finding> findings) {
    result_.is_refused = true;
    std::move(findings.begin(), findings.end(), std::back_inserter(result_.findings));
  }

  void check() {
    if (leaf_.is_unreadable()) {
      // The finding of the directory says it.
      result_.has_io_errors = true;
      return refuse({});
    }
    if (leaf_.directory() == nullptr || parts_.empty()) {
      return refuse({Finding{FindingId::missing_extent, extent_, extent_path(extent_)}});
    }
    const Directory& directory = *leaf_.directory();
    check_leftovers(directory);
    if (!parts_.has(ExtentPart::replace)) return check_extent(directory, parts_);

    std::vector<Finding> problems = check_replacement(directory, extent_, parts_, geometry_);
    if (!problems.empty()) return refuse(std::move(problems));
    if (auto finding = probe_extent_file(region_, directory, extent_, ExtentPart::data)) {
      result_.has_io_errors = true;
      return refuse({std::move(*finding)});
    }
    const Replacement replacement = open_replacement(directory, extent_);
    check_extent(*replacement.directory, replacement.parts);
  }

  // What is no directory could not be removed.
  void check_leftovers(const Directory& directory) {
    for (const ExtentPart part : {ExtentPart::copy, ExtentPart::completed}) {
      if (!parts_.has(part)) continue;
      const auto status = directory.status_of(extent_file_name(extent_, part));
      if (!status || status->kind == FileKind::directory) continue;
      Finding finding{FindingId::not_a_regular_file, extent_, extent_path(extent_, part)};
      finding.expected = "a directory with a repair's files";
      refuse({std::move(finding)});
    }
  }

  void check_extent(const Directory& directory, const ExtentParts& parts) {
    if (format_of(parts) != ExtentFormat::raw) {
      Finding finding{FindingId::replace_format_mismatch, extent_,
                      extent_path(extent_, ExtentPart::replace)};
      finding.expected = "raw files";
      finding.found = "sqlite files";
      return refuse({std::move(finding)});
    }
    OpenedExtent opened = open_extent(directory, extent_, parts, geometry_,
                                      [&](File& file) { region_.use->claim(file); });
    if (opened.reader != nullptr) result_.metadata = opened.reader->metadata();
    if (has_error(opened.findings)) return refuse(std::move(opened.findings));
    if (auto obstacle = find_obstacle(extent_, *result_.metadata)) {
      return refuse({std::move(*obstacle)});
    }
    check_kept_blocks(*opened.reader);
  }

  void check_kept_blocks(ExtentReader& reader) {
    KeptBlockCheck check(region_.definition, extent_, reader);
    const auto visit = [&](const BlockRecord& record) { check.check(record); };
    const BlockRange covered = range_.covered_blocks_of(extent_);
    reader.read_blocks({0, covered.first}, visit);
    reader.read_blocks({covered.end(), geometry_.extent_size_blocks() - covered.end()}, visit);
    std::vector<Finding> errors = check.take_errors();
    if (!errors.empty()) refuse(std::move(errors));
  }

  const Region& region_;
  const Leaf& leaf_;
  ExtentId extent_;
  const ImportRange& range_;
  Geometry geometry_;
  ExtentParts parts_;
  ImportCheck result_;
};

}  // namespace

ImportCheck check_import(const Region& region, const Leaf& leaf, ExtentId extent,
                         const ImportRange& range) {
  return ExtentCheck(region, leaf, extent, range).run();
}

std::optional<Finding> find_obstacle(ExtentId extent, const ExtentMetadata& metadata) {
  constexpr std::uint64_t flush_number_max = std::numeric_limits<std::uint64_t>::max();
  if (metadata.dirty) return Finding{FindingId::reconciliation_due, extent, extent_path(extent)};
  if (metadata.flush_number < flush_number_max) return std::nullopt;
  Finding finding{FindingId::bad_metadata, extent, extent_path(extent)};
  finding.expected = "a flush number that can be counted on";
  finding.found = fmt::format("flush number {}", metadata.flush_number);
  return finding;
}

}  // namespace libregion
