#include "libregion/ops/dump_layout.h"

#include <fmt/format.h>

#include "libregion/extent/open_extent.h"
#include "libregion/format/raw_layout.h"

namespace libregion {
namespace {

struct Part {
  std::string_view name;
  BlockRange blocks;
  std::uint64_t offset_bytes;
  std::uint64_t length_bytes;
  std::uint64_t bit = 0;  // in its one byte, of an active-slot bit
};

std::vector<Part> parts_of_file(const Geometry& geometry, ExtentFormat format) {
  const BlockRange all{0, geometry.extent_size_blocks()};
  std::vector<Part> parts = {{"block data", all, 0, geometry.extent_data_bytes()}};
  if (format == ExtentFormat::sqlite) return parts;
  const RawLayout layout(geometry);
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    parts.push_back({array == ContextSlot::A ? "context slots A" : "context slots B", all,
                     layout.slot_array_offset_bytes(array), layout.slot_array_bytes()});
  }
  parts.push_back({"active-slot bits", all, layout.bits_offset_bytes(), layout.bits_bytes()});
  parts.push_back({"metadata", all, layout.metadata_offset_bytes(), metadata_bytes});
  return parts;
}

std::vector<Part> parts_of_block(const Geometry& geometry, ExtentFormat format,
                                 std::uint64_t block) {
  const BlockRange one{block, 1};
  std::vector<Part> parts = {
      {"data", one, geometry.block_offset_bytes(block), geometry.block_size_bytes()}};
  if (format == ExtentFormat::sqlite) return parts;
  const RawLayout layout(geometry);
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    parts.push_back({array == ContextSlot::A ? "slot A" : "slot B", one,
                     layout.slot_offset_bytes(array, block), context_slot_bytes});
  }
  parts.push_back({"active-slot bit", one, layout.bits_offset_bytes() + block / 8, 1, block % 8});
  return parts;
}

std::string part_text(const Part& part) {
  return fmt::format("  {:<18} {:#012x} {:>12} bytes  to {:#012x}{}\n", part.name,
                     part.offset_bytes, part.length_bytes,
                     part.offset_bytes + part.length_bytes - 1,
                     part.name == "active-slot bit" ? fmt::format(", bit {}", part.bit) : "");
}

// Parts that belong together; of no extent where they are any extent's.
void report_parts(std::optional<ExtentId> extent, std::string heading,
                  const std::vector<Part>& parts, Reporter& reporter) {
  for (const Part& part : parts) {
    OtherRecord record{"part", extent};
    if (extent) record.file = extent_path(*extent);
    record.fields = {{"part", part.name},
                     {"first_block", part.blocks.first},
                     {"last_block", part.blocks.end() - 1},
                     {"offset", part.offset_bytes},
                     {"length", part.length_bytes},
                     {"bit", part.bit}};
    record.text = std::exchange(heading, {}) + part_text(part);
    reporter.record(record);
  }
}

std::string file_heading(const std::string& what, const std::vector<Part>& parts) {
  const Part& last = parts.back();
  return fmt::format("{}: {} bytes\n", what, last.offset_bytes + last.length_bytes);
}

void report_any_extent(const Geometry& geometry, Reporter& reporter) {
  const auto parts = parts_of_file(geometry, ExtentFormat::raw);
  report_parts(std::nullopt, file_heading("the file of a raw extent", parts), parts, reporter);
}

void report_extent(const Leaf& leaf, ExtentId extent, const Geometry& geometry,
                   Reporter& reporter) {
  const ExtentFormat format = format_of(leaf.parts_of(extent));
  const auto parts = parts_of_file(geometry, format);
  report_parts(extent,
               file_heading(fmt::format("extent {} ({}), {}", extent.value, extent_path(extent),
                                        format_name(format)),
                            parts),
               parts, reporter);
}

void report_block(const Leaf& leaf, ExtentId extent, std::uint64_t block, const Geometry& geometry,
                  Reporter& reporter) {
  report_parts(extent,
               fmt::format("extent {} ({}) block {} = region block {}\n", extent.value,
                           extent_path(extent), block, geometry.region_block(extent, block)),
               parts_of_block(geometry, format_of(leaf.parts_of(extent)), block), reporter);
}

}  // namespace

LayoutSummary dump_layout(const Region& region, const WalkOptions& walk, Reporter& reporter) {
  const Geometry& geometry = region.definition.geometry;
  LayoutSummary summary;
  if (walk.is_everything()) {
    report_any_extent(geometry, reporter);
    return summary;
  }
  WalkOptions in_turn = walk;
  in_turn.go_in_order();  // there is nothing to read
  summary.stopped = !walk_extents(
      region, in_turn, reporter, [&](const Leaf& leaf, ExtentId extent, Reporter& turn) {
        ++summary.extent_count;
        if (walk.blocks.is_all()) return report_extent(leaf, extent, geometry, turn);
        for (const BlockRange& range : walk.blocks.in_extent(geometry, extent)) {
          for (std::uint64_t block = range.first; block < range.end(); ++block) {
            report_block(leaf, extent, block, geometry, turn);
            ++summary.block_count;
          }
        }
      });
  return summary;
}

}  // namespace libregion
