// Work that may hang, or needs to be another user's: done in a process of its own.

#pragma once

#include <functional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// There in a build that counts what is run (./dev coverage), where a process that ends without ado
// would not say what it has run.
// NOLINTNEXTLINE: the name is the compiler's
extern "C" int __llvm_profile_write_file() __attribute__((weak));

namespace libregion {

// Of this process. On a busy machine it takes several times as long as it computes; what waits for
// ever computes nothing.
inline void limit_time(unsigned seconds) {
  const struct rlimit limit { seconds, seconds };
  if (::setrlimit(RLIMIT_CPU, &limit) != 0) ::_exit(1);
  ::alarm(10 * seconds);
}

// Whether `work` says true, within so many seconds of computing.
inline bool succeeds_in_time(unsigned seconds, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    limit_time(seconds);
    const bool is_right = work();
    if (&__llvm_profile_write_file != nullptr) (void)__llvm_profile_write_file();
    ::_exit(is_right ? 0 : 1);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace libregion
