#include "libregion/ops/repair_rebuild.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/extent/raw_image.h"
#include "libregion/extent/sqlite_tables.h"
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

  void write(const File* base, const RebuiltFiles& files) {
    if (of_.format == ExtentFormat::sqlite) return write_sqlite(base, files);
    if (!of_.sources.is_whole) return write_patched(*base, files.data);
    write_raw_tail(files.data, geometry_, write_whole(files.data), ContextSlot::A,
                   of_.sources.metadata);
  }

 private:
  // The blocks; the contexts go behind them or elsewhere.
  SlotArray write_whole(File& file) {
    SlotArray contexts(geometry_.extent_size_blocks());
    BlockWriter writer(file, geometry_);
    for (const BlockSources::Run& run : of_.sources.runs) {
      visit(run, [&](std::uint64_t block, ByteView data, const BlockContext* context) {
        if (context != nullptr) contexts.set(block, *context);
        writer.add(block, data);
      });
    }
    writer.flush();
    return contexts;
  }

  // ---- raw --------------------------------------------------------------------------------------

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

  // ---- SQLite -----------------------------------------------------------------------------------

  void write_sqlite(const File* base, const RebuiltFiles& files) {
    if (of_.sources.is_whole) {
      const SlotArray contexts = write_whole(files.data);
      files.database->write(0, build_sqlite_image(of_.sources.metadata, contexts));
    } else {
      const auto image = build_sqlite_image(of_.sources.metadata, patch_data(*base, files.data),
                                            geometry_.extent_size_blocks());
      if (!image) {
        throw Error(ErrorKind::failed, describe_failure({"read", files.database->path()},
                                                        "the same row stands there twice"));
      }
      files.database->write(0, *image);
    }
    files.data.resize(geometry_.extent_data_bytes());
  }

  // Returns all rows of the extent as it will be.
  ContextRows patch_data(const File& base, File& file) {
    const std::uint64_t kept_bytes =
        std::min(base.status().size_bytes, geometry_.extent_data_bytes());
    base.copy_to(file, {{0, kept_bytes}, 0});
    ContextRows rows;
    std::uint64_t next = 0;
    for (const BlockSources::Run& run : of_.sources.runs) {
      keep_rows({next, run.blocks.first - next}, rows);
      visit(run, [&](std::uint64_t block, ByteView data, const BlockContext* context) {
        file.write(geometry_.block_offset_bytes(block), data);
        if (context != nullptr) rows.add(block, *context);
      });
      next = run.blocks.end();
    }
    keep_rows({next, geometry_.extent_size_blocks() - next}, rows);
    return rows;
  }

  void keep_rows(BlockRange blocks, ContextRows& rows) {
    if (blocks.count == 0) return;
    ExtentReader& old = *of_.replicas.front();
    old.read_blocks(blocks, [&](const BlockRecord& record) {
      const ReplicaBlock judged = judge_block(record, old.format(), old.metadata(), zero_block_);
      if (const BlockContext* context = judged.proven_context())
        return rows.add(record.block, *context);
      if (judged.state == BlockState::unwritten) return;
      for (const SlotValue& row : record.slots) rows.add(record.block, std::get<BlockContext>(row));
    });
  }

  // -----------------------------------------------------------------------------------------------

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
  if (part.offset_bytes) {
    *part.offset_bytes += (blocks.first - finding.blocks->first) * each_bytes;
  }
  return part;
}

// What stays of the findings once these blocks are others.
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

// Whether it is said of the extent's blocks as they are, or of its state. All else is of a database
// or a size that the extent no longer has.
bool outlives_database(const Finding& finding) {
  if (finding.id == FindingId::dirty_extent) return true;
  return finding.blocks && finding_info(finding.id).severity == Severity::error &&
         finding.id != FindingId::sqlite_bad_row;
}

}  // namespace

void write_rebuilt(const RebuildSources& sources, const File* base, const RebuiltFiles& files) {
  Rebuild(sources).write(base, files);
}

std::vector<ByteRange> rebuilt_ranges(const RebuildSources& sources, std::uint64_t size_bytes) {
  const Geometry& geometry = sources.definition.geometry;
  std::vector<ByteRange> ranges;
  // What does not reach beyond the end.
  const auto add = [&](std::uint64_t first_bytes, std::uint64_t end_bytes) {
    end_bytes = std::min(end_bytes, size_bytes);
    if (first_bytes < end_bytes) ranges.push_back({first_bytes, end_bytes - first_bytes});
  };
  for (const BlockSources::Run& run : sources.sources.runs) {
    add(geometry.block_offset_bytes(run.blocks.first),
        geometry.block_offset_bytes(run.blocks.end()));
  }
  add(geometry.extent_data_bytes(), size_bytes);
  return ranges;
}

std::vector<Finding> findings_of_rebuilt(const std::vector<Finding>& findings,
                                         const RebuildSources& sources) {
  if (sources.sources.is_whole) return {};
  std::vector<Finding> left = without_blocks(findings, sources.sources.runs);
  if (sources.format == ExtentFormat::sqlite) {
    std::erase_if(left, [](const Finding& finding) { return !outlives_database(finding); });
  }
  return left;
}

}  // namespace libregion
