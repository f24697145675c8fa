// Where an image goes to, whatever a path names.

#include "libregion/io/image_target.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

struct Place {
  TemporaryDirectory directory;
  PosixFileSystem file_system;
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  std::unique_ptr<ImageTarget> open(const std::string& name,
                                    const ImageTargetOptions& options = {}) {
    return open_image_target(file_system, path_of(name), options);
  }
};

// What is written into a FIFO.
struct FifoReader {
  explicit FifoReader(const std::string& path)
      : descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  std::string read_all() {
    std::string text;
    std::array<char, 65536> buffer{};
    while (true) {
      struct pollfd input {
        descriptor.number(), POLLIN, 0
      };
      (void)::poll(&input, 1, -1);
      const ssize_t count = ::read(descriptor.number(), buffer.data(), buffer.size());
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  FileDescriptor descriptor;
};

TEST_CASE("a file has the size of the image, its zeros are holes or written") {
  for (const bool sparse : {true, false}) {
    Place place;
    const auto target = place.open("image", {.sparse = sparse});
    CHECK(target->is_seekable());
    CHECK(target->skips_zeros() == sparse);
    CHECK_FALSE(target->identity());
    target->start(std::uint64_t{4} << 20);
    target->write_zeros(0, std::uint64_t{3} << 20);
    target->write((std::uint64_t{3} << 20) + 5, as_byte_view("data"));
    target->sync();
    target->commit();
    const std::string path = place.path_of("image");
    CHECK(std::filesystem::file_size(path) == std::uint64_t{4} << 20);
    CHECK(to_text(read_whole_file(path)).substr((std::size_t{3} << 20) + 5, 4) == "data");
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_blocks * 512 < 1 << 20) == sparse);
  }
}

TEST_CASE("a symbolic link to a file is followed: what it leads to is replaced") {
  Place place;
  std::filesystem::create_directory(place.path_of("sub"));
  write_whole_file(place.path_of("sub/image"), as_byte_view("old"));
  std::filesystem::create_symlink("sub/image", place.path_of("link"));
  CHECK(failure_of([&] { (void)place.open("link"); }).happened);
  const auto target = place.open("link", {.replace = true});
  target->start(3);
  target->write(0, as_byte_view("new"));
  target->sync();
  target->commit();
  CHECK(std::filesystem::is_symlink(place.path_of("link")));
  CHECK(to_text(read_whole_file(place.path_of("sub/image"))) == "new");
}

TEST_CASE("a symbolic link that leads nowhere, and a directory, are errors that name the path") {
  Place place;
  std::filesystem::create_symlink("nowhere", place.path_of("link"));
  std::filesystem::create_directory(place.path_of("directory"));
  for (const char* name : {"link", "directory", "none/image"}) {
    const Failure failure = failure_of([&] { (void)place.open(name, {.replace = true}); });
    CHECK(failure.kind == ErrorKind::failed);
    CHECK(failure.message.find(std::filesystem::path(place.path_of(name)).parent_path()) !=
          std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(place.path_of("nowhere")));
}

TEST_CASE("a FIFO gets every byte in order, zeros too") {
  Place place;
  REQUIRE(::mkfifo(place.path_of("fifo").c_str(), 0600) == 0);
  FifoReader reader(place.path_of("fifo"));
  std::thread writer([&] {
    const auto target = place.open("fifo");
    CHECK_FALSE(target->is_seekable());
    CHECK_FALSE(target->skips_zeros());
    target->start(1'000'003);
    target->write(0, as_byte_view("abc"));
    target->write_zeros(3, 1'000'000);
    target->write(1'000'003, as_byte_view("d"));
    target->sync();
    target->commit();
  });
  const std::string text = reader.read_all();
  writer.join();
  CHECK(text == "abc" + std::string(1'000'000, '\0') + "d");
}

TEST_CASE("a reader that has gone is no error; what is written is dropped") {
  Place place;
  REQUIRE(::mkfifo(place.path_of("fifo").c_str(), 0600) == 0);
  auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  auto reader = std::make_unique<FifoReader>(place.path_of("fifo"));
  const auto target = place.open("fifo");
  reader.reset();
  CHECK_FALSE(target->is_closed());
  target->write(0, as_byte_view("abc"));
  CHECK(target->is_closed());
  target->write(3, as_byte_view("d"));
  target->sync();
  (void)::signal(SIGPIPE, old_handler);
}

TEST_CASE("waiting for a reader ends where a stop is asked for") {
  Place place;
  REQUIRE(::mkfifo(place.path_of("fifo").c_str(), 0600) == 0);
  const FifoReader reader(place.path_of("fifo"));
  std::atomic<bool> stop{false};
  const auto target = place.open("fifo", {.stop = &stop});
  // More than a pipe takes; nobody reads.
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop = true;
  });
  std::uint64_t offset = 0;
  const Failure failure = failure_of([&] {
    const Bytes page(4096);
    for (; offset < std::uint64_t{16} << 20; offset += page.size()) target->write(offset, page);
  });
  stopper.join();
  CHECK(failure.kind == ErrorKind::stopped);
}

TEST_CASE("a full device is an error that names place and reason") {
  PosixFileSystem file_system;
  const auto target = open_image_target(file_system, "/dev/full", {});
  CHECK_FALSE(target->identity());
  const Failure failure = failure_of([&] { target->write(0, as_byte_view("abc")); });
  CHECK(failure.message == "write '/dev/full' at 0: No space left on device");
  CHECK(failure.errno_value == ENOSPC);
}

}  // namespace
}  // namespace libregion
