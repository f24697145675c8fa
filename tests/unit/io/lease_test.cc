// Leases: does anybody else have a file open, and has anybody opened it since?

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

#if defined(__linux__)

void on_every_backend_with_leases(const std::function<void(Backend&)>& test) {
  on_every_backend([&](Backend& backend) {
    if (!backend.has_leases()) return;
    backend.add_file("file", "0123");
    test(backend);
  });
}

// Somebody opens a file that a lease is held on. In one process the seam does not wait.
Failure open_leased_file(Backend& backend, Access access) {
  const auto root = backend.open_root();
  return failure_of([&] { (void)root->open_file("file", access); });
}

TEST_CASE("a file that nobody else has open gets a lease") {
  on_every_backend_with_leases([](Backend& backend) {
    CHECK(backend.open_file("file", Access::read_write)->take_lease(Access::read_write) ==
          Grant::granted);
    CHECK(backend.open_file("file", Access::read)->take_lease(Access::read_write) ==
          Grant::granted);
    CHECK(backend.open_file("file", Access::read)->take_lease(Access::read) == Grant::granted);
  });
}

TEST_CASE("a lease against all is refused while anyone has the file open at all") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    {
      const auto reader = backend.open_file("file", Access::read);
      CHECK(file->take_lease(Access::read_write) == Grant::refused);
    }
    CHECK(file->take_lease(Access::read_write) == Grant::granted);
  });
}

TEST_CASE("a lease against writers is refused while anyone has the file open for writing") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read);
    {
      const auto writer = backend.open_file("file", Access::read_write);
      CHECK(file->take_lease(Access::read) == Grant::refused);
    }
    CHECK(file->take_lease(Access::read) == Grant::granted);
  });
}

TEST_CASE("a lease against writers is granted beside readers, to several of them") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto one = backend.open_file("file", Access::read);
    const auto two = backend.open_file("file", Access::read);
    CHECK(one->take_lease(Access::read) == Grant::granted);
    CHECK(two->take_lease(Access::read) == Grant::granted);
    CHECK_FALSE(one->lease_is_broken());
    CHECK_FALSE(two->lease_is_broken());
  });
}

TEST_CASE("a file without a lease has none that could be broken") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    CHECK_FALSE(file->lease_is_broken());
    const auto other = backend.open_file("file", Access::read_write);
    CHECK(file->take_lease(Access::read_write) == Grant::refused);
    CHECK_FALSE(file->lease_is_broken());
  });
}

TEST_CASE("a lease is whole until somebody opens the file") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    REQUIRE(file->take_lease(Access::read_write) == Grant::granted);
    file->write(0, as_byte_view("x"));
    (void)file->read(0, 1);
    (void)backend.open_root()->status_of("file");
    CHECK_FALSE(file->lease_is_broken());
  });
}

TEST_CASE("a lease against all is broken by a writer") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    REQUIRE(file->take_lease(Access::read_write) == Grant::granted);
    const Failure failure = open_leased_file(backend, Access::read_write);
    CHECK(failure.message ==
          "openat '" + backend.path_of("file") + "': in use: somebody else has a lease on it");
    CHECK(failure.kind == ErrorKind::in_use);
    CHECK(file->lease_is_broken());
  });
}

TEST_CASE("a lease against all is broken by a reader") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    REQUIRE(file->take_lease(Access::read_write) == Grant::granted);
    CHECK(open_leased_file(backend, Access::read).kind == ErrorKind::in_use);
    CHECK(file->lease_is_broken());
  });
}

TEST_CASE("a lease against writers is broken by a writer, and not by a reader") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read);
    REQUIRE(file->take_lease(Access::read) == Grant::granted);
    CHECK_FALSE(open_leased_file(backend, Access::read).happened);
    CHECK_FALSE(file->lease_is_broken());
    CHECK(open_leased_file(backend, Access::read_write).kind == ErrorKind::in_use);
    CHECK(file->lease_is_broken());
  });
}

