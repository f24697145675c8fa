// What stat(2) tells, in the words of the seam.

#pragma once

#include <string>
#include <sys/stat.h>

#include "libregion/io/file_system.h"

namespace libregion {

inline constexpr mode_t posix_permission_bits = 07777;

// "a FIFO", for refusals.
std::string describe_kind(mode_t mode);

FileStatus to_file_status(const struct stat& found);

// Of an open file; `path` is for the message of the SystemError.
struct stat stat_of(int descriptor, const std::string& path);

}  // namespace libregion
