#include "libregion/ops/bundle_listing.h"

namespace libregion {

Bytes Listed::bytes() const {
  Bytes listing;
  for (const auto& [name, entry] : entries) append_entry(listing, entry);
  return listing;
}

std::uint64_t Listed::size_of(const std::string& name) const {
  const auto found = entries.find(name);
  return found == entries.end() ? 0 : found->second.size_bytes;
}

bool Listed::has_directory(const std::string& name) const {
  const auto found = entries.find(name);
  return found != entries.end() && found->second.kind == ListedKind::directory;
}

std::map<ExtentId, ExtentParts> Listed::parts_in(LeafId leaf) const {
  std::map<ExtentId, ExtentParts> parts;
  for (const auto& [name, entry] : entries) {
    const auto parsed = parse_extent_name(leaf, name);
    if (parsed) parts[parsed->extent].add(parsed->part);
  }
  return parts;
}

ExtentParts Listed::replacement_parts_of(ExtentId extent) const {
  ExtentParts parts;
  const std::string directory = extent_file_name(extent, ExtentPart::replace) + "/";
  for (const ExtentPart part : all_extent_parts) {
    if (entries.contains(directory + extent_file_name(extent, part))) parts.add(part);
  }
  return parts;
}

std::optional<ListedEntry> look_at_entry(const Directory& directory, const DirectoryEntry& entry) {
  ListedEntry listed{entry.name, ListedKind::other};
  if (entry.kind == FileKind::directory) listed.kind = ListedKind::directory;
  if (entry.kind != FileKind::regular) return listed;
  const auto status = directory.status_of(entry.name);
  if (!status) return std::nullopt;
  if (status->link_count > 1) return listed;
  listed.kind = ListedKind::file;
  listed.size_bytes = status->size_bytes;
  return listed;
}

}  // namespace libregion
