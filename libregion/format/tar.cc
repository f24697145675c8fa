#include "libregion/format/tar.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "libregion/base/text.h"

namespace libregion {
namespace {

struct Field {
  std::string_view name;
  std::size_t offset_bytes;
  std::size_t size_bytes;
};

constexpr Field name_field{"name", 0, 100};
constexpr Field size_field{"size", 124, 12};
constexpr Field checksum_field{"checksum", 148, 8};

// What has the same bytes in each header that is written here.
struct ConstantField {
  Field field;
  std::string_view start;  // zeros follow
  bool is_checked;         // else it says nothing that is of use
};
constexpr std::array constant_fields = {
    ConstantField{{"mode", 100, 8}, "0000644", false},
    ConstantField{{"user", 108, 8}, "0000000", false},
    ConstantField{{"group", 116, 8}, "0000000", false},
    ConstantField{{"time", 136, 12}, "00000000000", false},
    ConstantField{{"type", 156, 1}, "0", true},
    ConstantField{{"link name", 157, 100}, "", true},
    ConstantField{{"magic", 257, 6}, "ustar", true},
    ConstantField{{"version", 263, 2}, "00", true},
    ConstantField{{"prefix", 345, 155}, "", true},
    ConstantField{{"end", 500, 12}, "", true},
};

ByteView bytes_of(TarBlockView block, const Field& field) {
  return block.subspan(field.offset_bytes, field.size_bytes);
}

void put_text(std::span<std::byte, tar_block_bytes> block, const Field& field,
              std::string_view text) {
  const ByteView source = as_byte_view(text);
  std::copy(source.begin(), source.end(), block.subspan(field.offset_bytes).begin());
}

std::uint64_t checksum_of(TarBlockView block) {
  const auto sum = [](ByteView bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0},
                           [](std::uint64_t total, std::byte value) {
                             return total + std::to_integer<std::uint64_t>(value);
                           });
  };
  const std::uint64_t spaces = std::uint64_t{checksum_field.size_bytes} * ' ';
  return sum(block) - sum(bytes_of(block, checksum_field)) + spaces;
}

std::string checksum_text(TarBlockView block) {
  return fmt::format("{:06o}", checksum_of(block)) + std::string("\0 ", 2);
}

// Up to the first zero.
std::string text_of(TarBlockView block, const Field& field) {
  const std::string text = to_text(bytes_of(block, field));
  return text.substr(0, text.find('\0'));
}

std::optional<std::uint64_t> parse_size(const std::string& text) {
  if (text.back() != '\0') return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : std::string_view(text).substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

TarProblem problem_of(TarBlockView block, const Field& field, std::string expected) {
  constexpr std::size_t shown_max = 32;
  const std::string found = text_of(block, field).substr(0, shown_max);
  return {field.name, field.offset_bytes, std::move(expected), "'" + printable(found) + "'"};
}

std::optional<TarProblem> check_constants(TarBlockView block) {
  for (const auto& [field, start, is_checked] : constant_fields) {
    if (!is_checked) continue;
    const ByteView found = bytes_of(block, field);
    const ByteView expected = as_byte_view(start);
    if (std::equal(expected.begin(), expected.end(), found.begin()) &&
        all_zero(found.subspan(expected.size()))) {
      continue;
    }
    return problem_of(block, field, fmt::format("'{}'", start));
  }
  return std::nullopt;
}

}  // namespace

std::variant<TarHeader, TarEnd, TarProblem> decode_tar_header(TarBlockView block) {
  if (all_zero(block)) return TarEnd{};
  const std::string checksum = checksum_text(block);
  if (to_text(bytes_of(block, checksum_field)) != checksum) {
    return problem_of(block, checksum_field, fmt::format("'{}'", checksum.substr(0, 6)));
  }
  if (auto problem = check_constants(block)) return *problem;
  const auto size_bytes = parse_size(to_text(bytes_of(block, size_field)));
  if (!size_bytes) return problem_of(block, size_field, "11 octal digits");
  const std::string name = text_of(block, name_field);
  if (name.empty() || name.size() > tar_name_bytes_max ||
      !all_zero(bytes_of(block, name_field).subspan(name.size()))) {
    return problem_of(block, name_field, "1 to 99 bytes, then zeros");
  }
  return TarHeader{name, *size_bytes};
}

void encode_tar_header(const TarHeader& header, std::span<std::byte, tar_block_bytes> block) {
  LIBREGION_ASSERT(!header.name.empty() && header.name.size() <= tar_name_bytes_max);
  LIBREGION_ASSERT(header.size_bytes <= tar_size_bytes_max);
  std::fill(block.begin(), block.end(), std::byte{0});
  for (const auto& [field, start, is_checked] : constant_fields) put_text(block, field, start);
  put_text(block, name_field, header.name);
  put_text(block, size_field, fmt::format("{:011o}", header.size_bytes));
  put_text(block, checksum_field, checksum_text(block));
}

}  // namespace libregion
