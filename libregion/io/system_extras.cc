#include "libregion/io/system_extras.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace libregion {

#if defined(__linux__)

namespace {

// The default of SIGIO, which tells of a broken lease, kills the process.
void ignore_lease_signal() {
  static const bool done = [] {
    struct sigaction current {};
    if (::sigaction(SIGIO, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
      (void)std::signal(SIGIO, SIG_IGN);
    }
    return true;
  }();
  (void)done;
}

}  // namespace

Grant take_file_lease(int descriptor, Access against) {
  ignore_lease_signal();
  const int kind = against == Access::read ? F_RDLCK : F_WRLCK;
  if (::fcntl(descriptor, F_SETLEASE, kind) == 0) return Grant::granted;
  return errno == EAGAIN ? Grant::refused : Grant::unsupported;
}

bool file_lease_is_broken(int descriptor, Access against) {
  // Of a lease that is being broken the kernel tells what it must become.
  return ::fcntl(descriptor, F_GETLEASE) != (against == Access::read ? F_RDLCK : F_WRLCK);
}

void release_file_lease(int descriptor) { (void)::fcntl(descriptor, F_SETLEASE, F_UNLCK); }

bool syncfs_reports_errors() {
  static const bool reports = [] {
    struct utsname system {};
    if (::uname(&system) != 0) return false;
    char* rest = nullptr;
    const long major = std::strtol(static_cast<const char*>(system.release), &rest, 10);
    const long minor = *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
    return major > 5 || (major == 5 && minor >= 8);
  }();
  return reports;
}

int sync_whole_file_system(int descriptor) { return ::syncfs(descriptor); }

namespace {

std::string name_of_descriptor(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

}  // namespace

int open_again(int descriptor, int flags) {
  return ::open(name_of_descriptor(descriptor).c_str(), flags);
}

bool has_lost_its_name(int descriptor) {
  constexpr std::string_view mark = " (deleted)";
  std::string target(PATH_MAX + mark.size(), '\0');
  const ssize_t length =
      ::readlink(name_of_descriptor(descriptor).c_str(), target.data(), target.size());
  if (length < 0) return false;
  target.resize(static_cast<std::size_t>(length));
  return target.ends_with(mark);
}

int create_unnamed_file(int directory) {
  return ::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int name_file(int descriptor, int directory, const char* name) {
  if (::linkat(descriptor, "", directory, name, AT_EMPTY_PATH) == 0) return 0;
  // Who is not root may go this way only.
  if (errno != ENOENT && errno != EPERM) return -1;
  return ::linkat(AT_FDCWD, name_of_descriptor(descriptor).c_str(), directory, name,
                  AT_SYMLINK_FOLLOW);
}

std::size_t read_cached_bytes(int descriptor, std::uint64_t offset_bytes, MutableByteView target) {
  struct iovec part {};
  part.iov_base = target.data();
  part.iov_len = target.size();
  const ssize_t count =
      ::preadv2(descriptor, &part, 1, static_cast<off_t>(offset_bytes), RWF_NOWAIT);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::int64_t seek_in_file(int descriptor, Seek what, std::uint64_t offset_bytes) {
  return ::lseek(descriptor, static_cast<off_t>(offset_bytes),
                 what == Seek::data ? SEEK_DATA : SEEK_HOLE);
}

std::int64_t copy_between_files(int source, int target, const FileCopy& copy) {
  auto source_offset = static_cast<off_t>(copy.source.offset_bytes);
  auto target_offset = static_cast<off_t>(copy.target_offset_bytes);
  return ::copy_file_range(source, &source_offset, target, &target_offset, copy.source.length_bytes,
                           0);
}

void begin_to_write(int descriptor, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  (void)::sync_file_range(descriptor, static_cast<off_t>(offset_bytes),
                          static_cast<off_t>(length_bytes), SYNC_FILE_RANGE_WRITE);
}

#else

void begin_to_write(int, std::uint64_t, std::uint64_t) {}
std::size_t read_cached_bytes(int, std::uint64_t, MutableByteView) { return 0; }
Grant take_file_lease(int, Access) { return Grant::unsupported; }
bool file_lease_is_broken(int, Access) { return false; }
void release_file_lease(int) {}
bool syncfs_reports_errors() { return false; }
int open_again(int, int) {
  errno = ENOSYS;
  return -1;
}
bool has_lost_its_name(int) { return false; }
int create_unnamed_file(int) { return -1; }
int name_file(int, int, const char*) {
  errno = ENOSYS;
  return -1;
}
int sync_whole_file_system(int) {
  errno = ENOSYS;
  return -1;
}
std::int64_t seek_in_file(int, Seek, std::uint64_t) {
  errno = EINVAL;
  return -1;
}
std::int64_t copy_between_files(int, int, const FileCopy&) {
  errno = ENOSYS;
  return -1;
}

#endif

// Advice may be refused; nothing depends on it.
void disable_read_ahead(int descriptor) {
  (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM);
}

void drop_cached_bytes(int descriptor, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  if (length_bytes == 0) return;  // which the system takes for all that follows
  (void)::posix_fadvise(descriptor, static_cast<off_t>(offset_bytes),
                        static_cast<off_t>(length_bytes), POSIX_FADV_DONTNEED);
}

}  // namespace libregion
