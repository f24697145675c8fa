#include "libregion/io/posix_status.h"

#include <cerrno>
#include <sys/stat.h>

#include "libregion/base/error.h"

namespace libregion {
namespace {

// What st_blocks counts in, whatever the file system's own blocks are.
constexpr std::uint64_t block_unit_bytes = 512;

FileKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symbolic_link;
  return FileKind::other;
}

}  // namespace

std::string describe_kind(std::uint32_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISBLK(mode)) return "a block device";
  if (S_ISCHR(mode)) return "a character device";
  return "something unknown";
}

FileStatus to_file_status(const struct stat& found) {
  FileStatus status;
  status.kind = kind_of_mode(found.st_mode);
  status.size_bytes = static_cast<std::uint64_t>(found.st_size);
  status.allocated_bytes = static_cast<std::uint64_t>(found.st_blocks) * block_unit_bytes;
  status.link_count = found.st_nlink;
  status.ownership = {found.st_uid, found.st_gid, found.st_mode & posix_permission_bits};
  status.change_time_ns =
      std::int64_t{found.st_ctim.tv_sec} * 1'000'000'000 + found.st_ctim.tv_nsec;
  status.device = found.st_dev;
  status.inode = found.st_ino;
  return status;
}

struct stat stat_of(int descriptor, const std::string& path) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) throw_system_error(errno, {"fstat", path});
  return found;
}

}  // namespace libregion
