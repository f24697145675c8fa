#include "libregion/io/system_extras.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
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

#else

Grant take_file_lease(int, Access) { return Grant::unsupported; }
bool file_lease_is_broken(int, Access) { return false; }
void release_file_lease(int) {}
bool syncfs_reports_errors() { return false; }
int sync_whole_file_system(int) {
  errno = ENOSYS;
  return -1;
}

#endif

}  // namespace libregion
