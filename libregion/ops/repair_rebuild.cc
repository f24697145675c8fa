#include "libregion/ops/repair_rebuild.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/extent/raw_image.h"
#include "libregion/ops/block_writer.h"

namespace libregion {
namespace {

class Rebuild {
 public:
  explicit Rebuild(const RebuildSources& of)
      : of_(of),
        geometry_(of.definition.geometry),
        layout_(of.definition.geometry),
        zero_block_(of.definition.geometry.block_size_bytes()) {}

  void write_whole(File& file) {
    SlotArray contexts(geometry_.extent_size_blocks());
    BlockWriter writer(file, geometry_);
    for (const BlockSources::Run& run : of_.sources.runs) {
      visit(run, [&](std::uint64_t block, ByteView data, const BlockContext* context) {
        if (context != nullptr) contexts.set(block, *context);
        writer.add(block, data);
      });
    }
    writer.flush();
    write_raw_tail(file, geometry_, contexts, ContextSlot::A, of_.sources.metadata);
  }

  void write_patched(const File& base, File& file) {
    const std::uint64_t size_bytes = layout_.file_bytes();
    base.copy_to(file, {{0, size_bytes}, 0});
    file.resize(size_bytes);
    ActiveSlots active(geometry_.extent_size_blocks(),
                       base.read(layout_.bits_offset_bytes(), layout_.bits_bytes()));
    for (const BlockSources::Run& run : of_.sources.runs) {
      visit(run, [&](std::uint64_t block, ByteView data, const BlockContext* context) {
        file.write(geometry_.block_offset_bytes(block), data);
        std::array<std::byte, context_slot_bytes> slot{};
        file.write(layout_.slot_offset_bytes(ContextSlot::B, block), slot);
        if (context != nullptr) encode_context_slot(*context, slot);
        file.write(layout_.slot_offset_bytes(ContextSlot::A, block), slot);
        active.set(block, ContextSlot::A);
      });
    }
    std::array<std::byte, metadata_bytes> metadata{};
    encode_metadata(of_.sources.metadata, metadata);
    file.write(layout_.bits_offset_bytes(), active.bytes());
    file.write(layout_.metadata_offset_bytes(), metadata);
  }

 private:
  // Calls take(block, data, context) for each block of the run; no context: never written.
  template <class Take>
  void visit(const BlockSources::Run& run, Take take) {
    if (run.source == BlockSources::forgotten) {
      const Bytes zeros(geometry_.block_size_bytes());
      for (std::uint64_t block = run.blocks.first; block < run.blocks.end(); ++block) {
        take(block, zeros, nullptr);
      }
      return;
    }
    ExtentReader& reader = *of_.replicas[run.source];
    reader.read_blocks(run.blocks, [&](const BlockRecord& record) {
      const ReplicaBlock judged =
          judge_block(record, reader.format(), reader.metadata(), zero_block_);
      const BlockContext* context = usable_context(judged, of_.definition.encrypted);
      if (context == nullptr && judged.state != BlockState::unwritten) {
        throw Error(ErrorKind::failed,
                    describe_failure({"read", reader.files().front()->path()},
                                     fmt::format("block {} is not what it was", record.block)));
      }
      take(record.block, record.data, context);
    });
  }

  const RebuildSources& of_;
  Geometry geometry_;
  RawLayout layout_;
  ZeroBlock zero_block_;
};

// A part of a finding's blocks.
Finding part_of(const Finding& finding, BlockRange blocks) {
  Finding part = finding;
  const std::uint64_t each_bytes = finding.length_bytes / finding.blocks->count;
  part.blocks = blocks;
  part.length_bytes = blocks.count * each_bytes;
  *part.offset_bytes += (blocks.first - finding.blocks->first) * each_bytes;
  return part;
}

}  // namespace

void write_rebuilt(const RebuildSources& sources, const File* base, File& file) {
  if (sources.sources.is_whole) return Rebuild(sources).write_whole(file);
  Rebuild(sources).write_patched(*base, file);
}

std::vector<ByteRange> rebuilt_ranges(const RebuildSources& sources) {
  const Geometry& geometry = sources.definition.geometry;
  std::vector<ByteRange> ranges;
  for (const BlockSources::Run& run : sources.sources.runs) {
    ranges.push_back(
        {geometry.block_offset_bytes(run.blocks.first), run.blocks.count << geometry.shift()});
  }
  ranges.push_back({geometry.extent_data_bytes(),
                    RawLayout(geometry).file_bytes() - geometry.extent_data_bytes()});
  return ranges;
}

std::vector<Finding> without_blocks(const std::vector<Finding>& findings,
                                    const std::vector<BlockSources::Run>& runs) {
  std::vector<Finding> left;
  for (const Finding& finding : findings) {
    if (!finding.blocks) {
      left.push_back(finding);
      continue;
    }
    std::uint64_t next = finding.blocks->first;
    const std::uint64_t end = finding.blocks->end();
    for (const BlockSources::Run& run : runs) {
      if (run.blocks.end() <= next) continue;
      if (run.blocks.first >= end) break;
      if (run.blocks.first > next)
        left.push_back(part_of(finding, {next, run.blocks.first - next}));
      next = std::min(end, run.blocks.end());
    }
    if (next < end) left.push_back(part_of(finding, {next, end - next}));
  }
  return left;
}

}  // namespace libregion
