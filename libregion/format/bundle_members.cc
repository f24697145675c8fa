#include "libregion/format/bundle_members.h"

#include <algorithm>
#include <utility>

#include "libregion/base/assert.h"

namespace libregion {
namespace {

constexpr std::string_view manifest_name = "manifest.json";
constexpr std::string_view listing_name = "listing";

struct Suffix {
  std::string_view text;
  MemberKind kind;
  ExtentPart part;
};

// In the order in which they stand in a bundle.
const std::array<Suffix, 7>& member_suffixes() {
  static const std::array suffixes = {
      Suffix{".blocks", MemberKind::blocks, ExtentPart::data},
      Suffix{".tail", MemberKind::tail, ExtentPart::data},
      Suffix{".end", MemberKind::end, ExtentPart::data},
      Suffix{".rows", MemberKind::rows, ExtentPart::data},
      Suffix{part_suffix(ExtentPart::db), MemberKind::file, ExtentPart::db},
      Suffix{part_suffix(ExtentPart::db_wal), MemberKind::file, ExtentPart::db_wal},
      Suffix{part_suffix(ExtentPart::db_journal), MemberKind::file, ExtentPart::db_journal}};
  return suffixes;
}

std::size_t suffix_index(const BundleMember& member) {
  const auto& suffixes = member_suffixes();
  const auto* const found =
      std::find_if(suffixes.begin(), suffixes.end(), [&](const Suffix& suffix) {
        return suffix.kind == member.kind && suffix.part == member.part;
      });
  LIBREGION_ASSERT(found != suffixes.end());  // a member of an extent
  return static_cast<std::size_t>(found - suffixes.begin());
}

// "ZZZ.tail", or "ZZZ.replace/ZZZ.tail".
std::optional<BundleMember> parse_extent_member(LeafId leaf, std::string_view name) {
  BundleMember member;
  member.leaf = leaf;
  const std::size_t slash = name.find('/');
  std::optional<ExtentId> replaced;
  if (slash != std::string_view::npos) {
    const auto directory = parse_extent_name(leaf, name.substr(0, slash));
    if (!directory || directory->part != ExtentPart::replace) return std::nullopt;
    replaced = directory->extent;
    name.remove_prefix(slash + 1);
  }
  const auto parsed = parse_extent_name(leaf, name.substr(0, 3));
  if (!parsed || (replaced && *replaced != parsed->extent)) return std::nullopt;
  member.extent = parsed->extent;
  member.is_replacement = replaced.has_value();
  for (const Suffix& suffix : member_suffixes()) {
    if (name.substr(3) != suffix.text) continue;
    member.kind = suffix.kind;
    member.part = suffix.part;
    return member;
  }
  return std::nullopt;
}

std::string extent_member_name(const BundleMember& member) {
  const std::string name =
      extent_file_name(member.extent) + std::string(member_suffixes()[suffix_index(member)].text);
  const std::string leaf = leaf_directory_path(leaf_of(member.extent)) + "/";
  if (!member.is_replacement) return leaf + name;
  return leaf + extent_file_name(member.extent, ExtentPart::replace) + "/" + name;
}

}  // namespace

BundleMember top_listing_member(std::uint32_t top) {
  return {MemberKind::top_listing, LeafId{top << 12U}};
}

BundleMember leaf_listing_member(LeafId leaf) { return {MemberKind::leaf_listing, leaf}; }

std::string member_name(const BundleMember& member) {
  std::string listing(listing_name);
  switch (member.kind) {
    case MemberKind::manifest: return std::string(manifest_name);
    case MemberKind::definition: return std::string(definition_name);
    case MemberKind::root_listing: return listing;
    case MemberKind::top_listing: return top_directory_name(member.leaf) + "/" + listing;
    case MemberKind::leaf_listing: return leaf_directory_path(member.leaf) + "/" + listing;
    default: return extent_member_name(member);
  }
}

std::optional<BundleMember> parse_member_name(std::string_view name) {
  if (name == manifest_name) return BundleMember{MemberKind::manifest};
  if (name == definition_name) return BundleMember{MemberKind::definition};
  if (name == listing_name) return BundleMember{MemberKind::root_listing};
  const auto top = parse_top_directory_name(name.substr(0, 2));
  if (!top || name.substr(2, 1) != "/") return std::nullopt;
  name.remove_prefix(3);
  if (name == listing_name) return top_listing_member(*top);
  const auto middle = parse_leaf_directory_name(name.substr(0, 3));
  if (!middle || name.substr(3, 1) != "/") return std::nullopt;
  name.remove_prefix(4);
  const LeafId leaf{*top << 12U | *middle};
  if (name == listing_name) return leaf_listing_member(leaf);
  return parse_extent_member(leaf, name);
}

MemberPlace place_of(const BundleMember& member) {
  constexpr std::int64_t first = -1;
  switch (member.kind) {
    case MemberKind::manifest: return {-3, first, first, first, first};
    case MemberKind::definition: return {-2, first, first, first, first};
    case MemberKind::root_listing: return {-1, first, first, first, first};
    case MemberKind::top_listing: return {member.leaf.value >> 12U, first, first, first, first};
    case MemberKind::leaf_listing:
      return {member.leaf.value >> 12U, member.leaf.value, first, first, first};
    default: break;
  }
  const LeafId leaf = leaf_of(member.extent);
  return {leaf.value >> 12U, leaf.value, member.extent.value, member.is_replacement ? 1 : 0,
          static_cast<std::int64_t>(suffix_index(member))};
}

}  // namespace libregion
