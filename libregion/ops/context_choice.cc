#include "libregion/ops/context_choice.h"

#include <algorithm>

#include "libregion/ops/block_check.h"

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

std::optional<BlockContext> to_context(const SlotValue& row) {
  const auto* context = std::get_if<BlockContext>(&row);
  return context != nullptr ? std::optional(*context) : std::nullopt;
}

}  // namespace

ContextChoice choose_contexts(SqliteExtent& extent, ExtentId id, const RegionDefinition& definition,
                              bool check) {
  const std::uint64_t block_count = definition.geometry.extent_size_blocks();
  const ContextRows& rows = extent.rows();
  const bool must_match = extent.metadata()->dirty || rows.has_block_with_several();

  ContextChoice choice;
  choice.contexts.resize(block_count);
  for (std::uint64_t block = 0; block < block_count; ++block) {
    const auto candidates = rows.of_block(block);
    if (!must_match && !candidates.empty()) choice.contexts[block] = to_context(candidates[0]);
  }
  BlockCheck block_check(definition, id, extent,
                         check ? CheckDepth::everything : CheckDepth::contexts);
  const auto visit = [&](const BlockRecord& record) {
    block_check.check(record);
    if (!must_match) return;
    const auto match = std::find_if(record.slots.begin(), record.slots.end(),
                                    [&](const SlotValue& row) { return record.matches(row); });
    if (match != record.slots.end()) choice.contexts[record.block] = to_context(*match);
  };
  if (check) {
    extent.read_blocks({0, extent.readable_blocks()}, visit);
  } else if (must_match) {
    for_each_run_with_rows(rows, extent.readable_blocks(),
                           [&](BlockRange run) { extent.read_blocks(run, visit); });
  }
  choice.findings = block_check.take_findings();
  choice.context_count = static_cast<std::uint64_t>(
      std::count_if(choice.contexts.begin(), choice.contexts.end(),
                    [](const auto& context) { return context.has_value(); }));
  return choice;
}

}  // namespace libregion
