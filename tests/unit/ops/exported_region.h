// Exporting a region within a file system in memory: the region at /r, the image to /out/image.

#pragma once

#include <string>

#include "libregion/ops/export.h"
#include "libregion/ops/image_map.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {

inline const std::string image_path = "/out/image";

struct Exported {
  ExportSummary summary;
  Reports reports;
};

struct ExportFiles {
  ImageTargetOptions target = {};
  std::optional<ExportRecordsOptions> records = std::nullopt;
  bool map = false;  // the image's map in its place
};

// Throws as the operation does.
inline Exported export_on(FileSystem& file_system, ExportOptions options = {},
                          const ExportFiles& files = {}) {
  const auto opened = open_region(file_system, "/r", {});
  if (!opened.region) throw std::runtime_error("a test's region that cannot be opened");
  const auto target = make_file_target(file_system, image_path, files.target);
  std::optional<ExportRecords> records;
  if (files.records) records.emplace(file_system, *files.records);
  if (records) options.records = &*records;
  ReportCollector collector;
  ImageMap map(*target);
  const ExportSummary summary = export_region(
      *opened.region, files.map ? static_cast<ImageTarget&>(map) : *target, options, collector);
  return {summary, std::move(collector.reports)};
}

// The same region in memory, and a directory for what is made of it.
struct ExportDisk {
  explicit ExportDisk(const TestRegion& region) {
    memory.load(region.path(), "/r");
    memory.add_directory("/out");
    memory.settle();
  }
  // Whether there is an image, and nothing else.
  [[nodiscard]] std::string made() const {
    std::string names;
    for (const auto& [name, entry] : memory.tree("/out")) names += name + " ";
    return names;
  }
  [[nodiscard]] Bytes image() const { return memory.content_of(image_path); }

  MemoryFileSystem memory;
};

// 8 blocks of 512 bytes in each extent, some of them written; one extent of each kind.
struct MixedRegion {
  MixedRegion() {
    region.put_raw(0, region.raw().write_all());
    region.put_raw(1, region.raw().write(2).write(7, ContextSlot::A).set_dirty());
    region.put_sqlite(2, 5);
    region.put_raw(3);
  }
  TestRegion region{{.extent_count = 4}};
};

inline Bytes part_of(const Bytes& bytes, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(offset_bytes);
  return {first, first + static_cast<std::ptrdiff_t>(length_bytes)};
}

// The data of all extents, one after the other, from the bytes of their files.
inline Bytes data_of(const TestRegion& region, std::uint32_t extent_count) {
  Bytes data;
  for (std::uint32_t extent = 0; extent < extent_count; ++extent) {
    const Bytes file = read_whole_file(region.path_of(extent));
    data.insert(data.end(), file.begin(),
                file.begin() + static_cast<std::ptrdiff_t>(region.geometry().extent_data_bytes()));
  }
  return data;
}

}  // namespace libregion
