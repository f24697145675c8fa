// The headers of a tar archive: their bytes, and what is refused.

#include "libregion/format/tar.h"

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

using Block = std::array<std::byte, tar_block_bytes>;

Block encoded(const TarHeader& header) {
  Block block{};
  encode_tar_header(header, block);
  return block;
}

// As GNU tar and Python's tarfile read and write it.
Block golden_block() {
  Block block{};
  const auto put = [&](std::size_t at, std::string_view text) {
    const ByteView bytes = as_byte_view(text);
    std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, "00/000/67D.tail");
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, "00000003053");
  put(136, "00000000000");
  put(148, std::string_view("007677\0 ", 8));
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  return block;
}

// A header with these bytes in it and a checksum that is right.
Block with(std::size_t offset_bytes, std::string_view text) {
  Block block = golden_block();
  const ByteView bytes = as_byte_view(text);
  std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<std::ptrdiff_t>(offset_bytes));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    sum += i >= 148 && i < 156 ? ' ' : std::to_integer<std::uint64_t>(block[i]);
  }
  for (std::size_t i = 0; i < 6; ++i, sum /= 8) {
    block[153 - i] = static_cast<std::byte>('0' + sum % 8);
  }
  return block;
}

std::string problem_of(const Block& block) {
  const auto decoded = decode_tar_header(block);
  const auto* problem = std::get_if<TarProblem>(&decoded);
  if (problem == nullptr) return "";
  return std::string(problem->field) + " at " + std::to_string(problem->offset_bytes) +
         ": expected " + problem->expected + ", found " + problem->found;
}

TEST_CASE("a header, byte for byte") {
  const TarHeader header{"00/000/67D.tail", 03053};
  CHECK(spelled(encoded(header)) == spelled(golden_block()));
  CHECK(std::get<TarHeader>(decode_tar_header(golden_block())) == header);
}

TEST_CASE("any name and size come back") {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    TarHeader header;
    header.name = random.text(1 + random.below(tar_name_bytes_max), "abcXYZ019./-_ \n\xff");
    header.size_bytes = random.next() >> (31 + random.below(33));
    REQUIRE(std::get<TarHeader>(decode_tar_header(encoded(header))) == header);
  }
  for (const std::uint64_t size_bytes : {std::uint64_t{0}, tar_size_bytes_max}) {
    CHECK(std::get<TarHeader>(decode_tar_header(encoded({"a", size_bytes}))).size_bytes ==
          size_bytes);
  }
}

TEST_CASE("a block of zeros is an end, one with a single bit is not") {
  Block block{};
  CHECK(std::holds_alternative<TarEnd>(decode_tar_header(block)));
  block[511] = std::byte{1};
  CHECK(problem_of(block) == "checksum at 148: expected '000401', found ''");
}

TEST_CASE("a header with any bit flipped is refused") {
  const Block golden = golden_block();
  for (std::size_t bit = 0; bit < 8 * tar_block_bytes; ++bit) {
    CAPTURE(bit);
    Block block = golden;
    block[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    REQUIRE(problem_of(block) != "");
  }
}

TEST_CASE("what is no plain file is refused, and named") {
  CHECK(problem_of(with(156, "1")) == "type at 156: expected '0', found '1'");  // a hard link
  CHECK(problem_of(with(156, "2")) == "type at 156: expected '0', found '2'");  // a symbolic one
  for (const char* type : {"3", "4", "5", "6", "7", "g", "x", "L", "K", "S", "V", "\x1b"}) {
    CHECK(problem_of(with(156, type)).starts_with("type at 156: expected '0', found "));
  }
  CHECK(problem_of(with(157, "etc/passwd")) == "link name at 157: expected '', found 'etc/passwd'");
  CHECK(problem_of(with(345, "etc")) == "prefix at 345: expected '', found 'etc'");
  CHECK(problem_of(with(257, "ustar  ")) == "magic at 257: expected 'ustar', found 'ustar '");
  CHECK(problem_of(with(263, "01")) == "version at 263: expected '00', found '01'");
  CHECK(problem_of(with(500, "x")) == "end at 500: expected '', found 'x'");
}

TEST_CASE("sizes are 11 octal digits and nothing else") {
  CHECK(problem_of(with(124, "00000003058")) ==
        "size at 124: expected 11 octal digits, found '00000003058'");
  CHECK(problem_of(with(124, "-0000003053")) != "");
  CHECK(problem_of(with(124, "       3053")) != "");
  CHECK(problem_of(with(124, "000000030533")) != "");
  CHECK(problem_of(with(124, std::string_view("3053\0\0\0\0\0\0\0", 11))) != "");
  // GNU's form for sizes that do not fit.
  CHECK(problem_of(with(124, std::string_view("\x80\0\0\0\0\0\0\0\0\0\0\1", 12))) != "");
}

TEST_CASE("a name ends with a zero, and there is one") {
  CHECK(problem_of(with(0, std::string(100, 'a'))) != "");
  CHECK(problem_of(with(0, std::string_view("00\0000/67D.tail", 13))) != "");
  CHECK(problem_of(with(0, std::string(15, '\0'))) ==
        "name at 0: expected 1 to 99 bytes, then zeros, found ''");
  CHECK(std::get<TarHeader>(decode_tar_header(with(0, std::string(99, 'a')))).name ==
        std::string(99, 'a'));
}

TEST_CASE("content is filled up to whole blocks") {
  CHECK(tar_padding_bytes(0) == 0);
  CHECK(tar_padding_bytes(1) == 511);
  CHECK(tar_padding_bytes(511) == 1);
  CHECK(tar_padding_bytes(512) == 0);
  CHECK(tar_padding_bytes(513) == 511);
}

TEST_CASE("any block is a header that encodes to a checked one, an end, or a problem in words") {
  Random random(2);
  for (int i = 0; i < 20000; ++i) {
    Block block = golden_block();
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
      block[random.below(block.size())] = random.byte();
    }
    const Block mended = with(random.below(500), random.text(random.below(12), "0127\x80\xffx "));
    for (const Block& any : {block, mended}) {
      const auto decoded = decode_tar_header(any);
      if (const auto* header = std::get_if<TarHeader>(&decoded)) {
        REQUIRE(std::get<TarHeader>(decode_tar_header(encoded(*header))) == *header);
      } else if (const auto* problem = std::get_if<TarProblem>(&decoded)) {
        REQUIRE_FALSE(problem->expected.empty());
        REQUIRE_FALSE(problem->found.empty());
        REQUIRE(problem->offset_bytes < tar_block_bytes);
      }
    }
  }
}

}  // namespace
}  // namespace libregion
