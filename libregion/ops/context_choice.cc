#include "libregion/ops/context_choice.h"

#include <algorithm>

#include "libregion/extent/slot_selection.h"
#include "libregion/format/integrity.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/extent_visit.h"

namespace libregion {
namespace {

// Calls visit for each maximal run of blocks that have rows.
template <class Visit>
void for_each_run_with_rows(const ContextRows& rows, std::uint64_t block_count, Visit visit) {
  std::uint64_t block = 0;
  while (block < block_count) {
    if (rows.of_block(block).empty()) {
      ++block;
      continue;
    }
    const std::uint64_t first = block;
    while (block < block_count && !rows.of_block(block).empty()) ++block;
    visit(BlockRange{first, block - first});
  }
}

// The blocks with rows that a short data file lacks, as they will be: zeros.
template <class Visit>
void visit_missing_blocks(const SqliteExtent& extent, const Geometry& geometry, Visit visit) {
  const Bytes zeros(geometry.block_size_bytes());
  BlockRecord record;
  record.data = zeros;
  record.data_hash = on_disk_hash(zeros);
  for (record.block = extent.readable_blocks(); record.block < geometry.extent_size_blocks();
       ++record.block) {
    record.slots = extent.rows().of_block(record.block);
    record.selected = select_row(record.slots, record.data_hash);
    if (!record.slots.empty()) visit(record);
  }
}

// Hashes the blocks that decide, and takes the rows that match where they must.
void choose_by_hash(SqliteExtent& extent, const Geometry& geometry, bool must_match, bool check,
                    BlockCheck& block_check, ContextChoice& choice) {
  const auto visit = [&](const BlockRecord& record) {
    block_check.check(record);
    if (!must_match) return;
    const auto match = std::find_if(record.slots.begin(), record.slots.end(),
                                    [&](const SlotValue& row) { return record.matches(row); });
    if (match != record.slots.end()) {
      choice.contexts.set(record.block, std::get<BlockContext>(*match));
    }
  };
  extent.want_views();
  if (check) {
    const BlockRange all{0, extent.readable_blocks()};
    for_each_step({all, geometry.shift(), nullptr}, [&](BlockRange step) {
      const std::uint64_t unwritten = extent.count_unwritten(step);
      extent.read_blocks({step.first + unwritten, step.count - unwritten}, visit);
    });
  } else {
    for_each_run_with_rows(extent.rows(), extent.readable_blocks(),
                           [&](BlockRange run) { extent.read_blocks(run, visit); });
  }
  visit_missing_blocks(extent, geometry, visit);
}

}  // namespace

ContextChoice choose_contexts(SqliteExtent& extent, ExtentId id, const RegionDefinition& definition,
                              bool check) {
  // S3 has no on-disk hashes: the data says what they are, where it is the context's.
  const bool must_match = extent.metadata()->dirty || extent.rows().has_block_with_several() ||
                          extent.generation() == SqliteGeneration::s3;
  ContextChoice choice{SlotArray(definition.geometry.extent_size_blocks()), {}};
  if (!must_match) {
    extent.rows().for_each([&](std::uint64_t block, const SlotValue& row) {
      choice.contexts.set(block, std::get<BlockContext>(row));
    });
  }
  if (check || must_match) {
    BlockCheck block_check(definition, id, extent,
                           check ? CheckDepth::everything : CheckDepth::contexts);
    choose_by_hash(extent, definition.geometry, must_match, check, block_check, choice);
    choice.findings = block_check.take_findings();
  }
  return choice;
}

}  // namespace libregion
