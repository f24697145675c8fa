// Stretches of an open file: which hold data, and copying them into another one.

#include <cerrno>

#include <doctest/doctest.h>

#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

// A multiple of the size of every file system's blocks.
constexpr std::uint64_t large_bytes = std::uint64_t{1} << 20;

std::string pattern(std::uint64_t length_bytes) {
  std::string text;
  for (std::uint64_t i = 0; i < length_bytes; ++i) {
    text += static_cast<char>('a' + (i / 7 + i) % 26);
  }
  return text;
}

// Everything, as what next_data() gives says that it must be: zeros lie between the stretches.
std::string read_by_stretches(const File& file) {
  std::string text(file.status().size_bytes, '\0');
  std::uint64_t from = 0;
  while (const auto data = file.next_data(from)) {
    CHECK(data->offset_bytes >= from);
    REQUIRE(data->length_bytes > 0);
    REQUIRE(data->end_bytes() <= text.size());
    text.replace(data->offset_bytes, data->length_bytes,
                 to_text(file.read(data->offset_bytes, data->length_bytes)));
    from = data->end_bytes();
  }
  return text;
}

TEST_CASE("a file without holes is one stretch of data, from wherever it is asked after") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", pattern(10'000));
    const auto file = backend.open_file("file", Access::read);
    CHECK(file->next_data(0) == ByteRange{0, 10'000});
    CHECK(file->next_data(9'999) == ByteRange{9'999, 1});
    CHECK(file->next_data(10'000) == std::nullopt);
    CHECK(file->next_data(large_bytes) == std::nullopt);
  });
}

TEST_CASE("an empty file has no data") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    CHECK(backend.open_file("file", Access::read)->next_data(0) == std::nullopt);
  });
}

TEST_CASE("all that is not zero lies in a stretch of data") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "begin");
    const auto file = backend.open_file("file", Access::read_write);
    file->write(3 * large_bytes, as_byte_view("middle"));
    file->resize(8 * large_bytes);
    CHECK(read_by_stretches(*file) == backend.content_of("file"));
    file->sync();
    CHECK(read_by_stretches(*file) == backend.content_of("file"));
  });
}

TEST_CASE("a hole is skipped where the system knows of holes, and is data elsewhere") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    const auto file = backend.open_file("file", Access::read_write);
    file->write(4 * large_bytes, as_byte_view("data"));
    file->resize(8 * large_bytes);
    file->sync();
    const auto first = file->next_data(0);
    REQUIRE(first);
    CHECK(first->offset_bytes == (backend.has_ranges() ? 4 * large_bytes : 0));
    CHECK(file->next_data(6 * large_bytes).has_value() != backend.has_ranges());
  });
}

TEST_CASE("copy_to copies exactly the range to its place in the other file") {
  on_every_backend([](Backend& backend) {
    const std::string content = pattern(3 * large_bytes + 123);
    backend.add_file("source", content);
    backend.add_file("target", "0123456789");
    const auto source = backend.open_file("source", Access::read);
    const auto target = backend.open_file("target", Access::read_write);
    source->copy_to(*target, {{5, 3}, 2});
    CHECK(backend.content_of("target") == "01" + content.substr(5, 3) + "56789");
    source->copy_to(*target, {{1, content.size() - 1}, 4});
    CHECK(backend.content_of("target") == "01" + content.substr(5, 2) + content.substr(1));
    CHECK(backend.content_of("source") == content);
  });
}

TEST_CASE("copying nothing changes nothing") {
  on_every_backend([](Backend& backend) {
    backend.add_file("source", "0123");
    backend.add_file("target", "ab");
    const auto target = backend.open_file("target", Access::read_write);
    backend.open_file("source", Access::read)->copy_to(*target, {{2, 0}, 100});
    CHECK(backend.content_of("target") == "ab");
  });
}

TEST_CASE("a source that ends before the range does is an error that names it and the place") {
  on_every_backend([](Backend& backend) {
    backend.add_file("source", "0123456789");
    backend.add_file("target", "");
    const auto source = backend.open_file("source", Access::read);
    const auto target = backend.open_file("target", Access::read_write);
    const Failure failure = failure_of([&] { source->copy_to(*target, {{4, 8}, 0}); });
    CHECK(failure.kind == ErrorKind::failed);
    CHECK(failure.message.starts_with("pread '" + backend.path_of("source") + "' at "));
    CHECK(failure.message.find("the file ended: ") != std::string::npos);
  });
}

TEST_CASE("a target that cannot be written is an error that names it") {
  on_every_backend([](Backend& backend) {
    backend.add_file("source", "0123456789");
    backend.add_file("target", "ab");
    const auto source = backend.open_file("source", Access::read);
    const auto target = backend.open_file("target", Access::read);
    const Failure failure = failure_of([&] { source->copy_to(*target, {{4, 3}, 1}); });
    CHECK(failure.message ==
          "pwrite '" + backend.path_of("target") + "' at 1: Bad file descriptor");
    CHECK(failure.errno_value == EBADF);
    CHECK(backend.content_of("target") == "ab");
  });
}

}  // namespace
}  // namespace libregion
