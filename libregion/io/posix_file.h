// A regular file of a POSIX system.

#pragma once

#include <memory>
#include <string>

#include "libregion/io/failed_sync.h"
#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"

namespace libregion {

// `path` is for messages; `failed_sync` is that of the directory it was opened from.
std::unique_ptr<File> make_posix_file(FileDescriptor descriptor, std::string path,
                                      const PosixOptions& options,
                                      std::shared_ptr<FailedSync> failed_sync);

}  // namespace libregion
