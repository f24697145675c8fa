#include "libregion/io/input_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libregion/base/error.h"

namespace libregion {

InputStream::InputStream(const std::string& path) : path_(path) {
  if (path != "-") {
    descriptor_ = FileDescriptor(
        retry_on_interrupt([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!descriptor_.is_open()) throw_system_error(errno, {"open", path_});
  }
  struct stat found {};
  if (::fstat(number(), &found) != 0) throw_system_error(errno, {"fstat", path_});
  if (S_ISDIR(found.st_mode)) throw_system_error(EISDIR, {"open", path_});
  if (S_ISREG(found.st_mode)) size_bytes_ = static_cast<std::uint64_t>(found.st_size);
  if (S_ISBLK(found.st_mode)) {
    const off_t end = ::lseek(number(), 0, SEEK_END);
    if (end < 0 || ::lseek(number(), 0, SEEK_SET) != 0) throw_system_error(errno, {"lseek", path_});
    size_bytes_ = static_cast<std::uint64_t>(end);
  }
}

std::size_t InputStream::read(MutableByteView target) {
  std::size_t done = 0;
  while (done < target.size()) {
    const ssize_t count = retry_on_interrupt(
        [&] { return ::read(number(), target.data() + done, target.size() - done); });
    if (count < 0) throw_system_error(errno, {"read", path_, offset_bytes_});
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
    offset_bytes_ += static_cast<std::uint64_t>(count);
  }
  return done;
}

int InputStream::number() const {
  return descriptor_.is_open() ? descriptor_.number() : STDIN_FILENO;
}

}  // namespace libregion
