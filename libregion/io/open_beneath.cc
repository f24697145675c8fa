#include "libregion/io/open_beneath.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "libregion/base/error.h"
#include "libregion/io/file_descriptor.h"

#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace libregion {
namespace {

#if defined(__linux__) && defined(SYS_openat2)
std::atomic<bool> openat2_is_missing{false};

int open_with_openat2(int directory, const std::string& path, int flags) {
  struct open_how how {};
  how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how));
}
#endif

// O_NOFOLLOW on a last component that is a symbolic link gives ELOOP, but with O_DIRECTORY some
// systems give ENOTDIR, which would hide the link.
int open_component(int directory, const std::string& name, int flags) {
  const int opened = retry_on_interrupt(
      [&] { return ::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC); });
  if (opened >= 0 || errno != ENOTDIR) return opened;
  struct stat found {};
  const bool is_link = ::fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                       S_ISLNK(found.st_mode);
  errno = is_link ? ELOOP : ENOTDIR;
  return -1;
}

int open_by_components(int directory, const std::string& path, int flags) {
  FileDescriptor parent;
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = path.find('/', begin);
    const std::string name = path.substr(begin, slash - begin);
    if (name.empty() || name == "..") {
      errno = EXDEV;
      return -1;
    }
    const int at = parent.is_open() ? parent.number() : directory;
    if (slash == std::string::npos) return open_component(at, name, flags);
    FileDescriptor next(open_component(at, name, O_RDONLY | O_DIRECTORY));
    if (!next.is_open()) return -1;
    parent = std::move(next);
    begin = slash + 1;
  }
}

}  // namespace

int open_beneath(int directory, const std::string& path, int flags, bool use_openat2) {
#if defined(__linux__) && defined(SYS_openat2)
  if (use_openat2 && !openat2_is_missing) {
    const int opened =
        retry_on_interrupt([&] { return open_with_openat2(directory, path, flags); });
    // EAGAIN: something was renamed meanwhile, and the kernel could not tell. EPERM: a sandbox
    // that does not know the call.
    if (opened >= 0 || (errno != ENOSYS && errno != EAGAIN && errno != EPERM)) return opened;
    if (errno == ENOSYS) openat2_is_missing = true;
  }
#else
  (void)use_openat2;
#endif
  return open_by_components(directory, path, flags);
}

void throw_leased(const std::string& path) {
  throw Error(ErrorKind::in_use,
              describe_failure({"openat", path}, "in use: somebody else has a lease on it"));
}

}  // namespace libregion
