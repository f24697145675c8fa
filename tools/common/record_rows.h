// What stands in each type of record, in order: written once, for JSON lines and for CSV alike.
//
// A row takes members with add(name, value), add_path and add_absent. JSON leaves out what is
// absent, CSV has an empty cell there, so that every row of a type has the same columns.

#pragma once

#include <optional>
#include <string_view>

#include "libregion/ops/compare.h"
#include "tools/common/renderer.h"

namespace region_tools {

// The region that records are about.
struct RegionContext {
  std::string path;
  std::string uuid;  // empty where region.json cannot be used
  std::optional<libregion::Geometry> geometry = std::nullopt;
};

template <class Row, class Value>
void add_optional(Row& row, std::string_view name, const std::optional<Value>& value) {
  if (value) {
    row.add(name, *value);
  } else {
    row.add_absent(name);
  }
}

template <class Row>
void add_text_if_any(Row& row, std::string_view name, std::string_view text) {
  if (text.empty()) {
    row.add_absent(name);
  } else {
    row.add(name, text);
  }
}

template <class Row>
void add_region(Row& row, const RegionContext& region) {
  row.add_path("region", region.path);
  add_text_if_any(row, "uuid", region.uuid);
}

template <class Row>
void add_fields(Row& row, const Fields& fields) {
  for (const libregion::ReportField& field : fields) {
    std::visit([&](const auto& value) { row.add(field.name, value); }, field.value);
  }
}

template <class Row>
void add_extent_members(Row& row, const libregion::ExtentRecord& record) {
  row.add("extent", std::uint64_t{record.extent.value});
  row.add("file", record.file);
  row.add("format", record.format);
  const auto& metadata = record.metadata;
  const auto add_number = [&](std::string_view name, auto member) {
    if (metadata) {
      row.add(name, std::uint64_t{(*metadata).*member});
    } else {
      row.add_absent(name);
    }
  };
  using libregion::ExtentMetadata;
  add_number("ext_version", &ExtentMetadata::ext_version);
  add_number("gen_number", &ExtentMetadata::gen_number);
  add_number("flush_number", &ExtentMetadata::flush_number);
  add_optional(row, "dirty", metadata ? std::optional(metadata->dirty) : std::nullopt);
  add_number("bonus_sync_count", &ExtentMetadata::bonus_sync_count);
  add_number("defrag_count", &ExtentMetadata::defrag_count);
  add_fields(row, record.fields);
}

template <class Row>
void add_finding_members(Row& row, const libregion::Finding& finding, const RegionContext& region) {
  const libregion::FindingInfo& info = finding_info(finding.id);
  row.add("id", info.name);
  row.add("severity", severity_name(info.severity));
  std::optional<std::uint64_t> extent;
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  std::optional<std::uint64_t> region_block;
  std::optional<std::uint64_t> length;
  if (finding.extent) extent = finding.extent->value;
  if (finding.blocks) {
    first = finding.blocks->first;
    last = finding.blocks->end() - 1;
    if (region.geometry && finding.extent) {
      region_block = region.geometry->region_block(*finding.extent, *first);
    }
  }
  if (finding.offset_bytes) length = finding.length_bytes;
  add_optional(row, "extent", extent);
  if (finding.file.empty()) {
    row.add_absent("file");
  } else {
    row.add_path("file", finding.file);
  }
  add_optional(row, "first_block", first);
  add_optional(row, "last_block", last);
  add_optional(row, "region_block", region_block);
  add_optional(row, "offset", finding.offset_bytes);
  add_optional(row, "length", length);
  add_text_if_any(row, "expected", finding.expected);
  add_text_if_any(row, "found", finding.found);
  row.add("message", info.message);
  row.add("remedy", info.remedy);
}

// One region's first block of a comparison. Valid as long as the comparison is.
inline libregion::BlockReport block_report(const BlockComparisonRecord& record, std::size_t side) {
  const libregion::ReplicaBlock& block = record.comparison.replicas[side];
  libregion::BlockReport report;
  report.extent = record.comparison.extent;
  report.block = block.record.block;
  report.region_block = record.region_block;
  report.is_raw = block.is_raw;
  report.slots = block.record.slots;
  report.selected = block.record.selected;
  report.data_hash = block.record.data_hash;
  report.data_is_zero = block.data_is_zero;
  return report;
}

template <class Row>
void add_other_members(Row& row, const libregion::OtherRecord& record) {
  std::optional<std::uint64_t> extent;
  if (record.extent) extent = record.extent->value;
  add_optional(row, "extent", extent);
  if (record.file.empty()) {
    row.add_absent("file");
  } else {
    row.add_path("file", record.file);
  }
  add_fields(row, record.fields);
}

}  // namespace region_tools
