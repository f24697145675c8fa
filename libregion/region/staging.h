// Repairs that were interrupted: .copy -> .replace -> .completed.
//
//   ZZZ.copy/       files are still being received; worth nothing
//   ZZZ.replace/    files are all there: the extent must become them
//   ZZZ.completed/  the extent has become them
//
// Finishing a replacement, and what a crash at each point leaves:
//   1. where the extent is a SQLite one: remove -shm and -wal that the replacement lacks, copy .db,
//      -shm and -wal over the extent's, fsync each, and the directory if the
//      extent has no data file; then the data file likewise
//          .replace is still there: the next run starts again with the same files
//   2. fsync the directory        before .replace goes, all that it stood for is durable
//   3. rename .replace to .completed, fsync the directory
//          a crash leaves one of the two names; .completed needs only to be removed
//   4. remove .completed, fsync the directory
// Crucible does the same when it opens a region, and could go on from any point.

#pragma once

#include <span>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/format/units.h"
#include "libregion/io/file_system.h"
#include "libregion/region/region_use.h"
#include "libregion/report/finding.h"

namespace libregion {

// Whether a part is the directory of an interrupted repair.
[[nodiscard]] constexpr bool is_repair(ExtentPart part) {
  return part == ExtentPart::copy || part == ExtentPart::replace || part == ExtentPart::completed;
}

// Looks at a pending replacement without changing anything. No findings: it can be put in place.
// What Crucible would destroy the extent with (files of the other format, files that cannot be
// used) is an error.
std::vector<Finding> check_replacement(const Directory& leaf, ExtentId extent,
                                       const ExtentParts& parts, const Geometry& geometry);

// The files of a pending replacement that check_replacement has nothing against.
struct Replacement {
  std::unique_ptr<Directory> directory;
  ExtentParts parts;
};
Replacement open_replacement(const Directory& leaf, ExtentId extent);

// Puts a replacement in place that check_replacement has nothing against, or one that takes a
// repair back: a database without a data file leaves that as it is. Claims the extent's files
// before it changes them.
void finish_replacement(Directory& leaf, ExtentId extent, const ExtentParts& parts,
                        const RegionUse& use);

// The same in steps, for raw extents that are there: whoever finishes several of them syncs once
// for each step. The data files are open for writing and claimed.
//   1. copy_raw_replacement for each, then a sync of all the data files
//   2. nothing: no names were made or removed
//   3. and 4. retire_replacements
void copy_raw_replacement(const Directory& leaf, ExtentId extent, File& data_file);
void retire_replacements(Directory& leaf, std::span<const ExtentId> extents);

// Removes .copy and .completed, whichever are there, with all that is in them.
void remove_leftovers(Directory& leaf, ExtentId extent, const ExtentParts& parts);

// Removes a directory with all that is in it. One with more levels below it than any region or
// repair has is left, and an Error.
void remove_tree(Directory& parent, const std::string& name);

// The findings for what is pending: .copy, .replace, .completed.
std::vector<Finding> pending_findings(ExtentId extent, const ExtentParts& parts);

}  // namespace libregion
