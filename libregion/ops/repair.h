// Repairing a region: what can be mended from the region itself, and what only a replica still has.
//
// From the extent alone, in place:
//   a selected slot that does not match the data of a clean extent, where the other one does and
//   is right in all else: the active-slot bit is corrected; unused active-slot bits, the metadata's
//   padding and the bytes behind a slot's value become zero; a log or index without its database is
//   removed, where nothing is wrong with the raw extent as a whole.
// The extent built anew, in its own format: what replicas have (see block_sources.h for what is
// taken from which of them); without rows of a database that cannot be contexts.
//
// By name: blocks become ones that were never written; metadata that is lost becomes what is given.
// What an interrupted repair left is finished or removed first, as Crucible does when it opens the
// region. Never: `dirty` is not cleared, generation and flush numbers are not invented.
//
// The order of things, for each extent by itself, in their order:
//   0. once, before the first: nobody uses any extent; what a killed process left in the cache is
//      synced
//   1. looked at; what is to be built anew is built      .copy is worth nothing
//      in ZZZ.copy
//   2. what will be changed is saved, the undo file      nothing has been changed; see undo_log.h
//      synced
//   3. in place: bits, paddings, logs; the file synced   each bit and each padding is old or new by
//                                                        itself, whatever sectors are torn: the
//                                                        bytes written are only those that change,
//                                                        a corrected bit names a slot that has
//                                                        matched the data all along, and paddings
//                                                        are not read. None of it changes the
//                                                        extent's metadata
//      or: .copy synced, renamed to .replace, and put    .replace is finished by the next run, by
//      in place, see region/staging.h                    region-migrate and by Crucible
//   4. looked at again; put back with what was saved if it is not better
// Once, after the last: all extents looked at again; if one is worse, or those that were changed
// are not better, all of it is taken back, see undo.h; the mark in the undo file that all is done.
// Running it again goes on, and ends with the same bytes as if nothing had happened. After a sync
// that fails nothing more is done.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libregion/format/metadata.h"
#include "libregion/ops/walk.h"

namespace libregion {

struct RepairOptions {
  WalkOptions walk;
  bool dry_run = true;
  // Where what is changed is saved; none: nowhere. Not in the region.
  std::optional<std::string> undo_path = std::nullopt;
  FileSystem* undo_file_system = nullptr;    // that the path is of
  std::vector<const Region*> replicas = {};  // open for reading
  bool mix = false;                          // blocks of replicas whose numbers differ
  std::optional<BlockSelection> forget = std::nullopt;
  std::optional<ExtentMetadata> metadata = std::nullopt;  // of extents that have lost it; dirty
  Progress* progress = nullptr;
};

struct RepairSummary {
  std::uint64_t extent_count = 0;    // looked at
  std::uint64_t repaired_count = 0;  // or would be
  std::uint64_t put_back_count = 0;  // because they, or the region, were not better afterwards
  std::uint64_t left_count = 0;      // with errors that stay
  std::uint64_t block_count = 0;     // mended, or would be
  std::uint64_t read_bytes = 0;
  bool has_undo = false;  // something was saved
  bool has_io_errors = false;
  bool has_changed = false;
  bool stopped = false;
};

// The region must be open for read_write, or for read with dry_run. What is, or would be, mended is
// reported as records of type "repair", what stays as findings. Throws Error: in_use where somebody
// has one of its files open, failed where a write or sync fails, or the undo file cannot be made.
RepairSummary repair_region(const Region& region, const RepairOptions& options, Reporter& reporter);

}  // namespace libregion
