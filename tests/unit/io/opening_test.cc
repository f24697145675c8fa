// What is opened, and what is refused: a path never leads out of its directory, through a link, or
// to what is no file.

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/io/system_extras.h"
#include "tests/support/region_builder.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

// Opening a FIFO must not wait for its other end; if it does, this ends the test.
class Watchdog {
 public:
  Watchdog() { ::alarm(30); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { ::alarm(0); }
};

constexpr Access both_kinds[] = {Access::read, Access::read_write};

void check_file_refused(Backend& backend, const std::string& path, Refusal::Reason reason,
                        const std::string& found) {
  const Watchdog watchdog;
  const auto root = backend.open_root();
  for (const Access access : both_kinds) {
    const Refusal refusal = refusal_of(root->open_file(path, access));
    CHECK(refusal.reason == reason);
    CHECK(refusal.found == found);
  }
}

void check_directory_refused(Backend& backend, const std::string& path, Refusal::Reason reason,
                             const std::string& found) {
  const Watchdog watchdog;
  const Refusal refusal = refusal_of(backend.open_root()->open_directory(path));
  CHECK(refusal.reason == reason);
  CHECK(refusal.found == found);
}

TEST_CASE("files and directories are opened by a path of several components") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("00");
    backend.add_directory("00/000");
    backend.add_file("00/000/01A", "data");
    const auto root = backend.open_root();
    const auto leaf = expect_opened(root->open_directory("00/000"), "00/000");
    CHECK(leaf->path() == backend.path_of("00/000"));
    CHECK(leaf->status().kind == FileKind::directory);
    CHECK(to_text(expect_opened(root->open_file("00/000/01A", Access::read), "")->read(0, 4)) ==
          "data");
    CHECK(to_text(expect_opened(leaf->open_file("01A", Access::read), "")->read(0, 4)) == "data");
  });
}

TEST_CASE("a name that is not there is missing") {
  on_every_backend([](Backend& backend) {
    check_file_refused(backend, "none", Refusal::Reason::missing, "nothing");
    check_file_refused(backend, "none/file", Refusal::Reason::missing, "nothing");
    check_directory_refused(backend, "none", Refusal::Reason::missing, "nothing");
  });
}

TEST_CASE("a symbolic link is refused as the last component") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    backend.add_directory("sub");
    backend.add_symbolic_link("link", "file");
    backend.add_symbolic_link("dangling", "none");
    backend.add_symbolic_link("sub-link", "sub");
    const auto kind = Refusal::Reason::wrong_kind;
    check_file_refused(backend, "link", kind, "a symbolic link");
    check_file_refused(backend, "dangling", kind, "a symbolic link");
    check_file_refused(backend, "sub-link", kind, "a symbolic link");
    check_directory_refused(backend, "sub-link", kind, "a symbolic link");
    check_directory_refused(backend, "link", kind, "a symbolic link");
  });
}

TEST_CASE("a symbolic link is refused as a component in the middle") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_directory("sub/deep");
    backend.add_file("sub/file", "");
    backend.add_symbolic_link("link", "sub");
    backend.add_symbolic_link("absolute", backend.path_of("sub"));
    const auto kind = Refusal::Reason::wrong_kind;
    check_file_refused(backend, "link/file", kind, "a symbolic link");
    check_file_refused(backend, "absolute/file", kind, "a symbolic link");
    check_directory_refused(backend, "link/deep", kind, "a symbolic link");
  });
}

TEST_CASE("a path that leads out of the directory is refused") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_file("file", "");
    const auto kind = Refusal::Reason::wrong_kind;
    const std::string found = "a way out of the directory";
    const auto sub = expect_opened(backend.open_root()->open_directory("sub"), "sub");
    CHECK(refusal_of(sub->open_file("../file", Access::read)).found == found);
    CHECK(refusal_of(sub->open_directory("..")).found == found);
    check_directory_refused(backend, "sub/../..", kind, found);
    check_file_refused(backend, "../file", kind, found);
  });
}

TEST_CASE("an absolute path is refused, even one into the directory") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    const std::string found = "a way out of the directory";
    check_file_refused(backend, backend.path_of("file"), Refusal::Reason::wrong_kind, found);
    check_directory_refused(backend, "/", Refusal::Reason::wrong_kind, found);
  });
}

TEST_CASE("a file in the place of a directory is refused") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    check_file_refused(backend, "file/below", Refusal::Reason::wrong_kind, "no directory");
    check_directory_refused(backend, "file", Refusal::Reason::wrong_kind, "no directory");
  });
}

TEST_CASE("a directory in the place of a file is refused") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    check_file_refused(backend, "sub", Refusal::Reason::wrong_kind, "a directory");
  });
}

