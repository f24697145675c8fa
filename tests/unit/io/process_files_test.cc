// Which other processes have files open.

#include <doctest/doctest.h>

#if defined(__linux__)

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

// A child that has inherited a descriptor and does nothing with it.
class IdleChild {
 public:
  IdleChild() : process_(::fork()) {
    REQUIRE(process_ >= 0);
    while (process_ == 0) ::pause();
  }
  IdleChild(const IdleChild&) = delete;
  IdleChild& operator=(const IdleChild&) = delete;
  ~IdleChild() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] bool is_among(const std::vector<FileUser>& users) const {
    return std::any_of(users.begin(), users.end(), [&](const FileUser& user) {
      return user.process_id == static_cast<std::uint64_t>(process_) && !user.command.empty();
    });
  }

 private:
  pid_t process_;
};

class Place {
 public:
  Place() {
    std::filesystem::create_directories(directory_.path() + "/region/00/000");
    make("region/00/000/000");
    make("region2");
    root = expect_opened(posix.open_directory(region_path()), region_path());
  }
  [[nodiscard]] std::string region_path() const { return directory_.path() + "/region"; }
  std::unique_ptr<File> open(const std::string& name) {
    const auto parent = expect_opened(posix.open_directory(directory_.path()), "");
    return expect_opened(parent->open_file(name, Access::read), name);
  }

  PosixFileSystem posix;
  std::unique_ptr<Directory> root;

 private:
  void make(const std::string& name) {
    const FileDescriptor made(
        ::open((directory_.path() + "/" + name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(made.is_open());
  }

  TemporaryDirectory directory_;
};

TEST_CASE("a process that has a file open is found, with the name of its command") {
  Place place;
  const auto file = place.open("region/00/000/000");
  const IdleChild child;
  CHECK(child.is_among(place.posix.users_of(file->status())));
}

TEST_CASE("a file that only this process has open has no users") {
  Place place;
  const auto file = place.open("region/00/000/000");
  CHECK(place.posix.users_of(file->status()).empty());
}

TEST_CASE("a process that has a file below a directory open is found") {
  Place place;
  const auto file = place.open("region/00/000/000");
  const IdleChild child;
  const auto users = place.posix.users_below(place.region_path());
  REQUIRE(users.has_value());
  CHECK(child.is_among(*users));
}

TEST_CASE("a file beside the directory does not count, even if its name begins with that") {
  Place place;
  place.root.reset();  // the child would inherit it
  const auto file = place.open("region2");
  const IdleChild child;
  const auto users = place.posix.users_below(place.region_path());
  REQUIRE(users.has_value());
  CHECK(users->empty());
}

TEST_CASE("who uses a directory that is not there cannot be found out") {
  Place place;
  CHECK_FALSE(place.posix.users_below(place.region_path() + "/none").has_value());
}

}  // namespace
}  // namespace libregion

#endif
