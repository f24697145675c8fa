// A raw extent (extent version 2), opened for reading.

#pragma once

#include "libregion/extent/chunk.h"
#include "libregion/extent/extent_reader.h"
#include "libregion/format/active_slots.h"
#include "libregion/format/raw_layout.h"

namespace libregion {

class RawExtent : public ExtentReader {
 public:
  // Looks at size, metadata and active-slot bits. `path` is relative to the region, for findings.
  // Without a reader: the file is too short, so that bits, metadata and slots are cut off. A file
  // that is too long is read as far as the layout goes. The reader is a RawExtent.
  static OpenedExtent open(std::unique_ptr<File> file, const Geometry& geometry, ExtentId extent,
                           const std::string& path);

  // Looks at the size, and reads the metadata alone.
  static ExtentSummary read_summary(std::unique_ptr<File> file, const Geometry& geometry,
                                    ExtentId extent, const std::string& path);

  [[nodiscard]] ExtentFormat format() const override { return ExtentFormat::raw; }
  [[nodiscard]] const std::optional<ExtentMetadata>& metadata() const override { return metadata_; }
  [[nodiscard]] std::uint64_t readable_blocks() const override {
    return geometry_.extent_size_blocks();
  }
  void read_blocks(BlockRange range, const std::function<void(const BlockRecord&)>& visit) override;
  [[nodiscard]] std::uint64_t count_unwritten(BlockRange range) override;
  [[nodiscard]] std::vector<const File*> files() const override { return {file_.get()}; }

  // As on disk: in a dirty extent they say nothing.
  [[nodiscard]] const ActiveSlots& active_slots() const { return active_slots_; }
  [[nodiscard]] File& data_file() const { return *file_; }

 private:
  RawExtent(std::unique_ptr<File> file, const Geometry& geometry,
            std::optional<ExtentMetadata> metadata, ActiveSlots active_slots);
  // The slots of one array, of the blocks in hand.
  struct SlotChunk {
    KnownZeros zeros;
    ReadWindow window{std::uint64_t{64} << 10};
  };

  void load(BlockRange range);
  void make_records(BlockRange range);
  ByteView load_slots(ContextSlot array, BlockRange range);
  [[nodiscard]] std::optional<ContextSlot> select(std::uint64_t block,
                                                  std::span<const SlotValue, 2> slots,
                                                  std::uint64_t data_hash) const;

  std::unique_ptr<File> file_;
  Geometry geometry_;
  RawLayout layout_;
  std::optional<ExtentMetadata> metadata_;
  ActiveSlots active_slots_;

  // The chunk in hand.
  BlockChunk chunk_;
  std::array<SlotChunk, 2> slot_chunks_;
  std::vector<std::array<SlotValue, 2>> slots_;
  std::vector<BlockRecord> records_;
};

}  // namespace libregion
