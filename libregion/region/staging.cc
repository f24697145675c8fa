#include "libregion/region/staging.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/extent_file.h"
#include "libregion/extent/open_extent.h"

namespace libregion {
namespace {

constexpr std::uint64_t copy_chunk_bytes = std::uint64_t{1} << 20;
constexpr unsigned tree_depth_max = 16;

Finding replacement_finding(FindingId id, ExtentId extent, std::string expected,
                            std::string found) {
  Finding finding{id, extent, extent_path(extent, ExtentPart::replace)};
  finding.expected = std::move(expected);
  finding.found = std::move(found);
  return finding;
}

// A replacement's files have the names of the extent they are for.
ExtentParts list_replacement(const Directory& replacement, ExtentId extent) {
  ExtentParts parts;
  replacement.list([&](const DirectoryEntry& entry) {
    const auto parsed = parse_extent_name(leaf_of(extent), entry.name);
    if (parsed && parsed->extent == extent) parts.add(parsed->part);
  });
  return parts;
}

// The target of a copy: what is there, or a new file like the one it is copied from.
std::unique_ptr<File> open_target(Directory& leaf, const std::string& name, const File& source) {
  if (leaf.status_of(name)) return open_file_in(leaf, name, Access::read_write);
  return leaf.create_file(name, source.status().ownership);
}

void copy_over(const File& source, File& target) {
  const std::uint64_t size_bytes = source.status().size_bytes;
  Bytes chunk;
  for (std::uint64_t at = 0; at < size_bytes; at += chunk.size()) {
    chunk.resize(std::min(copy_chunk_bytes, size_bytes - at));
    source.read(at, chunk);
    target.write(at, chunk);
    target.will_sync({at, chunk.size()});
  }
  target.resize(size_bytes);
}

void replace_part(Directory& leaf, const Directory& replacement, ExtentId extent, ExtentPart part,
                  const RegionUse& use) {
  const std::string name = extent_file_name(extent, part);
  const auto source = open_file_in(replacement, name, Access::read);
  const auto target = open_target(leaf, name, *source);
  use.claim(*target);
  copy_over(*source, *target);
  target->sync();
}

void remove_tree_at(Directory& parent, const std::string& name, unsigned depth) {
  if (depth > tree_depth_max) {
    throw Error(ErrorKind::failed, describe_failure({"rmdir", parent.path() + "/" + name},
                                                    "directories too deep for a region"));
  }
  const auto directory = open_directory_in(parent, name);
  std::vector<DirectoryEntry> entries;
  directory->list([&](const DirectoryEntry& entry) { entries.push_back(entry); });
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == FileKind::directory) {
      remove_tree_at(*directory, entry.name, depth + 1);
    } else {
      directory->remove_file(entry.name);
    }
  }
  parent.remove_directory(name);
}

}  // namespace

std::vector<Finding> check_replacement(const Directory& leaf, ExtentId extent,
                                       const ExtentParts& parts, const Geometry& geometry) {
  const auto pending = leaf.open_directory(extent_file_name(extent, ExtentPart::replace));
  if (const auto* refusal = std::get_if<Refusal>(&pending)) {
    return {
        replacement_finding(FindingId::replace_unusable, extent, "a directory", refusal->found)};
  }
  const auto& replacement = std::get<std::unique_ptr<Directory>>(pending);
  std::optional<std::string> directory_inside;
  replacement->list([&](const DirectoryEntry& entry) {
    if (entry.kind == FileKind::directory) directory_inside = entry.name;
  });
  if (directory_inside) {
    return {replacement_finding(FindingId::replace_unusable, extent, "files",
                                "a directory " + printable(*directory_inside))};
  }
  const ExtentParts replacement_parts = list_replacement(*replacement, extent);
  if (!replacement_parts.has(ExtentPart::data)) {
    return {replacement_finding(FindingId::replace_unusable, extent,
                                "a data file " + extent_file_name(extent), "none")};
  }
  // What is to be written over must be what it seems to be.
  for (const ExtentPart part :
       {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_shm}) {
    if (!parts.has(part)) continue;
    const auto target = leaf.open_file(extent_file_name(extent, part), Access::read);
    if (const auto* refusal = std::get_if<Refusal>(&target)) {
      return {refusal_finding(*refusal, extent, part)};
    }
  }
  // An extent that is gone altogether takes either format.
  const bool has_target = parts.has(ExtentPart::data) || parts.has(ExtentPart::db);
  const ExtentFormat format = format_of(replacement_parts);
  if (has_target && format != format_of(parts)) {
    return {replacement_finding(FindingId::replace_format_mismatch, extent,
                                fmt::format("{} files", format_name(format_of(parts))),
                                fmt::format("{} files", format_name(format)))};
  }
  for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
    if (!replacement_parts.has(part)) continue;
    const auto file = replacement->open_file(extent_file_name(extent, part), Access::read);
    if (const auto* refusal = std::get_if<Refusal>(&file)) {
      return {replacement_finding(FindingId::replace_unusable, extent,
                                  "a regular file " + extent_file_name(extent, part),
                                  refusal->found)};
    }
  }
  const OpenedExtent opened =
      open_extent(*replacement, extent, replacement_parts, geometry, [](File&) {});
  std::vector<Finding> findings;
  for (const Finding& problem : opened.findings) {
    const FindingInfo& info = finding_info(problem.id);
    if (info.severity != Severity::error) continue;
    findings.push_back(replacement_finding(
        FindingId::replace_unusable, extent, problem.expected,
        fmt::format("{}: {}: {}", extent_file_name(extent), info.name, problem.found)));
  }
  return findings;
}

