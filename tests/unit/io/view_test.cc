// Looking at a file's bytes where they are.

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

constexpr std::uint64_t page_bytes = 4096;

std::string ramp(std::size_t size_bytes) {
  std::string text(size_bytes, '\0');
  for (std::size_t i = 0; i < size_bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_CASE("a view shows what reading gives, at any offset and of any length") {
  const std::string content = ramp(6 << 20);
  on_every_backend([&](Backend& backend) {
    backend.add_file("file", content);
    const auto file = backend.open_file("file", Access::read);
    Bytes buffer;
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
      CHECK(to_text(file->view(range, buffer)) ==
            content.substr(range.offset_bytes, range.length_bytes));
      CHECK_FALSE(file->has_torn_view());
    }
  });
}

TEST_CASE("a view shows what was written since the last one") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read_write);
    Bytes buffer;
    CHECK(to_text(file->view({5'000, 3}, buffer)) != "new");
    file->write(5'000, as_byte_view("new"));
    CHECK(to_text(file->view({5'000, 3}, buffer)) == "new");
  });
}

TEST_CASE("a view can be ended, before any and after the last, and another one be had") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read);
    Bytes buffer;
    file->end_view();
    CHECK(to_text(file->view({23, 3}, buffer)) == "abc");
    file->end_view();
    file->end_view();
    CHECK_FALSE(file->has_torn_view());
    CHECK(to_text(file->view({24, 3}, buffer)) == "bcd");
  });
}

TEST_CASE("a view beyond the end of the file is the error that reading is") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", ramp(10'000));
    const auto file = backend.open_file("file", Access::read);
    Bytes buffer;
    const Failure failure = failure_of([&] { (void)file->view({9'999, 2}, buffer); });
    CHECK(failure.message.find("the file ended: expected 2 bytes, found 1") != std::string::npos);
  });
}

TEST_CASE("a file that is cut while it is looked at: a torn view of zeros, no dead process") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("file", ramp(8 * page_bytes));
    const auto file = backend.open_file("file", Access::read);
    Bytes buffer;
    const ByteView bytes = file->view({0, 8 * page_bytes}, buffer);
    std::filesystem::resize_file(backend.path_of("file"), page_bytes);
    CHECK(to_text(bytes.first(3)) == "abc");
    const bool is_mapped = buffer.empty();
    if (!is_mapped) return;
    CHECK(bytes[2 * page_bytes] == std::byte{0});
    CHECK(bytes[7 * page_bytes + 123] == std::byte{0});
    CHECK(file->has_torn_view());
    const Failure failure = failure_of([&] {
      (void)file->view({2 * page_bytes, page_bytes}, buffer);
    });
    CHECK(failure.message.find("the file ended") != std::string::npos);
    CHECK(to_text(file->view({0, 3}, buffer)) == "abc");
    CHECK_FALSE(file->has_torn_view());
  });
}

TEST_CASE("of several windows the one is torn whose file was cut") {
  on_every_posix_backend([](Backend& backend) {
    backend.add_file("whole", ramp(4 * page_bytes));
    backend.add_file("cut", ramp(4 * page_bytes));
    const auto whole = backend.open_file("whole", Access::read);
    const auto cut = backend.open_file("cut", Access::read);
    Bytes buffer;
    Bytes other_buffer;
    const ByteView of_cut = cut->view({0, 4 * page_bytes}, buffer);
    const ByteView of_whole = whole->view({0, 4 * page_bytes}, other_buffer);
    if (!buffer.empty()) return;
    std::filesystem::resize_file(backend.path_of("cut"), 0);
    CHECK(of_cut[page_bytes] == std::byte{0});
    CHECK(of_whole[1] == std::byte{'b'});
    CHECK(cut->has_torn_view());
    CHECK_FALSE(whole->has_torn_view());
  });
}

TEST_CASE("telling what will be read changes nothing of what is read") {
  on_every_backend([](Backend& backend) {
    const std::string content = ramp(100'000);
    backend.add_file("file", content);
    const auto file = backend.open_file("file", Access::read);
    file->will_read({0, 100'000});
    file->will_read({50'000, 1 << 20});  // beyond the end
    file->will_read({7, 0});
    CHECK(to_text(file->read(0, 100'000)) == content);
  });
}

}  // namespace
}  // namespace libregion
