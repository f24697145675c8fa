// A region in memory, written as the service that serves it does.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/format/integrity.h"
#include "libregion/region/region_writer.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {

// A region of blocks of 512 bytes that were never written, at "/r".
inline std::unique_ptr<MemoryFileSystem> empty_region(std::uint32_t extent_count,
                                                      std::uint64_t extent_size_blocks) {
  TestRegionOptions options;
  options.extent_count = extent_count;
  options.extent_size_blocks = extent_size_blocks;
  TestRegion region(options);
  for (std::uint32_t extent = 0; extent < extent_count; ++extent) region.put_raw(extent);
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), "/r");
  return memory;
}

// The data of a block of the region, and its context; different for each block and version.
inline Bytes data_of(std::uint64_t region_block, std::uint64_t version) {
  return RawExtentBuilder(512, 1).data_for(region_block, version);
}
inline SentContext context_of(ByteView data, bool is_encrypted) {
  if (!is_encrypted) return {on_disk_hash(data), std::nullopt};
  const EncryptionContext encryption = some_encryption(on_disk_hash(data));
  return {integrity_hash(encryption, data), encryption};
}

// What a write of one version to a range of the region sends.
struct SentBlocks {
  SentBlocks(BlockRange range, std::uint64_t version, bool is_encrypted = false)
      : first_region_block(range.first) {
    for (std::uint64_t block = range.first; block < range.end(); ++block) {
      const Bytes one = data_of(block, version);
      data.insert(data.end(), one.begin(), one.end());
      contexts.push_back(context_of(one, is_encrypted));
    }
  }
  [[nodiscard]] RegionWrite write() const { return {first_region_block, data, contexts}; }

  std::uint64_t first_region_block;
  Bytes data;
  std::vector<SentContext> contexts;
};

class RegionWriterWorkshop {
 public:
  explicit RegionWriterWorkshop(std::uint32_t extent_count = 3,
                                std::uint64_t extent_size_blocks = 8,
                                const RegionWriterOptions& options = {})
      : disk(empty_region(extent_count, extent_size_blocks)), options_(options) {
    reopen();
  }

  void close() { writer.reset(); }
  void reopen() {
    close();
    writer = RegionWriter::open(*disk, "/r", options_);
  }

  void write(BlockRange range, std::uint64_t version, WriteMode mode = WriteMode::always) const {
    writer->write(SentBlocks(range, version).write(), mode);
  }

  // Which version each block has, "-" where it was never written, "!" where data and context do not
  // fit together.
  [[nodiscard]] std::string versions() const {
    std::string text;
    for (std::uint64_t block = 0; block < writer->block_count(); ++block) {
      if (block % writer->definition().geometry.extent_size_blocks() == 0 && block > 0) text += " ";
      text += version_of(block);
    }
    return text;
  }

  // "3/7 dirty" of each extent: generation, flush number and mark, as they are in memory.
  [[nodiscard]] std::string numbers() const {
    std::string text;
    for (std::uint32_t extent = 0; extent < writer->definition().extent_count; ++extent) {
      text += (extent == 0 ? "" : ", ") + numbers_of(writer->extent(ExtentId{extent}).metadata());
    }
    return text;
  }
  // The same as it is on disk.
  [[nodiscard]] std::string numbers_on_disk() const {
    std::string text;
    for (std::uint32_t extent = 0; extent < writer->definition().extent_count; ++extent) {
      const Bytes content = disk->content_of("/r/" + extent_path(ExtentId{extent}));
      const auto decoded = decode_metadata(MetadataView(ByteView(content).last(metadata_bytes)));
      text += (extent == 0 ? "" : ", ") + numbers_of(std::get<ExtentMetadata>(decoded));
    }
    return text;
  }

  std::unique_ptr<MemoryFileSystem> disk;
  std::unique_ptr<RegionWriter> writer;

 private:
  static std::string numbers_of(const ExtentMetadata& metadata) {
    return std::to_string(metadata.gen_number) + "/" + std::to_string(metadata.flush_number) +
           (metadata.dirty ? " dirty" : "");
  }

  [[nodiscard]] std::string version_of(std::uint64_t region_block) const {
    constexpr std::uint64_t versions_max = 10;
    Bytes data(512);
    const auto context = writer->read(region_block, data)[0];
    if (!context) return data == Bytes(512) ? "-" : "!";
    for (std::uint64_t version = 0; version < versions_max; ++version) {
      if (data != data_of(region_block, version)) continue;
      return context->on_disk_hash == on_disk_hash(data) ? std::to_string(version) : "!";
    }
    return "!";
  }

  RegionWriterOptions options_;
};

// The message of the Error that this throws, which must be of this kind.
template <class Action>
std::string failure_of(ErrorKind kind, Action action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace libregion
