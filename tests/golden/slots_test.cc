// The slots of raw extents, and the extents' metadata, are what Crucible's verifier of single files
// says they are.

#include <algorithm>
#include <optional>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/golden/golden_region.h"

namespace libregion {
namespace {

using Fields = std::vector<std::string>;

// The columns of the verifier's tables.
enum Column : std::size_t {
  file,
  block,
  dirty,
  status,
  slot_a_result,
  slot_a_flush_id,
  slot_a_hash,
  slot_b_result,
  slot_b_flush_id,
  slot_b_hash,
  selected_slot,
  data_hash,
  all_zeros,
  column_count,
};

Fields split(const std::string& line) {
  Fields fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
  return fields;
}

// Result, flush id and hash of one slot.
Fields describe_slot(const BlockRecord& record, const SlotValue& slot) {
  if (const auto* context = std::get_if<BlockContext>(&slot)) {
    const bool is_match = context->on_disk_hash == record.data_hash;
    return {is_match ? "HashMatch" : "SlotHashMismatch", std::to_string(context->flush_id),
            std::to_string(context->on_disk_hash)};
  }
  REQUIRE(std::holds_alternative<EmptySlot>(slot));
  return {all_zero(record.data) ? "BlockEmpty" : "EmptySlotWithNonzeroData", "", ""};
}

// The metadata, in the words of the verifier's first line.
std::string describe(const ExtentMetadata& metadata, const std::string& path,
                     const Geometry& geometry) {
  return fmt::format(
      "# file:{} bs:{} bytes  bc:{}  dirty:{} gen:{} flush_number:{} ext_ver:{} "
      "bonus_sync:{} defrag:{}",
      path, geometry.block_size_bytes(), geometry.extent_size_blocks(), metadata.dirty,
      metadata.gen_number, metadata.flush_number, metadata.ext_version, metadata.bonus_sync_count,
      metadata.defrag_count);
}

// Of a clean extent: what the bit on disk says.
std::optional<std::size_t> slot_by_bit(const Fields& row) {
  REQUIRE((row[selected_slot] == "true" || row[selected_slot] == "false"));
  return row[selected_slot] == "true" ? 0 : 1;
}

// Of a dirty extent, where nobody believes the bit: a slot that matches, B before A; else one that
// is empty, A before B; else none, for the block has lost its context.
std::optional<std::size_t> slot_by_results(const Fields& row) {
  if (row[slot_b_result] == "HashMatch") return 1;
  if (row[slot_a_result] == "HashMatch") return 0;
  if (row[slot_a_hash].empty()) return 0;
  if (row[slot_b_hash].empty()) return 1;
  return std::nullopt;
}

void check_block(const BlockRecord& record, const ExtentMetadata& metadata,
                 const Fields& expected) {
  CAPTURE(record.block);
  REQUIRE(expected.size() == column_count);
  CHECK(std::to_string(record.block) == expected[block]);
  CHECK(std::to_string(record.data_hash) == expected[data_hash]);
  CHECK((all_zero(record.data) ? "true" : "false") == expected[all_zeros]);
  const auto column = [&](Column first) {
    return Fields(expected.begin() + static_cast<std::ptrdiff_t>(first),
                  expected.begin() + static_cast<std::ptrdiff_t>(first) + 3);
  };
  CHECK(describe_slot(record, record.slots[0]) == column(slot_a_result));
  CHECK(describe_slot(record, record.slots[1]) == column(slot_b_result));
  CHECK(record.selected == (metadata.dirty ? slot_by_results(expected) : slot_by_bit(expected)));
}

// The rows there are: the verifier stops at a slot that does not decode. Returns their number.
std::size_t check_extent(const GoldenRegion& golden, ExtentId extent,
                         const std::vector<std::string>& lines) {
  const OpenedExtent opened = golden.open(extent);
  REQUIRE(opened.reader != nullptr);
  if (opened.reader->format() != ExtentFormat::raw) return 0;
  REQUIRE(opened.reader->metadata());
  const ExtentMetadata& metadata = *opened.reader->metadata();
  CHECK(describe(metadata, extent_path(extent), golden.region().definition.geometry) == lines[0]);
  const std::size_t row_count = lines.size() - 2;
  opened.reader->read_blocks({0, row_count}, [&](const BlockRecord& record) {
    check_block(record, metadata, split(lines[record.block + 2]));
  });
  return row_count;
}

TEST_CASE("both slots of every block and the metadata are what Crucible's verifier says they are") {
  std::size_t compared = 0;
  for (const std::string& region : golden_regions()) {
    CAPTURE(region);
    const GoldenRegion golden(region);
    if (!golden.is_open()) continue;
    for (std::uint32_t number = 0; number < golden.extent_count(); ++number) {
      CAPTURE(number);
      std::string name = extent_path(ExtentId{number}) + ".csv";
      std::replace(name.begin(), name.end(), '/', '_');
      const auto lines = read_lines(expectations_of(region) / "verify-raw" / name);
      if (lines.size() > 2) compared += check_extent(golden, ExtentId{number}, lines);
    }
  }
  REQUIRE(compared > 2500);
}

}  // namespace
}  // namespace libregion
