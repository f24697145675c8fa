// What stands in a region's directories, as a bundle lists it.

#pragma once

#include <map>
#include <string>

#include "libregion/format/bundle_members.h"
#include "libregion/format/bundle_records.h"
#include "libregion/io/file_system.h"

namespace libregion {

// By name. What is in the directories of a leaf's repairs is in the leaf's.
struct Listed {
  std::map<std::string, ListedEntry> entries;

  [[nodiscard]] Bytes bytes() const;
  // 0 where there is no such file.
  [[nodiscard]] std::uint64_t size_of(const std::string& name) const;
  [[nodiscard]] bool has_directory(const std::string& name) const;

  // The parts of all extents in a leaf directory, and those of one in its replacement.
  [[nodiscard]] std::map<ExtentId, ExtentParts> parts_in(LeafId leaf) const;
  [[nodiscard]] ExtentParts replacement_parts_of(ExtentId extent) const;
};

// The entry for a name in a directory; nullopt where it is gone meanwhile. A file with several
// names is one of another kind, as nobody opens it.
std::optional<ListedEntry> look_at_entry(const Directory& directory, const DirectoryEntry& entry);

// Where the files of an extent, or of its replacement, are.
struct BundledPlace {
  const Directory& directory;
  const Listed& listed;
  ExtentId extent;
  bool is_replacement = false;

  [[nodiscard]] std::string name_of(ExtentPart part) const {
    const std::string name = extent_file_name(extent, part);
    return is_replacement ? extent_file_name(extent, ExtentPart::replace) + "/" + name : name;
  }
  [[nodiscard]] std::string path_of(ExtentPart part) const {
    return leaf_directory_path(leaf_of(extent)) + "/" + name_of(part);
  }
  [[nodiscard]] std::uint64_t size_of(ExtentPart part) const {
    return listed.size_of(name_of(part));
  }
  [[nodiscard]] BundleMember member(MemberKind kind, ExtentPart part = ExtentPart::data) const {
    return {kind, leaf_of(extent), extent, is_replacement, part};
  }
};

}  // namespace libregion