TEST_CASE("a lease that was given up is in nobody's way") {
  on_every_backend_with_leases([](Backend& backend) {
    const auto file = backend.open_file("file", Access::read_write);
    REQUIRE(file->take_lease(Access::read_write) == Grant::granted);
    file->release_lease();
    CHECK_FALSE(open_leased_file(backend, Access::read_write).happened);
    CHECK_FALSE(file->lease_is_broken());
  });
}

TEST_CASE("a lease ends when its file is closed") {
  on_every_backend_with_leases([](Backend& backend) {
    const Grant lease =
        backend.open_file("file", Access::read_write)->take_lease(Access::read_write);
    REQUIRE(lease == Grant::granted);
    CHECK_FALSE(open_leased_file(backend, Access::read_write).happened);
  });
}

TEST_CASE("where leases are not wanted they cannot be had, and nothing is broken") {
  on_every_posix_backend([](Backend& backend) {
    if (backend.has_leases()) return;
    backend.add_file("file", "");
    const auto file = backend.open_file("file", Access::read);
    CHECK(file->take_lease(Access::read) == Grant::unsupported);
    CHECK(file->take_lease(Access::read_write) == Grant::unsupported);
    CHECK_FALSE(file->lease_is_broken());
  });
}

// ---- another process ----------------------------------------------------------------------------

// A process that opens a file, says so, and has it open until it is ended.
class OtherProcess {
 public:
  OtherProcess(const std::string& path, int flags) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    opened_ = FileDescriptor(ends[0]);
    const FileDescriptor say_opened(ends[1]);
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ != 0) return;
    // An inherited file would keep the lease of its own accord.
    for (int inherited = 3; inherited < 256; ++inherited) {
      if (inherited != say_opened.number()) ::close(inherited);
    }
    if (::open(path.c_str(), flags) < 0) ::_exit(1);
    if (::write(say_opened.number(), "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  ~OtherProcess() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  // Waits for it to have opened the file.
  [[nodiscard]] bool has_opened(std::chrono::milliseconds patience) const {
    pollfd wanted{opened_.number(), POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(patience.count())) == 1 &&
           (wanted.revents & POLLIN) != 0;
  }

 private:
  FileDescriptor opened_;
  pid_t process_ = -1;
};

constexpr std::chrono::milliseconds long_enough(20'000);
constexpr std::chrono::milliseconds a_moment(50);

bool becomes_broken(const File& file) {
  const auto deadline = std::chrono::steady_clock::now() + long_enough;
  while (!file.lease_is_broken() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return file.lease_is_broken();
}

void on_posix_with_leases(const std::function<void(Backend&)>& test) {
  on_every_posix_backend([&](Backend& backend) {
    if (!backend.has_leases()) return;
    backend.add_file("file", "0123");
    test(backend);
  });
}

TEST_CASE("a lease is refused while another process has the file open") {
  on_posix_with_leases([](Backend& backend) {
    const OtherProcess other(backend.path_of("file"), O_RDONLY);
    REQUIRE(other.has_opened(long_enough));
    CHECK(backend.open_file("file", Access::read)->take_lease(Access::read_write) ==
          Grant::refused);
    CHECK(backend.open_file("file", Access::read)->take_lease(Access::read) == Grant::granted);
  });
}

TEST_CASE("a process that opens the file waits until the lease is given up, and we live") {
  for (const int flags : {O_RDONLY, O_RDWR}) {
    on_posix_with_leases([&](Backend& backend) {
      const auto file = backend.open_file("file", Access::read_write);
      REQUIRE(file->take_lease(Access::read_write) == Grant::granted);
      const OtherProcess other(backend.path_of("file"), flags);
      CHECK(becomes_broken(*file));
      CHECK_FALSE(other.has_opened(a_moment));
      file->release_lease();
      CHECK(other.has_opened(long_enough));
    });
  }
}

TEST_CASE("closing the file lets a waiting process go on") {
  on_posix_with_leases([](Backend& backend) {
    auto file = backend.open_file("file", Access::read);
    REQUIRE(file->take_lease(Access::read) == Grant::granted);
    const OtherProcess other(backend.path_of("file"), O_RDWR);
    CHECK(becomes_broken(*file));
    file.reset();
    CHECK(other.has_opened(long_enough));
  });
}

#endif

}  // namespace
}  // namespace libregion
