// The headers of a tar archive in ustar format, as far as a bundle needs them: plain files with
// short names. An archive is, for each file, a header of 512 bytes and its content, filled up with
// zeros to a multiple of 512; two blocks of zeros end it.
//
//     0  name        100  ends with the first zero
//   100  mode          8  "0000644"; numbers are octal digits, then a zero
//   108  user          8  "0000000"
//   116  group         8  "0000000"
//   124  size         12
//   136  time         12  "00000000000"
//   148  checksum      8  6 digits, a zero, a space: the sum of all bytes of the header, these 8
//                         counted as spaces
//   156  type          1  "0", a plain file
//   157  link name   100  zeros
//   257  magic         6  "ustar", then a zero
//   263  version       2  "00"
//   265  zeros       247  names of owners, devices, a prefix of the name
//
// An archive comes from a stranger and is read by root. So this is code of its own and no library
// for archives: what it does not know it refuses, and there is little that it knows. Links,
// directories, devices, long names, sparse files and extensions of any kind are not among it.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "libregion/format/bytes.h"

namespace libregion {

constexpr std::size_t tar_block_bytes = 512;
constexpr std::size_t tar_name_bytes_max = 99;
constexpr std::uint64_t tar_size_bytes_max = (std::uint64_t{1} << 33U) - 1;  // 11 octal digits
static_assert(tar_size_bytes_max == 077777777777);

struct TarHeader {
  std::string name;
  std::uint64_t size_bytes = 0;
  bool operator==(const TarHeader&) const = default;
};

// A block of zeros, of which two end an archive.
struct TarEnd {
  bool operator==(const TarEnd&) const = default;
};

// A field that does not hold what these archives have there.
struct TarProblem {
  std::string_view field;
  std::size_t offset_bytes = 0;  // in the header
  std::string expected;
  std::string found;
};

using TarBlockView = std::span<const std::byte, tar_block_bytes>;

std::variant<TarHeader, TarEnd, TarProblem> decode_tar_header(TarBlockView block);

// The name must have 1 to tar_name_bytes_max bytes, none of them zero.
void encode_tar_header(const TarHeader& header, std::span<std::byte, tar_block_bytes> block);

// How many zeros follow so much content.
[[nodiscard]] constexpr std::uint64_t tar_padding_bytes(std::uint64_t size_bytes) {
  return (tar_block_bytes - size_bytes % tar_block_bytes) % tar_block_bytes;
}

}  // namespace libregion
