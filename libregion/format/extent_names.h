// Every name of a file in a region is built and parsed here.
//
//   region.json              the region definition
//   region.json.tmp          the same, before it gets its name
//   region.json.incomplete   the same, in a region that is being made of another or of a bundle
//   XX/YYY/ZZZ               an extent's data file: its number in upper-case hexadecimal,
//                            XX bits 31..24, YYY bits 23..12, ZZZ bits 11..0
//   XX/YYY/ZZZ.db            its database: there only for a SQLite extent
//   XX/YYY/ZZZ.db-wal        the database's write-ahead log
//   XX/YYY/ZZZ.db-shm        the index of that log
//   XX/YYY/ZZZ.db-journal    a rollback journal; Crucible never makes one
//   XX/YYY/ZZZ.copy/         a repair that was still receiving files
//   XX/YYY/ZZZ.replace/      a repair whose files are all there, not yet put in place
//   XX/YYY/ZZZ.completed/    a repair that is done but for the clean-up

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libregion/format/units.h"

namespace libregion {

inline constexpr std::string_view definition_name = "region.json";
inline constexpr std::string_view definition_temporary_name = "region.json.tmp";
inline constexpr std::string_view definition_incomplete_name = "region.json.incomplete";
inline constexpr std::string_view seed_database_name = "seed.db";

// What stands beside, or instead of, an extent's data file.
enum class ExtentPart : std::uint8_t {
  data,
  db,
  db_wal,
  db_shm,
  db_journal,
  copy,
  replace,
  completed,
};
inline constexpr std::array all_extent_parts = {
    ExtentPart::data,       ExtentPart::db,   ExtentPart::db_wal,  ExtentPart::db_shm,
    ExtentPart::db_journal, ExtentPart::copy, ExtentPart::replace, ExtentPart::completed};

// ".db-wal" and so on; empty for the data file.
std::string_view part_suffix(ExtentPart part);

// Which of them an extent has.
class ExtentParts {
 public:
  void add(ExtentPart part) { bits_ |= bit_of(part); }
  [[nodiscard]] bool has(ExtentPart part) const { return (bits_ & bit_of(part)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }

  // A number that says the same.
  [[nodiscard]] unsigned bits() const { return bits_; }
  static ExtentParts from_bits(unsigned bits) {
    ExtentParts parts;
    parts.bits_ = bits;
    return parts;
  }

 private:
  static unsigned bit_of(ExtentPart part) { return 1U << static_cast<unsigned>(part); }
  unsigned bits_ = 0;
};

// A leaf directory holds the extents that share bits 31..12.
struct LeafId {
  std::uint32_t value = 0;  // those 20 bits
  auto operator<=>(const LeafId&) const = default;
};
inline constexpr std::uint32_t extents_per_leaf = 4096;

LeafId leaf_of(ExtentId extent);
std::string top_directory_name(LeafId leaf);                                        // "00"
std::string leaf_directory_path(LeafId leaf);                                       // "00/000"
std::string extent_file_name(ExtentId extent, ExtentPart part = ExtentPart::data);  // "000.db"
std::string extent_path(ExtentId extent, ExtentPart part = ExtentPart::data);  // "00/000/000.db"

// Names of directories: two or three upper-case hexadecimal digits.
std::optional<std::uint32_t> parse_top_directory_name(std::string_view name);
std::optional<std::uint32_t> parse_leaf_directory_name(std::string_view name);

struct ParsedExtentName {
  ExtentId extent;
  ExtentPart part = ExtentPart::data;
};
// A name within a leaf directory, for instance "67D.db-wal".
std::optional<ParsedExtentName> parse_extent_name(LeafId leaf, std::string_view name);

// An extent as people name it: decimal (bare digits), "0x67D", or a file's name, with a letter or
// a slash in it: "67D", "00/000/064".
std::optional<ExtentId> parse_extent_reference(std::string_view text);

}  // namespace libregion