Replacement open_replacement(const Directory& leaf, ExtentId extent) {
  Replacement replacement;
  replacement.directory = open_directory_in(leaf, extent_file_name(extent, ExtentPart::replace));
  replacement.parts = list_replacement(*replacement.directory, extent);
  return replacement;
}

void finish_replacement(Directory& leaf, ExtentId extent, const ExtentParts& parts,
                        const RegionUse& use) {
  {
    const auto [replacement, replacement_parts] = open_replacement(leaf, extent);
    // The database first: an extent that has neither would else look like a raw one if this stops
    // here.
    if (replacement_parts.has(ExtentPart::db)) {
      // A log of the old database must not meet the new one, so it goes first.
      for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
        if (parts.has(part) && !replacement_parts.has(part)) {
          leaf.remove_file(extent_file_name(extent, part));
        }
      }
      for (const ExtentPart part : {ExtentPart::db, ExtentPart::db_shm, ExtentPart::db_wal}) {
        if (replacement_parts.has(part)) replace_part(leaf, *replacement, extent, part, use);
      }
      if (!parts.has(ExtentPart::data)) leaf.sync();
    }
    if (replacement_parts.has(ExtentPart::data)) {
      replace_part(leaf, *replacement, extent, ExtentPart::data, use);
    }
  }
  leaf.sync();
  retire_replacements(leaf, {&extent, 1});
}

void copy_raw_replacement(const Directory& leaf, ExtentId extent, File& data_file) {
  const auto replacement = open_replacement(leaf, extent).directory;
  copy_over(*open_file_in(*replacement, extent_file_name(extent), Access::read), data_file);
}

void retire_replacements(Directory& leaf, std::span<const ExtentId> extents) {
  for (const ExtentId extent : extents) {
    leaf.rename(extent_file_name(extent, ExtentPart::replace),
                extent_file_name(extent, ExtentPart::completed));
  }
  leaf.sync();
  for (const ExtentId extent : extents) {
    remove_tree(leaf, extent_file_name(extent, ExtentPart::completed));
  }
  leaf.sync();
}

void remove_leftovers(Directory& leaf, ExtentId extent, const ExtentParts& parts) {
  for (const ExtentPart part : {ExtentPart::copy, ExtentPart::completed}) {
    if (parts.has(part)) remove_tree(leaf, extent_file_name(extent, part));
  }
  if (parts.has(ExtentPart::copy) || parts.has(ExtentPart::completed)) leaf.sync();
}

void remove_tree(Directory& parent, const std::string& name) { remove_tree_at(parent, name, 0); }

std::vector<Finding> pending_findings(ExtentId extent, const ExtentParts& parts) {
  constexpr std::array pending = {std::pair(ExtentPart::copy, FindingId::copy_pending),
                                  std::pair(ExtentPart::replace, FindingId::replace_pending),
                                  std::pair(ExtentPart::completed, FindingId::completed_pending)};
  std::vector<Finding> findings;
  for (const auto& [part, id] : pending) {
    if (parts.has(part)) findings.push_back(Finding{id, extent, extent_path(extent, part)});
  }
  return findings;
}

}  // namespace libregion
