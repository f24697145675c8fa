// Taking a region back to what it was before a repair.
//
// What was changed in place is written back in place; what was replaced is built in .copy and put
// in place as a repair is. A crash leaves either state, or one that the next run takes back as
// well; a second run has nothing to do. (What was damaged is damaged again then, in .replace too:
// only the next run of this puts it in place.) An extent that somebody has changed since is left
// alone: what was saved is no longer what it needs.
//
// Where a .replace of an interrupted repair was put in place it is made anew, of what the extent
// has become, and only then the extent's own files become what they were, in place: as long as
// .replace is there nobody takes them for anything, whatever a crash makes of them.

#pragma once

#include "libregion/ops/undo_log.h"
#include "libregion/ops/walk.h"

namespace libregion {

enum class RestoreOutcome : std::uint8_t {
  restored,
  was_so_already,
  changed_since,  // and left alone
};

// What was saved of a range.
using ReadSaved = std::function<Bytes(const SavedRange&)>;

// Takes one extent back; with dry_run only says what would be done. A pending replacement is
// finished first: it is the repair's, or else the extent turns out to be changed. Throws Error:
// in_use, failed.
struct Restoration {
  const Region& region;
  Directory& leaf;
  const UndoSection& section;
  const ReadSaved& read;
  bool dry_run = false;
};
RestoreOutcome restore_extent(const Restoration& restoration);

struct UndoOptions {
  bool dry_run = true;
  const std::atomic<bool>* stop = nullptr;
  Progress* progress = nullptr;
};

struct UndoSummary {
  std::uint64_t extent_count = 0;
  std::uint64_t restored_count = 0;  // or would be
  std::uint64_t left_count = 0;
  bool stopped = false;
};

// What was saved of a region, in the order in which it was changed.
struct SavedRepair {
  const std::vector<UndoSection>& sections;
  ReadSaved read;
};
UndoSummary undo_repair(const Region& region, const SavedRepair& saved, const UndoOptions& options,
                        Reporter& reporter);
// Throws Error (usage) where the undo file is another region's; else as repair_region does.
UndoSummary undo_repair(const Region& region, const UndoFile& undo, const UndoOptions& options,
                        Reporter& reporter);

}  // namespace libregion
