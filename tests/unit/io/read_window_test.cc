#include "libregion/io/read_window.h"

#include <doctest/doctest.h>

#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

TEST_CASE("who reads in order is given what was read before; the end is as far as anyone looks") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789abcdef");
    const auto file = backend.open_file("file", Access::read_write);
    ReadWindow window(8);
    CHECK(to_text(window.read(*file, {2, 2}, 16)) == "23");
    file->write(4, as_byte_view("XYZ"));
    CHECK(to_text(window.read(*file, {4, 2}, 16)) == "45");
    CHECK(to_text(window.read(*file, {6, 4}, 16)) == "6789");
    CHECK(to_text(window.read(*file, {10, 6}, 16)) == "abcdef");
  });
}

TEST_CASE("what is asked for again, or out of order, is read as it is now") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123456789abcdef");
    const auto file = backend.open_file("file", Access::read_write);
    ReadWindow window(16);
    CHECK(to_text(window.read(*file, {0, 4}, 16)) == "0123");
    file->write(0, as_byte_view("NEW"));
    CHECK(to_text(window.read(*file, {0, 4}, 16)) == "NEW3");
    file->write(8, as_byte_view("NEW"));
    CHECK(to_text(window.read(*file, {8, 4}, 16)) == "NEWb");
    CHECK(to_text(window.read(*file, {1, 3}, 4)) == "EW3");
  });
}

}  // namespace
}  // namespace libregion
