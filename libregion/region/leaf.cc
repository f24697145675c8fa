#include "libregion/region/leaf.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "libregion/base/error.h"

namespace libregion {
namespace {

Finding stray(const std::string& file) {
  Finding finding{FindingId::stray_file};
  finding.file = file;
  return finding;
}

Finding not_a_directory(const std::string& file, std::string found) {
  Finding finding{FindingId::not_a_regular_file};
  finding.file = file;
  finding.expected = "a directory";
  finding.found = std::move(found);
  return finding;
}

// The number of leaves that the region's extents fill, the last one perhaps in part.
std::uint32_t leaf_count(const RegionDefinition& definition) {
  return definition.extent_count / extents_per_leaf +
         (definition.extent_count % extents_per_leaf != 0 ? 1 : 0);
}

void sort_by_file(std::vector<Finding>& findings) {
  std::sort(findings.begin(), findings.end(),
            [](const Finding& left, const Finding& right) { return left.file < right.file; });
}

std::vector<Finding> find_surplus_below(const Region& region, const std::string& top_name,
                                        std::vector<LeafId>& leaves_beyond) {
  std::vector<Finding> findings;
  const auto top = *parse_top_directory_name(top_name);
  auto opened = region.root->open_directory(top_name);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    return {not_a_directory(top_name, refusal->found)};
  }
  std::get<std::unique_ptr<Directory>>(opened)->list([&](const DirectoryEntry& entry) {
    const auto middle = parse_leaf_directory_name(entry.name);
    if (!middle) {
      findings.push_back(stray(top_name + "/" + entry.name));
      return;
    }
    const LeafId leaf{top << 12U | *middle};
    if (leaf.value >= leaf_count(region.definition)) leaves_beyond.push_back(leaf);
  });
  sort_by_file(findings);
  return findings;
}

}  // namespace

ExtentParts parts_in(const Directory& leaf, ExtentId extent) {
  ExtentParts parts;
  for (const ExtentPart part : all_extent_parts) {
    if (leaf.status_of(extent_file_name(extent, part))) parts.add(part);
  }
  return parts;
}

Leaf Leaf::open(const Region& region, LeafId id) {
  Leaf leaf(id);
  try {
    leaf.list(region);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    leaf.is_unreadable_ = true;
    leaf.extents_.clear();
    Finding finding{unreadable_finding_id(error)};
    finding.file = leaf_directory_path(id);
    finding.found = error.what();
    leaf.findings_ = {std::move(finding)};
  }
  return leaf;
}

void Leaf::list(const Region& region) {
  const std::string path = leaf_directory_path(id_);
  auto opened = region.root->open_directory(path);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    if (refusal->reason != Refusal::Reason::missing) {
      findings_.push_back(not_a_directory(path, refusal->found));
    }
    return;
  }
  directory_ = std::move(std::get<std::unique_ptr<Directory>>(opened));
  directory_->list([&](const DirectoryEntry& entry) {
    if (const auto parsed = parse_extent_name(id_, entry.name)) {
      extents_[parsed->extent].add(parsed->part);
    } else {
      findings_.push_back(stray(path + "/" + entry.name));
    }
  });
  sort_by_file(findings_);
}

ExtentParts Leaf::parts_of(ExtentId extent) const {
  const auto found = extents_.find(extent);
  return found == extents_.end() ? ExtentParts{} : found->second;
}

Surplus find_surplus(const Region& region) {
  constexpr std::array expected = {definition_name, seed_database_name};
  Surplus surplus;
  std::vector<std::string> tops;
  region.root->list([&](const DirectoryEntry& entry) {
    if (parse_top_directory_name(entry.name)) {
      tops.push_back(entry.name);
    } else if (std::find(expected.begin(), expected.end(), entry.name) == expected.end()) {
      surplus.findings.push_back(stray(entry.name));
    }
  });
  std::sort(tops.begin(), tops.end());
  sort_by_file(surplus.findings);
  for (const std::string& top : tops) {
    std::vector<Finding> below = find_surplus_below(region, top, surplus.leaves_beyond);
    std::move(below.begin(), below.end(), std::back_inserter(surplus.findings));
  }
  std::sort(surplus.leaves_beyond.begin(), surplus.leaves_beyond.end());
  return surplus;
}

std::vector<Finding> find_extra_extents(const Leaf& leaf, std::uint32_t extent_count) {
  std::vector<Finding> findings;
  const auto first = leaf.extents().lower_bound(ExtentId{extent_count});
  for (auto extra = first; extra != leaf.extents().end(); ++extra) {
    Finding finding{FindingId::extra_extent, extra->first, extent_path(extra->first)};
    finding.expected = fmt::format("{} extents", extent_count);
    finding.found = fmt::format("extent {}", extra->first.value);
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> stray_findings(ExtentId extent, const ExtentParts& parts) {
  std::vector<Finding> findings;
  if (parts.has(ExtentPart::db)) return findings;
  if (parts.has(ExtentPart::db_wal)) {
    findings.push_back(
        Finding{FindingId::stray_wal, extent, extent_path(extent, ExtentPart::db_wal)});
  }
  if (parts.has(ExtentPart::db_shm)) {
    findings.push_back(
        Finding{FindingId::stray_shm, extent, extent_path(extent, ExtentPart::db_shm)});
  }
  if (parts.has(ExtentPart::db_journal)) {
    findings.push_back(
        Finding{FindingId::stray_file, extent, extent_path(extent, ExtentPart::db_journal)});
  }
  return findings;
}

void report_surplus(const Region& region, Reporter& reporter, bool& has_io_errors) {
  const std::uint32_t extent_count = region.definition.extent_count;
  Surplus surplus = find_surplus(region);
  if (extent_count % extents_per_leaf != 0) {
    surplus.leaves_beyond.insert(surplus.leaves_beyond.begin(),
                                 leaf_of(ExtentId{extent_count - 1}));
  }
  for (const Finding& finding : surplus.findings) reporter.finding(finding);
  for (const LeafId id : surplus.leaves_beyond) {
    const Leaf leaf = Leaf::open(region, id);
    const bool is_beyond = id.value * std::uint64_t{extents_per_leaf} >= extent_count;
    for (const Finding& finding : leaf.findings()) {
      const bool is_told = !is_beyond && (has_io_errors || !leaf.is_unreadable());
      if (!is_told) reporter.finding(finding);
    }
    has_io_errors |= leaf.is_unreadable();
    for (const Finding& finding : find_extra_extents(leaf, extent_count)) {
      reporter.finding(finding);
    }
  }
}

}  // namespace libregion
