// Paths outside a region, as users name them.

#pragma once

#include <string>

#include "libregion/io/file_system.h"

namespace libregion {

// The directory that the last component of a path stands in ("." where there is no other), and that
// component.
struct SplitPath {
  std::string directory;
  std::string name;
};
SplitPath split_path(const std::string& path);

// Whether what the path names, or will name, stands in the directory or anywhere below it. Throws
// Error where the directory it stands in cannot be opened.
bool is_below(FileSystem& file_system, const Directory& directory, const std::string& path);

// Whether a file of this device and inode has a name in the directory or anywhere below it.
bool has_file_below(const Directory& directory, const FileStatus& file);

// Where the path is a symbolic link to a regular file: that file's path, without links; else the
// path.
std::string follow_links(const std::string& path);

}  // namespace libregion
