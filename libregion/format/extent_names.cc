#include "libregion/format/extent_names.h"

#include <limits>

#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/text.h"

namespace libregion {
namespace {

// Exactly `digits` upper-case hexadecimal digits.
std::optional<std::uint32_t> parse_name_digits(std::string_view name, std::size_t digits) {
  if (name.size() != digits) return std::nullopt;
  if (name.find_first_not_of("0123456789ABCDEF") != std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(*parse_hexadecimal(name));
}

std::optional<ExtentId> to_extent_id(std::optional<std::uint64_t> number) {
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return ExtentId{static_cast<std::uint32_t>(*number)};
}

std::optional<ExtentId> parse_extent_path(std::string_view text) {
  if (text.size() != 10 || text[2] != '/' || text[6] != '/') return std::nullopt;
  const auto top = parse_top_directory_name(text.substr(0, 2));
  const auto middle = parse_leaf_directory_name(text.substr(3, 3));
  const auto leaf = parse_leaf_directory_name(text.substr(7));
  if (!top || !middle || !leaf) return std::nullopt;
  return ExtentId{*top << 24U | *middle << 12U | *leaf};
}

}  // namespace

std::string_view part_suffix(ExtentPart part) {
  switch (part) {
    case ExtentPart::data: return "";
    case ExtentPart::db: return ".db";
    case ExtentPart::db_wal: return ".db-wal";
    case ExtentPart::db_shm: return ".db-shm";
    case ExtentPart::db_journal: return ".db-journal";
    case ExtentPart::copy: return ".copy";
    case ExtentPart::replace: return ".replace";
    case ExtentPart::completed: return ".completed";
  }
  assertion_failed("a known ExtentPart", __FILE__, __LINE__);
}

LeafId leaf_of(ExtentId extent) { return LeafId{extent.value >> 12U}; }

std::string top_directory_name(LeafId leaf) { return fmt::format("{:02X}", leaf.value >> 12U); }

std::string leaf_directory_path(LeafId leaf) {
  return fmt::format("{:02X}/{:03X}", leaf.value >> 12U, leaf.value & 0xFFFU);
}

std::string extent_file_name(ExtentId extent, ExtentPart part) {
  return fmt::format("{:03X}{}", extent.value & 0xFFFU, part_suffix(part));
}

std::string extent_path(ExtentId extent, ExtentPart part) {
  return leaf_directory_path(leaf_of(extent)) + "/" + extent_file_name(extent, part);
}

std::optional<std::uint32_t> parse_top_directory_name(std::string_view name) {
  return parse_name_digits(name, 2);
}

std::optional<std::uint32_t> parse_leaf_directory_name(std::string_view name) {
  return parse_name_digits(name, 3);
}

std::optional<ParsedExtentName> parse_extent_name(LeafId leaf, std::string_view name) {
  const auto number = parse_name_digits(name.substr(0, 3), 3);
  if (!number) return std::nullopt;
  for (const ExtentPart part : all_extent_parts) {
    if (name.substr(3) == part_suffix(part)) {
      return ParsedExtentName{ExtentId{leaf.value << 12U | *number}, part};
    }
  }
  return std::nullopt;
}

std::optional<ExtentId> parse_extent_reference(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return parse_extent_path(text);
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") {
    return to_extent_id(parse_hexadecimal(text.substr(2)));
  }
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    return to_extent_id(parse_decimal(text));
  }
  return to_extent_id(parse_name_digits(text, 3));
}

}  // namespace libregion
