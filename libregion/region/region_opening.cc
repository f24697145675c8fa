#include "libregion/region/region_opening.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/extent_file.h"
#include "libregion/extent/open_extent.h"
#include "libregion/io/durable.h"
#include "libregion/region/leaf.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// An extent on its way to being open.
struct Candidate {
  ExtentId extent;
  ExtentParts parts;
  std::unique_ptr<File> file;  // none where a replacement is all there is
};

struct LeafCandidates {
  Leaf leaf;
  std::vector<Candidate> candidates;
};

[[noreturn]] void throw_refused(const Region& region, const Finding& finding) {
  const FindingInfo& info = finding_info(finding.id);
  std::string details;
  if (!finding.expected.empty()) details += ": expected " + finding.expected;
  if (!finding.found.empty()) {
    details += (details.empty() ? ": found " : ", found ") + finding.found;
  }
  throw Error(ErrorKind::failed,
              fmt::format("'{}/{}': {}{}", region.path, finding.file, info.message, details));
}

void refuse_if_any(const Region& region, const std::vector<Finding>& findings) {
  const auto is_error = [](const Finding& finding) {
    return finding_info(finding.id).severity == Severity::error;
  };
  const auto first = std::find_if(findings.begin(), findings.end(), is_error);
  if (first != findings.end()) throw_refused(region, *first);
}

[[noreturn]] void refuse_sqlite(const Region& region, ExtentId extent, ExtentPart found_in) {
  throw Error(ErrorKind::failed,
              fmt::format("'{}/{}': a SQLite extent: it has to be migrated first", region.path,
                          extent_path(extent, found_in)));
}

// ---- before anything is changed -----------------------------------------------------------------

void check_pending(const Region& region, const Leaf& leaf, const Candidate& candidate) {
  refuse_if_any(region, check_replacement(*leaf.directory(), candidate.extent, candidate.parts,
                                          region.definition.geometry));
  const Replacement replacement = open_replacement(*leaf.directory(), candidate.extent);
  if (format_of(replacement.parts) == ExtentFormat::sqlite) {
    refuse_sqlite(region, candidate.extent, ExtentPart::replace);
  }
}

Candidate open_candidate(const Region& region, const Leaf& leaf, ExtentId extent) {
  Candidate candidate{extent, leaf.parts_of(extent), nullptr};
  if (candidate.parts.has(ExtentPart::db)) refuse_sqlite(region, extent, ExtentPart::db);
  // Before the file is open: the lease of a writer is refused while it is open twice.
  const bool is_replaced = candidate.parts.has(ExtentPart::replace);
  if (is_replaced) check_pending(region, leaf, candidate);
  if (is_replaced && !candidate.parts.has(ExtentPart::data)) return candidate;
  if (leaf.directory() == nullptr) {
    throw_refused(region, {FindingId::missing_extent, extent, extent_path(extent)});
  }
  std::vector<Finding> findings;
  candidate.file = open_extent_file(
      *leaf.directory(), extent, ExtentPart::data, Access::read_write,
      [&](File& file) { region.use->claim(file); }, findings);
  refuse_if_any(region, findings);
  return candidate;
}

LeafCandidates open_leaf(const Region& region, std::uint32_t first_extent) {
  LeafCandidates opened{Leaf::open(region, leaf_of(ExtentId{first_extent})), {}};
  refuse_if_any(region, opened.leaf.findings());
  const std::uint32_t left = region.definition.extent_count - first_extent;
  for (std::uint32_t i = 0; i < std::min(left, extents_per_leaf); ++i) {
    opened.candidates.push_back(open_candidate(region, opened.leaf, ExtentId{first_extent + i}));
  }
  return opened;
}

// ---- what changes the region --------------------------------------------------------------------

// Steps 2 and 3.
void finish_repairs(const Region& region, LeafCandidates& opened) {
  Directory& directory = *opened.leaf.directory();
  directory.sync();
  std::vector<ExtentId> copied;
  std::vector<File*> written;
  for (Candidate& candidate : opened.candidates) {
    remove_leftovers(directory, candidate.extent, candidate.parts);
    if (!candidate.parts.has(ExtentPart::replace)) continue;
    if (candidate.file == nullptr) {
      finish_replacement(directory, candidate.extent, candidate.parts, *region.use);
      candidate.file =
          open_file_in(directory, extent_file_name(candidate.extent), Access::read_write);
      region.use->claim(*candidate.file);
      continue;
    }
    copy_raw_replacement(directory, candidate.extent, *candidate.file);
    copied.push_back(candidate.extent);
    written.push_back(candidate.file.get());
  }
  if (copied.empty()) return;
  sync_files(*region.root, written);
  retire_replacements(directory, copied);
}

// Step 5.
void remove_stray_logs(const LeafCandidates& opened) {
  Directory& directory = *opened.leaf.directory();
  bool has_removed = false;
  for (const Candidate& candidate : opened.candidates) {
    for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
      if (!candidate.parts.has(part)) continue;
      directory.remove_file(extent_file_name(candidate.extent, part));
      has_removed = true;
    }
  }
  if (has_removed) directory.sync();
}

}  // namespace

std::vector<std::unique_ptr<RawExtentWriter>> open_extents_for_writing(
    const Region& region, const RawWriterOptions& options) {
  std::vector<LeafCandidates> leaves;
  const std::uint64_t extent_count = region.definition.extent_count;
  for (std::uint64_t first = 0; first < extent_count; first += extents_per_leaf) {
    leaves.push_back(open_leaf(region, static_cast<std::uint32_t>(first)));
  }
  for (LeafCandidates& opened : leaves) finish_repairs(region, opened);

  std::vector<std::unique_ptr<RawExtentWriter>> extents;
  for (LeafCandidates& opened : leaves) {
    for (Candidate& candidate : opened.candidates) {
      File& file = *candidate.file;
      extents.push_back(
          RawExtentWriter::open(std::move(candidate.file), region.definition.geometry, options));
      file.release_lease();
    }
  }
  for (const LeafCandidates& opened : leaves) remove_stray_logs(opened);
  return extents;
}

}  // namespace libregion
