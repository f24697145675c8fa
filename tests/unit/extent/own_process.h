// Work that may hang, or needs to be another user's: done in a process of its own.

#pragma once

#include <functional>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace libregion {

// Whether `work` says true, within so many seconds.
inline bool succeeds_in_time(unsigned seconds, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    ::alarm(seconds);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace libregion
