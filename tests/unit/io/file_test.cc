// An open file: exact reads and writes at explicit offsets.

#include <cerrno>

#include <doctest/doctest.h>

#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

std::string read_text(const File& file, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  return to_text(file.read(offset_bytes, length_bytes));
}

TEST_CASE("a read gives exactly the bytes at the offset") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    CHECK(read_text(*file, 0, 10) == "0123456789");
    CHECK(read_text(*file, 3, 4) == "3456");
    CHECK(read_text(*file, 10, 0).empty());
  });
}

TEST_CASE("a read that the file ends in is an error that names place and both sizes") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    const Failure failure = failure_of([&] { (void)file->read(4, 8); });
    CHECK(failure.message == "pread '" + backend.path_of("file") +
                                 "' at 4: the file ended: expected 8 bytes, found 6");
    CHECK(failure.kind == ErrorKind::failed);
    CHECK(failure_of([&] { (void)file->read(11, 1); }).message ==
          "pread '" + backend.path_of("file") +
              "' at 11: the file ended: expected 1 bytes, found 0");
  });
}

TEST_CASE("read_up_to stops at the end of the file and says how far it came") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read);
    Bytes target(8, std::byte{'x'});
    CHECK(file->read_up_to(4, target) == 6);
    CHECK(to_text(target) == "456789xx");
    CHECK(file->read_up_to(10, target) == 0);
    CHECK(file->read_up_to(1000, target) == 0);
  });
}

TEST_CASE("a write replaces exactly the bytes at the offset") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read_write);
    file->write(2, as_byte_view("abc"));
    CHECK(read_text(*file, 0, 10) == "01abc56789");
    CHECK(backend.content_of("file") == "01abc56789");
  });
}

TEST_CASE("a write beyond the end extends the file, zeros between") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "01");
    const auto file = backend.open_file("file", Access::read_write);
    file->write(5, as_byte_view("ab"));
    CHECK(backend.content_of("file") == std::string("01\0\0\0ab", 7));
    CHECK(file->status().size_bytes == 7);
  });
}

TEST_CASE("a write of nothing changes nothing") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "01");
    backend.open_file("file", Access::read_write)->write(100, {});
    CHECK(backend.content_of("file") == "01");
  });
}

TEST_CASE("resize cuts off, and extends with zeros where something was cut off before") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789");
    const auto file = backend.open_file("file", Access::read_write);
    file->resize(4);
    CHECK(backend.content_of("file") == "0123");
    file->resize(6);
    CHECK(backend.content_of("file") == std::string("0123\0\0", 6));
    file->resize(0);
    CHECK(backend.content_of("file").empty());
  });
}

TEST_CASE("a file opened for reading cannot be changed; the error names operation, path, place") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    const auto file = backend.open_file("file", Access::read);
    const Failure write = failure_of([&] { file->write(2, as_byte_view("x")); });
    CHECK(write.message == "pwrite '" + backend.path_of("file") + "' at 2: Bad file descriptor");
    CHECK(write.errno_value == EBADF);
    const Failure resize = failure_of([&] { file->resize(1); });
    CHECK(resize.message == "ftruncate '" + backend.path_of("file") + "' at 1: Invalid argument");
    CHECK(backend.content_of("file") == "0123");
  });
}

TEST_CASE("a file's status tells kind, size, names and identity") {
  on_every_backend([](Backend& backend) {
    backend.add_file("one", "0123");
    backend.add_file("two", "");
    const auto one = backend.open_file("one", Access::read);
    const FileStatus status = one->status();
    CHECK(status.kind == FileKind::regular);
    CHECK(status.size_bytes == 4);
    CHECK(status.link_count == 1);
    const FileStatus same = backend.open_file("one", Access::read)->status();
    CHECK(same.inode == status.inode);
    CHECK(same.device == status.device);
    const FileStatus other = backend.open_file("two", Access::read)->status();
    CHECK(other.inode != status.inode);
    CHECK(other.device == status.device);
  });
}

TEST_CASE("a file's status tells what it takes on disk: nothing where there is a hole") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    const auto file = backend.open_file("file", Access::read_write);
    file->resize(std::uint64_t{1} << 20);
    CHECK(file->status().allocated_bytes == 0);
    file->write(512 << 10, Bytes(65536, std::byte{1}));
    file->sync();
    const std::uint64_t allocated_bytes = file->status().allocated_bytes;
    CHECK(allocated_bytes >= 65536);
    CHECK(allocated_bytes < std::uint64_t{1} << 20);
    CHECK(backend.open_root()->status_of("file")->allocated_bytes == allocated_bytes);
  });
}

TEST_CASE("a file knows its path, as it was opened") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_file("sub/file", "");
    CHECK(backend.open_file("sub/file", Access::read)->path() == backend.path_of("sub/file"));
  });
}

TEST_CASE("two open files see each other's writes") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    const auto writer = backend.open_file("file", Access::read_write);
    const auto reader = backend.open_file("file", Access::read);
    writer->write(1, as_byte_view("x"));
    CHECK(read_text(*reader, 0, 4) == "0x23");
  });
}

TEST_CASE("a file can be synced, whether it was changed or not") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    const auto file = backend.open_file("file", Access::read_write);
    CHECK_NOTHROW(file->sync());
    file->write(0, as_byte_view("x"));
    CHECK_NOTHROW(file->sync());
  });
}

TEST_CASE("what will be synced may be written to disk meanwhile, and stays what it is") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    const auto file = backend.open_file("file", Access::read_write);
    file->write(0, as_byte_view("x"));
    file->will_sync({0, 2});
    file->will_sync({0, 0});
    file->will_sync({4096, 4096});  // beyond the end
    CHECK(backend.content_of("file") == "x123");
    CHECK_NOTHROW(file->sync());
  });
}

TEST_CASE("a file that was removed while it was open can still be read") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    const auto file = backend.open_file("file", Access::read);
    backend.open_root()->remove_file("file");
    CHECK(read_text(*file, 0, 4) == "0123");
    CHECK(file->status().link_count == 0);
  });
}

}  // namespace
}  // namespace libregion
