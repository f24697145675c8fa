#include "libregion/format/bundle_records.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::array<std::pair<ListedKind, std::string_view>, 3> kind_words = {
    {{ListedKind::file, "file"},
     {ListedKind::directory, "directory"},
     {ListedKind::other, "other"}}};

constexpr unsigned zero_flag = 1;
constexpr unsigned match_flag = 2;
constexpr std::array integrity_flags = {4U, 8U};
constexpr unsigned unreadable_flag = 16;

// A name, or the name of a repair's directory and a name.
bool is_listed_name(std::string_view name) {
  const std::size_t slash = name.find('/');
  const std::array parts = {name.substr(0, slash),
                            slash == std::string_view::npos ? name : name.substr(slash + 1)};
  return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." && part.find('/') == std::string_view::npos;
  });
}

// "file 4096 00A".
std::optional<ListedEntry> parse_entry(std::string_view text) {
  const std::size_t first = text.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto* kind = std::find_if(kind_words.begin(), kind_words.end(), [&](const auto& known) {
    return known.second == text.substr(0, first);
  });
  const auto size_bytes = parse_decimal(text.substr(first + 1, second - first - 1));
  const std::string_view name = text.substr(second + 1);
  if (kind == kind_words.end() || !size_bytes || *size_bytes > listed_size_bytes_max ||
      !is_listed_name(name)) {
    return std::nullopt;
  }
  return ListedEntry{std::string(name), kind->first, *size_bytes};
}

// Some other hash than `taken`, and `hash` itself where it is another one.
std::uint64_t other_than(std::uint64_t taken, std::uint64_t hash) {
  return hash == taken ? hash ^ 1U : hash;
}

void append(Bytes& target, ByteView bytes) {
  target.insert(target.end(), bytes.begin(), bytes.end());
}

}  // namespace

void append_entry(Bytes& listing, const ListedEntry& entry) {
  const std::string_view word = kind_words[static_cast<std::size_t>(entry.kind)].second;
  append(listing, as_byte_view(fmt::format("{} {} {}", word, entry.size_bytes, entry.name)));
  listing.push_back(std::byte{0});
}

std::variant<std::vector<ListedEntry>, ListingProblem> parse_listing(ByteView listing) {
  constexpr std::size_t shown_max = 80;
  std::vector<ListedEntry> entries;
  std::size_t at = 0;
  while (at < listing.size()) {
    const ByteView rest = listing.subspan(at);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
    const std::string text = to_text(rest.first(static_cast<std::size_t>(end - rest.begin())));
    auto entry = end == rest.end() ? std::nullopt : parse_entry(text);
    if (!entry) {
      return ListingProblem{at, "'KIND SIZE NAME' and a zero byte",
                            "'" + printable(text.substr(0, shown_max)) + "'"};
    }
    entries.push_back(std::move(*entry));
    at += text.size() + 1;
  }
  return entries;
}

void append_summary(Bytes& blocks, const BlockSummary& summary) {
  unsigned flags = 0;
  if (summary.data_is_zero) flags |= zero_flag;
  if (summary.has_match) flags |= match_flag;
  for (std::size_t i = 0; i < integrity_flags.size(); ++i) {
    if (summary.integrity_holds[i]) flags |= integrity_flags[i];
  }
  if (summary.is_unreadable) flags |= unreadable_flag;
  std::array<std::byte, block_summary_bytes> bytes{};
  Encoder out(bytes);
  out.u64(summary.data_hash);
  out.u8(static_cast<std::uint8_t>(flags));
  append(blocks, bytes);
}

BlockSummary decode_summary(std::span<const std::byte, block_summary_bytes> bytes) {
  Decoder in(bytes);
  BlockSummary summary;
  summary.data_hash = in.u64();
  const unsigned flags = in.u8();
  summary.data_is_zero = (flags & zero_flag) != 0;
  summary.has_match = (flags & match_flag) != 0;
  for (std::size_t i = 0; i < integrity_flags.size(); ++i) {
    summary.integrity_holds[i] = (flags & integrity_flags[i]) != 0;
  }
  summary.is_unreadable = (flags & unreadable_flag) != 0;
  return summary;
}

void append_row(Bytes& rows, const BundledRow& row) {
  std::array<std::byte, bundled_row_bytes> bytes{};
  Encoder out(bytes);
  out.u64(row.block);
  out.u8(row.integrity_holds ? 1 : 0);
  encode_context_slot(row.context, std::span(bytes).last<context_slot_bytes>());
  append(rows, bytes);
}

std::optional<BundledRow> decode_row(std::span<const std::byte, bundled_row_bytes> bytes) {
  Decoder in(bytes);
  BundledRow row;
  row.block = in.u64();
  row.integrity_holds = in.u8() != 0;
  const SlotValue value = decode_context_slot(bytes.last<context_slot_bytes>());
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) return std::nullopt;
  row.context = *context;
  return row;
}

StandInBlocks::StandInBlocks(const Geometry& geometry)
    : zeros_(geometry.block_size_bytes()), marked_(geometry.block_size_bytes()) {
  marked_[0] = std::byte{1};
  zeros_hash_ = on_disk_hash(zeros_);
  marked_hash_ = on_disk_hash(marked_);
}

BlockContext StandInBlocks::carry_over(const BlockContext& context, const BlockSummary& summary,
                                       bool integrity_holds) const {
  const ByteView block = is_zero(summary) ? zeros_ : marked_;
  const std::uint64_t block_hash = is_zero(summary) ? zeros_hash_ : marked_hash_;
  BlockContext carried = context;
  if (context.on_disk_hash != summary.data_hash && !summary.is_unreadable) {
    carried.on_disk_hash = other_than(block_hash, context.on_disk_hash);
    const bool are_same = context.hash == context.on_disk_hash;
    if (are_same && !context.encryption) carried.hash = carried.on_disk_hash;
    return carried;
  }
  const std::uint64_t integrity =
      context.encryption ? integrity_hash(*context.encryption, block) : block_hash;
  carried.on_disk_hash = block_hash;
  carried.hash =
      integrity_holds || summary.is_unreadable ? integrity : other_than(integrity, context.hash);
  return carried;
}

void StandInBlocks::carry_over(std::span<std::byte, context_slot_bytes> slot, ContextSlot which,
                               const BlockSummary& summary) const {
  const SlotValue value = decode_context_slot(slot);
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) return;
  const bool integrity_holds = summary.integrity_holds[static_cast<std::size_t>(which)];
  std::array<std::byte, context_slot_bytes> carried{};
  encode_context_slot(carry_over(*context, summary, integrity_holds), carried);
  // What stands behind the encoded value stays.
  const std::size_t size = context->encryption ? context_slot_bytes : plain_slot_bytes;
  std::copy_n(carried.begin(), size, slot.begin());
}

}  // namespace libregion
