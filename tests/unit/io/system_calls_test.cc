// What PosixFileSystem makes of system calls that are interrupted, do a part only, or fail. This
// program's own pread, pwrite and fsync stand in for those of the C library.

#if defined(__linux__) && __SIZEOF_POINTER__ == 8

#include <algorithm>
#include <cerrno>
#include <deque>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/unit/io/backends.h"

namespace {

// How a call is answered: with an error, or with at most so many bytes.
struct Answer {
  int errno_value = 0;
  std::size_t length_max = 0;
};

// Answers to the next calls, in order; those after them are real.
std::deque<Answer>& answers() {
  static std::deque<Answer> planned;
  return planned;
}

int calls_made = 0;

// True where the call is answered with an error.
bool disturb(std::size_t& length) {
  ++calls_made;
  if (answers().empty()) return false;
  const Answer answer = answers().front();
  answers().pop_front();
  errno = answer.errno_value;
  length = std::min(length, answer.length_max);
  return answer.errno_value != 0;
}

}  // namespace

extern "C" ssize_t pread(int descriptor, void* target, std::size_t length, off_t offset) {
  if (disturb(length)) return -1;
  return ::syscall(SYS_pread64, descriptor, target, length, offset);
}

extern "C" ssize_t pwrite(int descriptor, const void* source, std::size_t length, off_t offset) {
  if (disturb(length)) return -1;
  return ::syscall(SYS_pwrite64, descriptor, source, length, offset);
}

extern "C" ssize_t copy_file_range(int source, off_t* source_offset, int target,
                                   off_t* target_offset, std::size_t length, unsigned flags) {
  if (disturb(length)) return -1;
  return ::syscall(SYS_copy_file_range, source, source_offset, target, target_offset, length,
                   flags);
}

extern "C" int fsync(int descriptor) {
  std::size_t length = 0;
  return disturb(length) ? -1 : static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace libregion {
namespace {

constexpr Answer interrupted{EINTR};
constexpr Answer nothing{0, 0};
Answer at_most(std::size_t length) { return {0, length}; }

void plan(std::deque<Answer> planned) {
  answers() = std::move(planned);
  calls_made = 0;
}

TEST_CASE("a read that is interrupted is repeated") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    plan({interrupted, interrupted});
    CHECK(to_text(file->read(2, 6)) == "234567");
    CHECK(calls_made == 3);
  });
}

TEST_CASE("a read that gives a part only is continued where it stopped") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    plan({at_most(3), interrupted, at_most(2)});
    CHECK(to_text(file->read(1, 8)) == "12345678");
    CHECK(calls_made == 4);
  });
}

TEST_CASE("a read that fails in the middle names the place it came to") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    plan({at_most(3), {EIO}});
    CHECK(failure_of([&] { (void)file->read(1, 8); }).message ==
          "pread '" + backend.path_of("file") + "' at 4: Input/output error");
  });
}

TEST_CASE("a write that is interrupted or cut short is continued where it stopped") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "..........");
    const auto file = backend.open_file("file", Access::read_write);
    plan({interrupted, at_most(2), interrupted, at_most(1)});
    file->write(3, as_byte_view("abcdef"));
    CHECK(calls_made == 5);
    plan({});
    CHECK(backend.content_of("file") == "...abcdef.");
  });
}

TEST_CASE("a write that fails in the middle names the place it came to") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "");
    const auto file = backend.open_file("file", Access::read_write);
    plan({at_most(2), {ENOSPC}});
    const Failure failure = failure_of([&] { file->write(10, as_byte_view("abcdef")); });
    CHECK(failure.message ==
          "pwrite '" + backend.path_of("file") + "' at 12: No space left on device");
    CHECK(failure.errno_value == ENOSPC);
    CHECK(failure.kind == ErrorKind::failed);
  });
}

TEST_CASE("a write that does nothing is an error, and not repeated for ever") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "");
    const auto file = backend.open_file("file", Access::read_write);
    plan({nothing});
    const Failure failure = failure_of([&] { file->write(5, as_byte_view("abc")); });
    CHECK(failure.message == "pwrite '" + backend.path_of("file") + "' at 5: Input/output error");
    CHECK(calls_made == 1);
  });
}

TEST_CASE("a copy that is interrupted or cut short is continued where it stopped") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("source", "0123456789");
    backend.add_file("target", "");
    const auto source = backend.open_file("source", Access::read);
    const auto target = backend.open_file("target", Access::read_write);
    plan({interrupted, at_most(2), interrupted, at_most(3)});
    source->copy_to(*target, {{1, 8}, 1});
    plan({});
    CHECK(backend.content_of("target") == std::string("\0"
                                                      "12345678",
                                                      9));
  });
}

TEST_CASE("what the system cannot copy is read and written from where it came to") {
  on_every_posix_backend([](Backend& backend) {
    if (!backend.has_ranges()) return;
    backend.add_file("source", "0123456789");
    const auto source = backend.open_file("source", Access::read);
    for (const int errno_value : {EXDEV, ENOSYS, EOPNOTSUPP, EINVAL, EIO}) {
      backend.add_file("target", "");
      const auto target = backend.open_file("target", Access::read_write);
      plan({at_most(2), {errno_value}, at_most(1)});
      source->copy_to(*target, {{1, 8}, 0});
      CHECK(calls_made == 5);  // two copies, a read in two parts, a write
      plan({});
      CHECK(backend.content_of("target") == "12345678");
    }
  });
}

TEST_CASE("a copy that fails either way names the file that is at fault, and the place") {
  on_every_posix_backend([](Backend& backend) {
    if (!backend.has_ranges()) return;
    backend.add_file("source", "0123456789");
    backend.add_file("target", "");
    const auto source = backend.open_file("source", Access::read);
    const auto target = backend.open_file("target", Access::read_write);
    plan({at_most(2), {EIO}, {EIO}});
    CHECK(failure_of([&] {
            source->copy_to(*target, {{1, 8}, 0});
          }).message == "pread '" + backend.path_of("source") + "' at 3: Input/output error");
    plan({{ENOSPC}, at_most(8), {ENOSPC}});
    CHECK(failure_of([&] {
            source->copy_to(*target, {{1, 8}, 0});
          }).message == "pwrite '" + backend.path_of("target") + "' at 0: No space left on device");
  });
}

TEST_CASE("a sync that fails is an error at once, whatever the reason") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", "");
    const auto root = backend.open_root();
    const auto file = backend.open_file("file", Access::read_write);
    for (const int errno_value : {EIO, ENOSPC, EDQUOT, EINTR}) {
      plan({{errno_value}});
      const Failure of_file = failure_of([&] { file->sync(); });
      CHECK(of_file.message.starts_with("fsync '" + backend.path_of("file") + "': "));
      CHECK(of_file.errno_value == errno_value);
      CHECK(calls_made == 1);
      plan({{errno_value}});
      const Failure of_directory = failure_of([&] { root->sync(); });
      CHECK(of_directory.message.starts_with("fsync '" + backend.root_path() + "': "));
      CHECK(calls_made == 1);
    }
  });
}

}  // namespace
}  // namespace libregion

#endif
