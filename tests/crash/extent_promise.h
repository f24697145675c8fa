// What a raw extent that is written in place has promised of its blocks, and whether a state that a
// crash left keeps it.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libregion/extent/block_record.h"
#include "libregion/extent/raw_extent_writer.h"
#include "libregion/format/metadata.h"

namespace libregion {

struct BlockVersion {
  std::uint64_t data_hash = 0;
  std::optional<SentContext> context;  // none: never written
};

enum class Verdict : std::uint8_t {
  good,
  torn,  // a block that was being overwritten in place is half old, half new: excused
  bad,
};

struct ExtentPromise {
  // With which a flush leaves the extent.
  struct Numbers {
    std::uint64_t gen_number = 0;
    std::uint64_t flush_number = 0;
    bool operator==(const Numbers&) const = default;
  };

  // Of each block: what the last flush acknowledged, then whatever was written since, the write
  // that is going on included.
  std::vector<std::vector<BlockVersion>> blocks;
  Numbers flushed;
  std::optional<Numbers> flushing;
  // Where all active slots are, once a defragmentation is done.
  std::optional<ContextSlot> array;
  bool may_be_dirty = false;
  bool may_tear = false;             // blocks consist of sectors, and are overwritten in place
  bool numbers_may_be_torn = false;  // while dirty: the metadata lies in two sectors

  void acknowledge(const Numbers& numbers);
  // What was found clean, and is durable, was flushed, though nobody was told.
  void note_durable(const ExtentMetadata& metadata);

  // Whether what a reader finds of a block is what was promised: the data is the acknowledged
  // version or a later one, with exactly its context; all blocks of a clean extent are those of one
  // flush, and would be found just so if the extent became dirty next.
  [[nodiscard]] Verdict judge(const BlockRecord& record,
                              const std::optional<ExtentMetadata>& metadata) const;

  // Which differ where the promise does: of all but the blocks, and of one block.
  [[nodiscard]] std::uint64_t key() const;
  [[nodiscard]] std::uint64_t key_of(std::uint64_t block) const;
};

}  // namespace libregion
