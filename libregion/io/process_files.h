// Which other processes have files open: from /proc, where there is one. Processes of other users
// are seen only by root.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libregion/io/file_system.h"

namespace libregion {

std::vector<FileUser> processes_with_file_open(std::uint64_t device, std::uint64_t inode);

// nullopt where there is no /proc to look at.
std::optional<std::vector<FileUser>> processes_with_files_open_below(const std::string& path);

}  // namespace libregion
