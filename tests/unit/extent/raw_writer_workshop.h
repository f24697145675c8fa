// A raw extent in memory, written as a service writes it.

#pragma once

#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "libregion/extent/raw_extent_writer.h"
#include "libregion/format/integrity.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/random.h"
#include "tests/support/region_builder.h"

namespace libregion {

class RawWriterWorkshop {
 public:
  explicit RawWriterWorkshop(std::uint64_t block_count = 10, const RawWriterOptions& options = {})
      : geometry_(std::get<Geometry>(Geometry::make(512, block_count))), options_(options) {
    disk.add_file("/extent", RawExtentBuilder(512, block_count).bytes());
    reopen();
  }

  // What a service does that was killed, or closed: there is nothing to do when closing.
  void reopen() {
    writer.reset();
    writer = RawExtentWriter::open(open_file(), geometry_, options_);
  }

  [[nodiscard]] std::unique_ptr<File> open_file() {
    const auto root = std::get<std::unique_ptr<Directory>>(disk.open_directory("/"));
    return std::get<std::unique_ptr<File>>(root->open_file("extent", Access::read_write));
  }

  // Different for each block and version.
  [[nodiscard]] Bytes data_for(BlockRange range, std::uint64_t version) const {
    Bytes data;
    for (std::uint64_t block = range.first; block < range.end(); ++block) {
      const Bytes one =
          RawExtentBuilder(512, geometry_.extent_size_blocks()).data_for(block, version);
      data.insert(data.end(), one.begin(), one.end());
    }
    return data;
  }

  void write(BlockRange range, std::uint64_t version, WriteMode mode = WriteMode::always) {
    const Bytes data = data_for(range, version);
    std::vector<SentContext> contexts;
    for (std::uint64_t i = 0; i < range.count; ++i) {
      contexts.push_back(context_of(ByteView(data).subspan(i * 512, 512)));
    }
    writer->write({range.first, data, contexts}, mode);
  }
  void write(std::uint64_t block, std::uint64_t version) { write(BlockRange{block, 1}, version); }

  // What is sent with the data.
  [[nodiscard]] SentContext context_of(ByteView data) const {
    if (!is_encrypted) return {on_disk_hash(data), std::nullopt};
    const EncryptionContext encryption = some_encryption(on_disk_hash(data));
    return {integrity_hash(encryption, data), encryption};
  }

  // Behind the writer's back.
  void overwrite(std::uint64_t block, ByteView data) {
    open_file()->write(geometry_.block_offset_bytes(block), data);
  }

  // Which version a block holds, with the context that fits: -1 where it was never written, -2
  // where data and context do not fit together.
  int version_of(std::uint64_t block) {
    constexpr int versions_max = 20;
    Bytes data(512);
    const auto context = writer->read(block, data)[0];
    if (!context) return data == Bytes(512) ? -1 : -2;
    for (int version = 0; version < versions_max; ++version) {
      if (data != data_for({block, 1}, static_cast<std::uint64_t>(version))) continue;
      return context->on_disk_hash == on_disk_hash(data) ? version : -2;
    }
    return -2;
  }
  std::string versions() {
    std::string text;
    for (std::uint64_t block = 0; block < geometry_.extent_size_blocks(); ++block) {
      const int version = version_of(block);
      text += version == -1 ? "-" : version == -2 ? "!" : std::to_string(version);
    }
    return text;
  }

  // The active slots of some blocks, as "ABBA".
  [[nodiscard]] std::string slots(BlockRange range) const {
    std::string text;
    for (std::uint64_t block = range.first; block < range.end(); ++block) {
      text += slot_letter(writer->active_slot(block));
    }
    return text;
  }

  [[nodiscard]] ExtentMetadata metadata_on_disk() const {
    const Bytes content = disk.content_of("/extent");
    const auto decoded = decode_metadata(MetadataView(ByteView(content).last(metadata_bytes)));
    return std::get<ExtentMetadata>(decoded);
  }
  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  [[nodiscard]] WriteOrdering ordering() const { return options_.ordering; }

  bool is_encrypted = false;  // what is written from now on
  MemoryFileSystem disk;
  std::unique_ptr<RawExtentWriter> writer;

 private:
  Geometry geometry_;
  RawWriterOptions options_;
};

}  // namespace libregion
