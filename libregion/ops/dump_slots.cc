#include "libregion/ops/dump_slots.h"

#include <algorithm>

#include "libregion/format/integrity.h"
#include "libregion/ops/block_check.h"

namespace libregion {
namespace {

// The selected blocks that the file still holds.
std::vector<BlockRange> readable_ranges(const ExtentVisit& visit, const WalkOptions& walk,
                                        std::uint64_t readable_blocks) {
  std::vector<BlockRange> ranges =
      walk.blocks.in_extent(visit.region().definition.geometry, visit.extent());
  for (BlockRange& range : ranges) {
    range.first = std::min(range.first, readable_blocks);
    range.count = std::min(range.end(), readable_blocks) - range.first;
  }
  return ranges;
}

void dump_blocks(ExtentVisit& visit, ExtentReader& reader, const std::vector<BlockRange>& ranges) {
  const Geometry& geometry = visit.region().definition.geometry;
  const ZeroBlock zero_block(geometry.block_size_bytes());
  const std::string file = extent_path(visit.extent());
  reader.want_views();
  BlockCheck unreadable(visit.region().definition, visit.extent(), reader, CheckDepth::contexts);
  BlockReport report;
  report.extent = visit.extent();
  report.file = file;
  report.is_raw = reader.format() == ExtentFormat::raw;
  const auto show = [&](const BlockRecord& record) {
    report.block = record.block;
    report.region_block = geometry.region_block(report.extent, record.block);
    report.slots = record.slots;
    report.selected = record.selected;
    report.data_hash = record.data_hash;
    report.data_is_zero = zero_block.equals(record.data, record.data_hash);
    visit.reporter().block(report);
    ++visit.totals().block_count;
  };
  const auto skip = [&](std::uint64_t block, const Error& error) {
    visit.totals().has_io_errors = true;
    unreadable.add_unreadable(block, error);
  };
  for (const BlockRange& range : ranges) {
    for_each_step(visit.watched(range),
                  [&](BlockRange step) { read_past_errors(reader, step, show, skip); });
  }
  visit.report(unreadable.take_findings());
  visit.totals().read_bytes = visit.totals().block_count << geometry.shift();
}

void dump_extent(ExtentVisit& visit, const WalkOptions& walk) {
  ExtentReader* reader = visit.open();
  std::vector<BlockRange> ranges;
  if (reader != nullptr) ranges = readable_ranges(visit, walk, reader->readable_blocks());
  std::uint64_t block_count = 0;
  for (const BlockRange& range : ranges) block_count += range.count;
  visit.report_extent({{"blocks", block_count}});
  if (reader != nullptr) dump_blocks(visit, *reader, ranges);
}

}  // namespace

VisitTotals dump_slots(const Region& region, const WalkOptions& walk, Progress* progress,
                       Reporter& reporter) {
  return visit_extents(region, walk, progress, reporter,
                       [&](ExtentVisit& visit) { dump_extent(visit, walk); });
}

}  // namespace libregion
