// The members of a bundle: a region without its data, in a tar archive, for a bug report. All their
// names are built and parsed here, from those of a region's files.
//
//   manifest.json            what the bundle is, and what of it is blinded
//   region.json              the region definition
//   listing                  names, kinds and sizes of what is in the region's directory,
//   XX/listing               in a top directory,
//   XX/YYY/listing           and in a leaf directory with its repairs
//   XX/YYY/ZZZ.blocks        what the data of the extent's blocks is: hashes, not data
//   XX/YYY/ZZZ.tail          the bytes of its data file behind the data: slots, bits, metadata
//   XX/YYY/ZZZ.end           instead: the last 32 bytes of a file of extent version 3
//   XX/YYY/ZZZ.rows          numbers and contexts of a database that could be read
//   XX/YYY/ZZZ.db            a database that could not be read; .db-wal and .db-journal likewise
//   XX/YYY/ZZZ.replace/ZZZ.tail, .end, .rows, .db ...      the same of a pending replacement
//
// They come in this order, extent by extent, leaf by leaf. So none is there twice, and a bundle is
// written and read in one pass, in memory that does not grow with it. Contents: bundle_records.h.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libregion/format/extent_names.h"

namespace libregion {

enum class MemberKind : std::uint8_t {
  manifest,
  definition,
  root_listing,
  top_listing,
  leaf_listing,
  // of an extent, or of its replacement
  blocks,
  tail,
  end,
  rows,
  file,  // byte for byte
};

struct BundleMember {
  MemberKind kind = MemberKind::manifest;
  LeafId leaf = {};  // of a top listing: the first one in it
  ExtentId extent = {};
  bool is_replacement = false;
  ExtentPart part = ExtentPart::data;  // of a file: db, db_wal or db_journal
  bool operator==(const BundleMember&) const = default;
};

BundleMember top_listing_member(std::uint32_t top);
BundleMember leaf_listing_member(LeafId leaf);

std::string member_name(const BundleMember& member);
// nullopt for every name that member_name does not build.
std::optional<BundleMember> parse_member_name(std::string_view name);

// Where a member stands among the others: ascending, and each place only once.
using MemberPlace = std::array<std::int64_t, 5>;
MemberPlace place_of(const BundleMember& member);

}  // namespace libregion
