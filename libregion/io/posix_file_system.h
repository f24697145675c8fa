// The seam over a POSIX system. What only Linux has is used where it is there, and can be switched
// off, so that the plain ways are tested too.

#pragma once

#include "libregion/io/file_system.h"
#include "libregion/io/patience.h"
#include "libregion/io/rate_limit.h"

namespace libregion {

struct PosixOptions {
  bool use_openat2 = true;  // else O_NOFOLLOW, component by component
  bool use_syncfs = true;   // else sync_file_system() says that it cannot be had
  bool use_leases = true;   // else take_lease() says so
  bool use_ranges = true;   // else next_data() knows of no holes, copy_to() reads and writes
  // A file that gets an owner is complete before it has its name; else it may be seen without.
  bool use_unnamed_files = true;
  bool use_mappings = true;  // else view() shows nothing
  // With files that somebody else has a lease on, which cannot be opened meanwhile.
  Patience patience = {};
  // Slows down reading and writing, and leaves the page cache as it was found, where the system
  // lets that be done. Must outlive the file system.
  RateLimit* rate_limit = nullptr;
};

// Taking a lease makes the process ignore SIGIO, unless it has a handler for it: the signal that
// tells of a broken lease would kill it. The first view makes it catch SIGBUS: see mapped_window.h.
class PosixFileSystem : public FileSystem {
 public:
  explicit PosixFileSystem(const PosixOptions& options = {});

  [[nodiscard]] Opened<Directory> open_directory(const std::string& path) override;
  [[nodiscard]] std::vector<FileUser> users_of(const FileStatus& file) override;
  [[nodiscard]] std::optional<std::vector<FileUser>> users_below(const std::string& path) override;

 private:
  PosixOptions options_;
};

}  // namespace libregion
