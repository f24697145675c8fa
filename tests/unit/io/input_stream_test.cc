// Bytes to import: from a file, a pipe, standard input.

#include "libregion/io/input_stream.h"

#include <array>
#include <fcntl.h>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/support/region_builder.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reading = FileDescriptor(ends[0]);
    writing = FileDescriptor(ends[1]);
  }
  void put(std::string_view text) const {
    REQUIRE(::write(writing.number(), text.data(), text.size()) ==
            static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string path() const { return "/dev/fd/" + std::to_string(reading.number()); }
  void close_writing() { const FileDescriptor closed = std::move(writing); }

  FileDescriptor reading;
  FileDescriptor writing;
};

// While one lives, `replacement` is standard input.
class StandardInput {
 public:
  explicit StandardInput(int replacement) : before_(::dup(STDIN_FILENO)) {
    REQUIRE(::dup2(replacement, STDIN_FILENO) == STDIN_FILENO);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;
  ~StandardInput() { ::dup2(before_.number(), STDIN_FILENO); }

 private:
  FileDescriptor before_;
};

std::string make_file(const TemporaryDirectory& directory, const std::string& content) {
  const std::string path = directory.path() + "/image";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string read_text(InputStream& stream, std::size_t length) {
  Bytes target(length);
  target.resize(stream.read(target));
  return to_text(target);
}

TEST_CASE("a file is read in order, piece by piece, up to its end") {
  const TemporaryDirectory directory;
  InputStream stream(make_file(directory, "0123456789"));
  CHECK(read_text(stream, 4) == "0123");
  CHECK(read_text(stream, 4) == "4567");
  CHECK(read_text(stream, 4) == "89");
  CHECK(read_text(stream, 4).empty());
}

TEST_CASE("the size of a file is known beforehand, and stays what it was") {
  const TemporaryDirectory directory;
  InputStream stream(make_file(directory, "0123456789"));
  CHECK(stream.size_bytes() == 10);
  (void)read_text(stream, 4);
  CHECK(stream.size_bytes() == 10);
  InputStream empty(make_file(directory, ""));
  CHECK(empty.size_bytes() == 0);
  CHECK(read_text(empty, 1).empty());
}

TEST_CASE("what a pipe gives in pieces fills the target all the same") {
  Pipe pipe;
  InputStream stream(pipe.path());
  std::thread writer([&] {
    for (const char* piece : {"012", "3", "456789"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      pipe.put(piece);
    }
    pipe.close_writing();
  });
  CHECK(read_text(stream, 8) == "01234567");
  CHECK(read_text(stream, 8) == "89");
  writer.join();
}

TEST_CASE("the size of a pipe is not known") {
  const Pipe pipe;
  CHECK_FALSE(InputStream(pipe.path()).size_bytes().has_value());
}

TEST_CASE("- is standard input, which stays open") {
  Pipe pipe;
  const StandardInput input(pipe.reading.number());
  pipe.put("0123");
  {
    InputStream stream("-");
    CHECK_FALSE(stream.size_bytes().has_value());
    CHECK(read_text(stream, 4) == "0123");
  }
  CHECK(::fcntl(STDIN_FILENO, F_GETFD) != -1);
}

TEST_CASE("standard input from a file is read from where it stands") {
  const TemporaryDirectory directory;
  const FileDescriptor file(::open(make_file(directory, "0123456789").c_str(), O_RDONLY));
  const StandardInput input(file.number());
  REQUIRE(::lseek(STDIN_FILENO, 4, SEEK_SET) == 4);
  InputStream stream("-");
  CHECK(stream.size_bytes() == 6);
  CHECK(read_text(stream, 100) == "456789");
}

TEST_CASE("a directory cannot be imported") {
  const TemporaryDirectory directory;
  const Failure failure = failure_of([&] { InputStream stream(directory.path()); });
  CHECK(failure.message == "open '" + directory.path() + "': Is a directory");
  CHECK(failure.kind == ErrorKind::failed);
}

TEST_CASE("a file that is missing is named") {
  const Failure failure = failure_of([] { InputStream stream("/none/image"); });
  CHECK(failure.message == "open '/none/image': No such file or directory");
}

TEST_CASE("a read that fails names path and place") {
  const TemporaryDirectory directory;
  const FileDescriptor write_only(
      ::open(make_file(directory, "0123").c_str(), O_WRONLY | O_CLOEXEC));
  const StandardInput input(write_only.number());
  InputStream stream("-");
  CHECK(failure_of([&] { (void)read_text(stream, 4); }).message ==
        "read 'standard input' at 0: Bad file descriptor");
}

}  // namespace
}  // namespace libregion
