#include "libregion/ops/bundle_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/format/bundle_manifest.h"
#include "libregion/format/tar.h"

namespace libregion {
namespace {

// So much of a member is read at once.
constexpr std::uint64_t step_bytes = std::uint64_t{1} << 20;

// What a definition is before one is read.
RegionDefinition no_definition() { return {std::get<Geometry>(Geometry::make(512, 1)), 0, Uuid{}}; }

}  // namespace

BundleReader::BundleReader(InputStream& stream) : stream_(stream), definition_(no_definition()) {
  read_manifest();
  read_definition();
}

std::optional<BundleMember> BundleReader::next() {
  skip_rest();
  const std::uint64_t at = offset_bytes_;
  std::array<std::byte, tar_block_bytes> block{};
  read_exactly(block);
  const auto decoded = decode_tar_header(block);
  if (const auto* problem = std::get_if<TarProblem>(&decoded)) {
    refuse_at(at + problem->offset_bytes, std::string(problem->field), problem->expected,
              problem->found);
  }
  if (std::holds_alternative<TarEnd>(decoded)) {
    check_end();
    return std::nullopt;
  }
  const auto& header = std::get<TarHeader>(decoded);
  const auto member = parse_member_name(header.name);
  const std::string shown = "'" + printable(header.name) + "'";
  if (!member) refuse_at(at, "name", "the name of a bundle's member", shown);
  if (place_of(*member) <= place_) {
    refuse_at(at, "name", fmt::format("a member that comes after '{}'", member_name_), shown);
  }
  place_ = place_of(*member);
  member_name_ = header.name;
  member_offset_bytes_ = offset_bytes_;
  member_bytes_ = left_bytes_ = header.size_bytes;
  return member;
}

void BundleReader::read(MutableByteView target) {
  LIBREGION_ASSERT(target.size() <= left_bytes_);
  read_exactly(target);
  left_bytes_ -= target.size();
}

Bytes BundleReader::read_whole(std::uint64_t bytes_max) {
  if (left_bytes_ > bytes_max) {
    refuse(0, fmt::format("at most {} bytes", bytes_max), fmt::format("{} bytes", left_bytes_));
  }
  // A header may promise more than there is: memory is taken as bytes come.
  Bytes content;
  while (left_bytes_ > 0) {
    const std::size_t at = content.size();
    content.resize(at + std::min(left_bytes_, step_bytes));
    read(MutableByteView(content).subspan(at));
  }
  return content;
}

void BundleReader::refuse(std::uint64_t offset_bytes, const std::string& expected,
                          const std::string& found) const {
  refuse_at(member_offset_bytes_ + offset_bytes, member_name_, expected, found);
}

void BundleReader::read_exactly(MutableByteView target) {
  const std::size_t found_bytes = stream_.read(target);
  offset_bytes_ += found_bytes;
  if (found_bytes == target.size()) return;
  refuse_at(offset_bytes_, "end of the bundle",
            fmt::format("{} more bytes", target.size() - found_bytes), "the end of the file");
}

void BundleReader::skip_rest() {
  while (left_bytes_ > 0) {
    Bytes skipped(std::min(left_bytes_, step_bytes));
    read(skipped);
  }
  const std::uint64_t at = offset_bytes_;
  Bytes padding(tar_padding_bytes(member_bytes_));
  member_bytes_ = 0;
  read_exactly(padding);
  if (!all_zero(padding)) refuse_at(at, "padding", "zeros", to_hex(padding).substr(0, 32));
}

// After one block of zeros another one; after that whatever a tape may have, which is not read.
void BundleReader::check_end() {
  const std::uint64_t at = offset_bytes_;
  Bytes second(tar_block_bytes);
  read_exactly(second);
  if (!all_zero(second)) refuse_at(at, "end of the bundle", "512 zeros", "something else");
}

void BundleReader::expect_member(MemberKind kind) {
  const std::uint64_t at = offset_bytes_;
  const auto member = next();
  if (member && member->kind == kind) return;
  refuse_at(at, "name", fmt::format("'{}'", member_name({kind})),
            member ? fmt::format("'{}'", member_name_) : "the end of the bundle");
}

void BundleReader::read_manifest() {
  expect_member(MemberKind::manifest);
  const Bytes content = read_whole(manifest_bytes_max);
  const std::string found = found_bundle_format(to_text(ByteView(content)));
  const std::string expected = std::to_string(bundle_format);
  if (found != expected) refuse(0, "bundle format " + expected, found);
}

void BundleReader::read_definition() {
  expect_member(MemberKind::definition);
  const Bytes content = read_whole(definition_bytes_max);
  auto parsed = parse_region_definition(to_text(ByteView(content)));
  if (const auto* problems = std::get_if<std::vector<DefinitionProblem>>(&parsed)) {
    const DefinitionProblem& first = problems->front();
    const std::string member = first.member.empty() ? "" : printable(first.member) + ": ";
    refuse(0, member + first.expected, printable(first.found));
  }
  definition_ = std::move(std::get<RegionDefinition>(parsed));
}

void BundleReader::refuse_at(std::uint64_t offset_bytes, const std::string& what,
                             const std::string& expected, const std::string& found) const {
  throw Error(ErrorKind::failed,
              describe_failure({"bundle", stream_.path(), offset_bytes},
                               fmt::format("{}: expected {}, found {}", what, expected, found)));
}

}  // namespace libregion
