// Another process that has something open.

#pragma once

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libregion/io/file_descriptor.h"

namespace libregion {

// Does its work once, then holds what it has until it is let go.
class OtherProcess {
 public:
  // `work` returns the descriptor to hold, negative on failure. It runs in a copy of this process:
  // plain system calls only.
  explicit OtherProcess(const std::function<int()>& work) {
    int ready[2] = {};
    int hold[2] = {};
    if (::pipe2(ready, O_CLOEXEC) != 0 || ::pipe2(hold, O_CLOEXEC) != 0) {
      throw std::runtime_error("cannot make a pipe");
    }
    const FileDescriptor ready_end(ready[1]);
    const FileDescriptor hold_end(hold[0]);
    ready_ = FileDescriptor(ready[0]);
    hold_ = FileDescriptor(hold[1]);
    id_ = ::fork();
    if (id_ == 0) {
      ::alarm(60);
      // What this process has open must not count as open in the other one too.
      for (int number = 3; number < 1024; ++number) {
        if (number != ready[1] && number != hold[0]) ::close(number);
      }
      const char done = work() >= 0 ? 'y' : 'n';
      char wait = 0;
      (void)!::write(ready[1], &done, 1);
      (void)!::read(hold[0], &wait, 1);
      ::_exit(0);
    }
    if (id_ < 0) throw std::runtime_error("cannot fork");
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  ~OtherProcess() { let_go(); }

  // Waits until the work is done.
  void wait_until_ready() {
    char done = 0;
    if (::read(ready_.number(), &done, 1) != 1 || done != 'y') {
      throw std::runtime_error("the other process failed");
    }
  }
  [[nodiscard]] pid_t id() const { return id_; }

  void let_go() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  FileDescriptor ready_;
  FileDescriptor hold_;
  pid_t id_ = 0;
};

// Has a file open with these flags (O_RDONLY and so on).
inline std::unique_ptr<OtherProcess> open_elsewhere(const std::string& path, int flags) {
  auto other = std::make_unique<OtherProcess>([&] { return ::open(path.c_str(), flags); });
  other->wait_until_ready();
  return other;
}

// Holds a lock on a directory, LOCK_SH or LOCK_EX.
inline std::unique_ptr<OtherProcess> lock_elsewhere(const std::string& path, int kind) {
  auto other = std::make_unique<OtherProcess>([&] {
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
    return ::flock(directory, kind | LOCK_NB) == 0 ? directory : -1;
  });
  other->wait_until_ready();
  return other;
}

// Holds a lease on a file against everybody, and keeps it when somebody asks for it.
inline std::unique_ptr<OtherProcess> lease_elsewhere(const std::string& path) {
  auto other = std::make_unique<OtherProcess>([&] {
    (void)std::signal(SIGIO, SIG_IGN);
    const int file = ::open(path.c_str(), O_RDWR);
    return ::fcntl(file, F_SETLEASE, F_WRLCK) == 0 ? file : -1;
  });
  other->wait_until_ready();
  return other;
}

}  // namespace libregion
