#include "libregion/region/region_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/durable.h"
#include "libregion/region/region_opening.h"

namespace libregion {

std::unique_ptr<RegionWriter> RegionWriter::open(FileSystem& file_system, const std::string& path,
                                                 const RegionWriterOptions& options) {
  OpenedRegion opened = open_region(
      file_system, path, {Access::read_write, false, options.lock_wait_seconds, options.stop});
  if (!opened.region) {
    const Finding& finding = opened.findings.front();
    throw Error(ErrorKind::not_a_region,
                fmt::format("'{}/{}': expected {}, found {}", path, definition_name,
                            finding.expected, finding.found));
  }
  auto extents = open_extents_for_writing(*opened.region, options.extents);
  return std::unique_ptr<RegionWriter>(
      new RegionWriter(std::move(*opened.region), std::move(extents)));
}

std::uint64_t RegionWriter::block_count() const {
  return extents_.size() * definition().geometry.extent_size_blocks();
}

const RawExtentWriter& RegionWriter::extent(ExtentId extent) const {
  LIBREGION_ASSERT(extent.value < extents_.size());
  return *extents_[extent.value];
}

// ---- reading and writing ------------------------------------------------------------------------

std::vector<RegionWriter::Part> RegionWriter::parts_of(std::uint64_t first_region_block,
                                                       std::uint64_t data_bytes) const {
  const Geometry& geometry = definition().geometry;
  if (data_bytes % geometry.block_size_bytes() != 0) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected whole blocks of {} bytes, found {}", region_.path,
                            geometry.block_size_bytes(), data_bytes));
  }
  const std::uint64_t count = data_bytes >> geometry.shift();
  if (first_region_block > block_count() || count > block_count() - first_region_block) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected blocks of the {} of the region, found {} from block {}",
                            region_.path, block_count(), count, first_region_block));
  }
  std::vector<Part> parts;
  for (std::uint64_t index = 0; index < count; index += parts.back().blocks.count) {
    const std::uint64_t extent = (first_region_block + index) / geometry.extent_size_blocks();
    const std::uint64_t block = (first_region_block + index) % geometry.extent_size_blocks();
    const std::uint64_t length = std::min(count - index, geometry.extent_size_blocks() - block);
    parts.push_back({extents_[extent].get(), {block, length}, index});
  }
  return parts;
}

void RegionWriter::write(const RegionWrite& write, WriteMode mode) {
  const std::uint32_t shift = definition().geometry.shift();
  const std::vector<Part> parts = parts_of(write.first_region_block, write.data.size());
  if (write.contexts.size() != write.data.size() >> shift) {
    throw Error(ErrorKind::usage, fmt::format("'{}': expected {} contexts, found {}", region_.path,
                                              write.data.size() >> shift, write.contexts.size()));
  }
  struct CheckedWrite {
    RawExtentWriter* extent;
    ExtentWrite write;
    std::vector<BlockContext> contexts;
  };
  std::vector<CheckedWrite> checked;
  for (const Part& part : parts) {
    const ExtentWrite one{part.blocks.first,
                          write.data.subspan(part.first_index << shift, part.blocks.count << shift),
                          write.contexts.subspan(part.first_index, part.blocks.count)};
    checked.push_back({part.extent, one, part.extent->check(one)});
  }
  for (const auto& [extent, one, contexts] : checked) extent->write_checked(one, contexts, mode);
}

std::vector<std::optional<BlockContext>> RegionWriter::read(std::uint64_t first_region_block,
                                                            MutableByteView data) {
  const std::uint32_t shift = definition().geometry.shift();
  std::vector<std::optional<BlockContext>> contexts;
  for (const Part& part : parts_of(first_region_block, data.size())) {
    const auto read = part.extent->read(
        part.blocks.first, data.subspan(part.first_index << shift, part.blocks.count << shift));
    contexts.insert(contexts.end(), read.begin(), read.end());
  }
  return contexts;
}

// ---- flushing -----------------------------------------------------------------------------------

std::vector<RawExtentWriter*> RegionWriter::dirty_extents(std::uint64_t extent_count) const {
  std::vector<RawExtentWriter*> dirty;
  for (std::uint64_t i = 0; i < extent_count; ++i) {
    if (extents_[i]->metadata().dirty) dirty.push_back(extents_[i].get());
  }
  return dirty;
}

void RegionWriter::sync(const std::vector<RawExtentWriter*>& extents) {
  std::vector<File*> files;
  for (RawExtentWriter* extent : extents) files.push_back(&extent->file());
  try {
    sync_files(*region_.root, files);
  } catch (const Error&) {
    for (RawExtentWriter* extent : extents) extent->set_lost();
    throw;
  }
}

void RegionWriter::flush(const FlushNumbers& numbers, std::optional<ExtentId> extent_limit) {
  if (extent_limit && extent_limit->value >= extents_.size()) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': expected a limit of the {} extents of the region, found {}",
                            region_.path, extents_.size(), extent_limit->value));
  }
  const std::vector<RawExtentWriter*> dirty =
      dirty_extents(extent_limit ? extent_limit->value + std::uint64_t{1} : extents_.size());
  if (dirty.empty()) return;

  for (const RawExtentWriter* extent : dirty) extent->require_whole_blocks();
  for (RawExtentWriter* extent : dirty) {
    extent->write_first_half(numbers.gen_number, numbers.flush_number);
  }
  sync(dirty);
  std::vector<RawExtentWriter*> unfinished;
  for (RawExtentWriter* extent : dirty) {
    if (extent->write_second_half()) unfinished.push_back(extent);
  }
  if (!unfinished.empty()) sync(unfinished);
  for (RawExtentWriter* extent : dirty) extent->end_flush();
  for (RawExtentWriter* extent : dirty) extent->defragment_if_due();
}

}  // namespace libregion