TEST_CASE("a FIFO is refused at once, though nobody has its other end") {
  on_every_backend([](Backend& backend) {
    backend.add_fifo("fifo");
    check_file_refused(backend, "fifo", Refusal::Reason::wrong_kind, "a FIFO");
    check_directory_refused(backend, "fifo", Refusal::Reason::wrong_kind, "no directory");
  });
}

TEST_CASE("a socket is refused") {
  on_every_backend([](Backend& backend) {
    backend.add_socket("socket");
    check_file_refused(backend, "socket", Refusal::Reason::wrong_kind, "a socket or a FIFO");
  });
}

TEST_CASE("a device is refused") {
  PosixFileSystem posix;
  const auto dev = expect_opened(posix.open_directory("/dev"), "/dev");
  const Refusal refusal = refusal_of(dev->open_file("null", Access::read_write));
  CHECK(refusal.reason == Refusal::Reason::wrong_kind);
  CHECK(refusal.found == "a character device");
}

TEST_CASE("a file with several names is refused by each of them") {
  on_every_backend([](Backend& backend) {
    backend.add_file("one", "");
    backend.add_hard_link("one", "two");
    check_file_refused(backend, "one", Refusal::Reason::several_links, "2 names");
    check_file_refused(backend, "two", Refusal::Reason::several_links, "2 names");
    backend.add_hard_link("one", "three");
    check_file_refused(backend, "two", Refusal::Reason::several_links, "3 names");
  });
}

TEST_CASE("a file that has lost its other name is opened") {
  on_every_backend([](Backend& backend) {
    backend.add_file("one", "");
    backend.add_hard_link("one", "two");
    backend.open_root()->remove_file("two");
    CHECK(backend.open_file("one", Access::read_write)->status().link_count == 1);
  });
}

#if defined(__linux__)
TEST_CASE("a name that is gone is noticed, whatever other names the file has") {
  const TemporaryDirectory directory;
  const std::string inside = directory.path() + "/inside";
  const std::string outside = directory.path() + "/outside";
  const auto open_anew = [&] {
    return FileDescriptor(::open(inside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  };
  const FileDescriptor removed = open_anew();
  CHECK_FALSE(has_lost_its_name(removed.number()));
  REQUIRE(::link(inside.c_str(), outside.c_str()) == 0);
  CHECK_FALSE(has_lost_its_name(removed.number()));
  REQUIRE(::unlink(inside.c_str()) == 0);
  CHECK(has_lost_its_name(removed.number()));
  REQUIRE(::link(outside.c_str(), inside.c_str()) == 0);
  CHECK(has_lost_its_name(removed.number()));

  const FileDescriptor replaced = open_anew();
  CHECK_FALSE(has_lost_its_name(replaced.number()));
  const std::string other = directory.path() + "/other";
  const FileDescriptor replacement(::open(other.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::rename(other.c_str(), inside.c_str()) == 0);
  CHECK(has_lost_its_name(replaced.number()));
  CHECK_FALSE(has_lost_its_name(replacement.number()));
}
#endif

TEST_CASE("the way to a region's directory may lead through links") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_file("sub/file", "data");
    backend.add_symbolic_link("link", "sub");
    const std::string path = backend.path_of("link");
    const auto directory = expect_opened(backend.file_system().open_directory(path), path);
    CHECK(directory->path() == path);
    CHECK(to_text(expect_opened(directory->open_file("file", Access::read), "")->read(0, 4)) ==
          "data");
  });
}

TEST_CASE("a region's directory that is missing or no directory is refused") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    FileSystem& system = backend.file_system();
    CHECK(refusal_of(system.open_directory(backend.path_of("none"))).reason ==
          Refusal::Reason::missing);
    const Refusal refusal = refusal_of(system.open_directory(backend.path_of("file")));
    CHECK(refusal.reason == Refusal::Reason::wrong_kind);
    CHECK(refusal.found == "no directory");
  });
}

TEST_CASE("a name that the system cannot have is a failure that names it") {
  on_every_posix_backend([](Backend& backend) {
    const std::string name(300, 'n');
    const Failure failure =
        failure_of([&] { (void)backend.open_root()->open_file(name, Access::read); });
    CHECK(failure.message == "openat '" + backend.path_of(name) + "': File name too long");
    CHECK(failure.errno_value == ENAMETOOLONG);
  });
}

TEST_CASE("a refusal where something must be there is an error of one line") {
  const auto message = [](const Refusal& refusal) {
    return failure_of([&] { throw_refusal(refusal, "/r/x"); }).message;
  };
  CHECK(message({Refusal::Reason::missing, "nothing"}) ==
        "open '/r/x': expected a file or directory, found nothing");
  CHECK(message({Refusal::Reason::several_links, "2 names"}) ==
        "open '/r/x': expected one name, found 2 names");
}

}  // namespace
}  // namespace libregion
