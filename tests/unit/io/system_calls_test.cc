// What PosixFileSystem makes of system calls that are interrupted, do a part only, or fail. This
// program's own pread, pwrite and fsync stand in for those of the C library.

#if defined(__linux__) && __SIZEOF_POINTER__ == 8

#include <algorithm>
#include <cerrno>
#include <deque>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
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
    for (const int errno_value : {EIO, ENOSPC, EDQUOT, EINTR}) {
      const auto file = backend.open_file("file", Access::read_write);
      plan({{errno_value}});
      const Failure of_file = failure_of([&] { file->sync(); });
      CHECK(of_file.message.starts_with("fsync '" + backend.path_of("file") + "': "));
      CHECK(of_file.errno_value == errno_value);
      CHECK(calls_made == 1);
      const auto root = backend.open_root();
      plan({{errno_value}});
      const Failure of_directory = failure_of([&] { root->sync(); });
      CHECK(of_directory.message.starts_with("fsync '" + backend.root_path() + "': "));
      CHECK(calls_made == 1);
    }
  });
}

// Fails the sync of one file, then tries all that must not come after it.
void check_that_a_failed_sync_is_final(FileSystem& file_system, const std::string& path,
                                       const std::function<void()>& fail_next_sync) {
  const auto root = expect_opened(file_system.open_directory(path), path);
  const auto file = root->create_file("file", std::nullopt);
  const auto other = root->create_file("other", std::nullopt);
  root->make_directory("below", std::nullopt);
  const auto below = open_directory_in(*root, "below");
  const auto in_below = below->create_file("file", std::nullopt);
  fail_next_sync();
  const std::string first = "fsync '" + path + "/file': Input/output error";
  CHECK(failure_of([&] { file->sync(); }).message == first);

  const auto check_refused = [&](const std::string& call, const std::function<void()>& action) {
    const Failure failure = failure_of(action);
    CHECK(failure.message == call + ": not done after a sync that failed: " + first);
    CHECK(failure.errno_value == EIO);
  };
  check_refused("fsync '" + path + "/file'", [&] { file->sync(); });
  check_refused("fsync '" + path + "/other'", [&] { other->sync(); });
  check_refused("fsync '" + path + "/below/file'", [&] { in_below->sync(); });
  check_refused("fsync '" + path + "'", [&] { root->sync(); });
  check_refused("unlink '" + path + "/other'", [&] { root->remove_file("other"); });
  check_refused("unlink '" + path + "/below/file'", [&] { below->remove_file("file"); });
  check_refused("rmdir '" + path + "/below'", [&] { root->remove_directory("below"); });
  check_refused("rename '" + path + "/other'", [&] { root->rename("other", "new"); });
  CHECK(root->status_of("other"));
  CHECK(below->status_of("file"));
  // Writing goes on: it promises nothing.
  in_below->write(0, as_byte_view("x"));
  CHECK(in_below->status().size_bytes == 1);

  // What was opened from a root of its own knows nothing of it.
  const auto another_root = expect_opened(file_system.open_directory(path), path);
  another_root->rename("other", "new");
  another_root->sync();
  CHECK(another_root->status_of("new"));
}

TEST_CASE("after a sync that failed nothing is synced, renamed or removed any more") {
  on_every_posix_backend([](Backend& backend) {
    check_that_a_failed_sync_is_final(backend.file_system(), backend.root_path(),
                                      [] { plan({{EIO}}); });
  });
  MemoryFileSystem memory;
  memory.add_directory("/place");
  check_that_a_failed_sync_is_final(memory, "/place", [&] {
    memory.add_fault({EIO, CallKind::sync_file});
  });
}

TEST_CASE("after a sync of the file system that failed it is not asked again") {
  MemoryFileSystem memory;
  memory.add_fault({EIO, CallKind::sync_file_system});
  const auto root = expect_opened(memory.open_directory("/"), "/");
  CHECK(failure_of([&] { root->sync_file_system(); }).message == "syncfs '/': Input/output error");
  CHECK(failure_of([&] { root->sync_file_system(); }).message ==
        "syncfs '/': not done after a sync that failed: syncfs '/': Input/output error");
  CHECK(memory.log().size() == 1);
}

}  // namespace
}  // namespace libregion

#endif
