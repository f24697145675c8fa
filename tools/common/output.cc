#include "tools/common/output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "libregion/base/error.h"

namespace region_tools {
namespace {

constexpr std::size_t buffered_max = std::size_t{64} << 10;

}  // namespace

Output::Output(int standard_number, std::string name)
    : standard_number_(standard_number), name_(std::move(name)) {
  find_kind();
}

Output::Output(const std::string& path)
    : standard_number_(STDOUT_FILENO), name_(path == "-" ? "standard output" : path) {
  if (path != "-") {
    descriptor_ = libregion::FileDescriptor(libregion::retry_on_interrupt(
        [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666); }));
    if (!descriptor_.is_open()) libregion::throw_system_error(errno, {"open", name_});
  }
  find_kind();
}

void Output::find_kind() {
  is_terminal_ = ::isatty(number()) == 1;
  struct stat found {};
  const bool is_known = ::fstat(number(), &found) == 0;
  may_show_ = is_terminal_ || (is_known && (S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode)));
}

void Output::write(std::string_view text) {
  buffer_ += text;
  if (is_terminal_ || buffer_.size() >= buffered_max) flush();
}

void Output::flush() {
  if (buffer_.empty()) return;
  if (may_show_ && before_write_) before_write_();
  if (!has_written_ && !is_closed_) empty_file();
  has_written_ = true;
  std::string_view rest = buffer_;
  while (!rest.empty() && !is_closed_) {
    const ssize_t count =
        libregion::retry_on_interrupt([&] { return ::write(number(), rest.data(), rest.size()); });
    if (count > 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EPIPE) {
      is_closed_ = true;
    } else {
      const int errno_value = errno;
      buffer_.clear();  // What cannot be written now is not tried again.
      libregion::throw_system_error(errno_value, {"write", name_});
    }
  }
  buffer_.clear();
}

void Output::finish() {
  flush();
  if (!has_written_ && !is_closed_) empty_file();
}

// Not before there is something to be written: until then it may turn out to be the wrong file.
void Output::empty_file() const {
  struct stat found {};
  if (!descriptor_.is_open() || ::fstat(number(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  if (::ftruncate(number(), 0) != 0) libregion::throw_system_error(errno, {"ftruncate", name_});
}

int Output::number() const {
  return descriptor_.is_open() ? descriptor_.number() : standard_number_;
}

}  // namespace region_tools
