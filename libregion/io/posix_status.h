// What stat(2) tells, in the words of the seam.

#pragma once

#include <string>

#include "libregion/io/file_system.h"

struct stat;

namespace libregion {

inline constexpr std::uint32_t posix_permission_bits = 07777;

// "a FIFO", for refusals; `mode` as stat(2) gives it.
std::string describe_kind(std::uint32_t mode);

FileStatus to_file_status(const struct stat& found);

// Of an open file; `path` is for the message of the SystemError.
struct stat stat_of(int descriptor, const std::string& path);

}  // namespace libregion
