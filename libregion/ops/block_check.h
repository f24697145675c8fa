// What can be wrong with a block, in an extent of either format.

#pragma once

#include <map>
#include <utility>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/extent/extent_reader.h"
#include "libregion/format/integrity.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/region_definition.h"
#include "libregion/report/finding.h"

namespace libregion {

enum class CheckDepth : std::uint8_t {
  contexts,    // only whether written blocks still have their context
  everything,  // both hashes, both slots, data without a context
};

struct SlotPlace {
  ExtentId extent;
  std::uint64_t block = 0;
  std::uint64_t offset_bytes = 0;  // in the extent's file
};
// The finding for a slot that does not decode.
Finding bad_slot_finding(FindingId id, const SlotPlace& place, const BadSlot& bad);

// Looks at one extent's blocks, in order, and gathers findings; those of neighbouring blocks with
// the same finding are one.
class BlockCheck {
 public:
  // Asks the reader for integrity hashes where these are looked at.
  BlockCheck(const RegionDefinition& definition, ExtentId extent, ExtentReader& reader,
             CheckDepth depth);

  // False where an error was found that leaves the block's data or context in doubt.
  bool check(const BlockRecord& record);

  // A block that could not be read.
  void add_unreadable(std::uint64_t block, const Error& error);

  [[nodiscard]] std::uint64_t written_blocks() const { return written_blocks_; }
  [[nodiscard]] std::size_t finding_count() const { return findings_.size(); }
  // What was found since the last call, by block.
  std::vector<Finding> take_findings();

 private:
  void check_raw(const BlockRecord& record);
  void check_selected_slot(const BlockRecord& record, std::size_t selected);
  void check_bad_slots(const BlockRecord& record);
  void check_slot_details(const BlockRecord& record, std::size_t selected);
  void check_sqlite(const BlockRecord& record);
  void check_context(const BlockRecord& record, const BlockContext& context);

  [[nodiscard]] bool is_zero(const BlockRecord& record) const;
  void add_at_data(FindingId id, const BlockRecord& record, std::string expected,
                   std::string found);
  void add_at_slot(FindingId id, const BlockRecord& record, std::size_t slot, std::string expected,
                   std::string found);
  void add(Finding finding);

  const RegionDefinition& definition_;
  ExtentId extent_;
  ExtentFormat format_;
  std::optional<ExtentMetadata> metadata_;
  CheckDepth depth_;
  RawLayout layout_;
  ZeroBlock zero_block_;
  std::uint64_t written_blocks_ = 0;
  bool is_in_doubt_ = false;  // the block in hand
  std::vector<Finding> findings_;
  // Where in findings_ the one is that a block could extend, by id and offset in the file.
  std::map<std::pair<FindingId, std::uint64_t>, std::size_t> open_ranges_;
};

}  // namespace libregion
