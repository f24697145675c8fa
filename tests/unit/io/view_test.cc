// Looking at a file's bytes where they are.

#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/system_extras.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

constexpr std::uint64_t page_bytes = 4096;

std::string ramp(std::size_t size_bytes) {
  std::string text(size_bytes, '\0');
  for (std::size_t i = 0; i < size_bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

// False where the system does not let go of it.
bool forget_cached(const std::string& path, std::uint64_t length_bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(file.is_open());
  REQUIRE(::fsync(file.number()) == 0);
  drop_cached_bytes(file.number(), 0, length_bytes);
  // To try and read would let the system read ahead.
  void* const mapped = ::mmap(nullptr, length_bytes, PROT_READ, MAP_SHARED, file.number(), 0);
  REQUIRE(mapped != MAP_FAILED);
  unsigned char is_first_page_in_memory = 0;
  CHECK(::mincore(mapped, 1, &is_first_page_in_memory) == 0);
  CHECK(::munmap(mapped, length_bytes) == 0);
  return (is_first_page_in_memory & 1U) == 0;
}

// What there is to be seen, else what is read.
std::string look_at(const File& file, ByteRange range) {
  const ByteView seen = file.view(range);
  if (seen.empty()) return to_text(file.read(range.offset_bytes, range.length_bytes));
  CHECK(seen.size() == range.length_bytes);
  return to_text(seen);
}

TEST_CASE("a view shows what reading gives, at any offset and of any length") {
  const std::string content = ramp(6 << 20);
  on_every_backend([&](Backend& backend) {
    backend.add_file("file", content);
    const auto file = backend.open_file("file", Access::read);
    for (const ByteRange& range : std::initializer_list<ByteRange>{{0, 1},
                                                                   {0, page_bytes},
                                                                   {4095, 3},
                                                                   {(2 << 20) - 7, 100},
                                                                   {1, 5 << 20},
                                                                   {0, 6 << 20},
                                                                   {(6 << 20) - 1, 1},
                                                                   {12'345, 54'321},
                                                                   {77, 0}}) {
      CAPTURE(range.offset_bytes);
      CHECK(look_at(*file, range) == content.substr(range.offset_bytes, range.length_bytes));
      CHECK_FALSE(file->has_torn_view());
    }
  });
}

TEST_CASE("a view shows what was written since the last one") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read_write);
    CHECK(look_at(*file, {5'000, 3}) != "new");
    file->write(5'000, as_byte_view("new"));
    CHECK(look_at(*file, {5'000, 3}) == "new");
  });
}

TEST_CASE("a view can be ended, before any and after the last, and another one be had") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read);
    file->end_view();
    CHECK(look_at(*file, {23, 3}) == "abc");
    file->end_view();
    file->end_view();
    CHECK_FALSE(file->has_torn_view());
    CHECK(look_at(*file, {24, 3}) == "bcd");
  });
}

TEST_CASE("beyond the end of the file there is nothing to be seen") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read);
    CHECK(file->view({9'999, 2}).empty());
    CHECK(file->view({10'000, 1}).empty());
  });
}

TEST_CASE("a file that is cut while it is looked at: a torn view of zeros, no dead process") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", ramp(8 * page_bytes));
    const auto file = backend.open_file("file", Access::read);
    const ByteView bytes = file->view({0, 8 * page_bytes});
    if (bytes.empty()) return;
    std::filesystem::resize_file(backend.path_of("file"), page_bytes);
    CHECK(to_text(bytes.first(3)) == "abc");
    CHECK(bytes[2 * page_bytes] == std::byte{0});
    CHECK(bytes[7 * page_bytes + 123] == std::byte{0});
    CHECK(file->has_torn_view());
    CHECK(file->view({2 * page_bytes, page_bytes}).empty());
    CHECK(look_at(*file, {0, 3}) == "abc");
    CHECK_FALSE(file->has_torn_view());
  });
}

TEST_CASE("of several windows the one is torn whose file was cut") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("whole", ramp(4 * page_bytes));
    backend.add_file("cut", ramp(4 * page_bytes));
    const auto whole = backend.open_file("whole", Access::read);
    const auto cut = backend.open_file("cut", Access::read);
    const ByteView of_cut = cut->view({0, 4 * page_bytes});
    const ByteView of_whole = whole->view({0, 4 * page_bytes});
    if (of_cut.empty()) return;
    std::filesystem::resize_file(backend.path_of("cut"), 0);
    CHECK(of_cut[page_bytes] == std::byte{0});
    CHECK(of_whole[1] == std::byte{'b'});
    CHECK(cut->has_torn_view());
    CHECK_FALSE(whole->has_torn_view());
  });
}

TEST_CASE("what is not in memory is not shown; once it was read, it is") {
  on_every_posix_backend([](Backend& backend) {
    const std::string content = ramp(1 << 20);
    backend.add_file("file", content);
    const auto file = backend.open_file("file", Access::read);
    // What the system is busy with stays in memory for a moment.
    bool is_shown = true;
    for (int attempts = 0; attempts < 100 && is_shown; ++attempts) {
      file->end_view();
      // A file system may be memory itself.
      if (!forget_cached(backend.path_of("file"), content.size())) return;
      is_shown = !file->view({0, 1 << 20}).empty();
    }
    CHECK_FALSE(is_shown);
    (void)file->read(0, 1 << 20);
    const ByteView seen = file->view({0, 1 << 20});
    if (!seen.empty()) CHECK(to_text(seen) == content);
  });
}

}  // namespace
}  // namespace libregion
