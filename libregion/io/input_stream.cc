#include "libregion/io/input_stream.h"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libregion/base/error.h"

namespace libregion {

InputStream::InputStream(const std::string& path, const std::atomic<bool>* stop)
    : path_(path == "-" ? "standard input" : path), stop_(stop) {
  if (path != "-") {
    descriptor_ = FileDescriptor(
        retry_on_interrupt([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!descriptor_.is_open()) throw_system_error(errno, {"open", path_});
  }
  struct stat found {};
  if (::fstat(number(), &found) != 0) throw_system_error(errno, {"fstat", path_});
  if (S_ISDIR(found.st_mode)) throw_system_error(EISDIR, {"open", path_});
  if (S_ISREG(found.st_mode)) {
    constexpr mode_t permission_bits = 07777;
    file_mode_ = found.st_mode & permission_bits;
    // Standard input may have been read in part by whoever had it before.
    const off_t start = ::lseek(number(), 0, SEEK_CUR);
    if (start < 0) throw_system_error(errno, {"lseek", path_});
    size_bytes_ = static_cast<std::uint64_t>(std::max<off_t>(0, found.st_size - start));
  }
  if (S_ISBLK(found.st_mode)) {
    const off_t end = ::lseek(number(), 0, SEEK_END);
    if (end < 0 || ::lseek(number(), 0, SEEK_SET) != 0) throw_system_error(errno, {"lseek", path_});
    size_bytes_ = static_cast<std::uint64_t>(end);
  }
}

std::size_t InputStream::read(MutableByteView target) {
  std::size_t done = 0;
  while (done < target.size()) {
    wait_for_input();
    const ssize_t count = retry_on_interrupt(
        [&] { return ::read(number(), target.data() + done, target.size() - done); });
    if (count < 0) throw_system_error(errno, {"read", path_, offset_bytes_});
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
    offset_bytes_ += static_cast<std::uint64_t>(count);
  }
  return done;
}

void InputStream::wait_for_input() const {
  // A read that waits for a pipe goes on after a signal, and would never see that it is to stop.
  constexpr int look_again_ms = 200;
  struct pollfd input {
    number(), POLLIN, 0
  };
  int ready = 0;
  while (ready == 0) {
    if (stop_ != nullptr && *stop_) throw Error(ErrorKind::stopped, "stopped on request");
    ready = ::poll(&input, 1, look_again_ms);
    if (ready < 0 && errno == EINTR) ready = 0;
  }
}

int InputStream::number() const {
  return descriptor_.is_open() ? descriptor_.number() : STDIN_FILENO;
}

}  // namespace libregion
