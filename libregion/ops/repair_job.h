// What a repair does to one extent.

#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"
#include "libregion/ops/undo_log.h"
#include "libregion/region/leaf.h"
#include "libregion/region/region.h"

namespace libregion {

enum class RepairKind : std::uint8_t {
  leftovers,         // .copy or .completed is removed
  replacement,       // a pending .replace is put in place
  selected_slot,     // an active-slot bit is corrected
  unused_bits,       // of the active-slot bits
  metadata_padding,  // zeroed
  slot_padding,      // zeroed
  stray_log,         // -wal or -shm without .db is removed
  block,             // taken from a replica
  extent,            // built anew of replicas
  forgotten,         // becomes a block that was never written
  bad_rows,          // rows of a database that cannot be contexts go
  metadata,          // becomes what was given
  marked_dirty,      // because replicas with other numbers were mixed
};
std::string_view repair_name(RepairKind kind);  // as it stands in records
std::string_view repair_text(RepairKind kind);  // as people read it

struct RepairStep {
  RepairKind kind;
  std::optional<BlockRange> blocks = std::nullopt;
  std::string source = {};  // the replica's path
};

// Adds a block to the last step of this kind, or begins one.
void add_block_step(std::vector<RepairStep>& steps, RepairKind kind, std::uint64_t block);

struct RepairJob {
  ExtentId extent;
  ExtentParts parts;
  ExtentFormat format = ExtentFormat::raw;
  std::optional<ExtentMetadata> metadata;
  std::vector<RepairStep> steps;
  std::vector<Finding> findings;       // of what stays
  std::vector<Patch> patches;          // of the data file, in place
  std::vector<ExtentPart> stray_logs;  // to be removed
  std::uint64_t looked_at_blocks = 0;
  std::uint64_t trouble_before = 0;  // trouble_of, before anything was changed
  bool has_io_errors = false;
  bool has_changed = false;

  // Open and claimed until the job is done.
  std::unique_ptr<ExtentReader> reader;
  std::vector<std::unique_ptr<File>> files;  // where there is no reader
};

// Data file and database, whichever the extent has, as the job has them open and claimed. None
// where one of them was not opened for what it is.
std::vector<OpenPart> open_parts(const RepairJob& job);
// That of a raw extent, as it was opened for the job.
File& raw_data_file(const RepairJob& job);

// Logs without a database that may be removed: what is no regular file with one name could not be
// saved.
std::vector<ExtentPart> plain_stray_logs(const Directory& leaf, const RepairJob& job);

// How much is wrong with it: blocks with an error, and far more than all of them for each error of
// the extent as a whole.
[[nodiscard]] std::uint64_t damage_of(const RepairJob& job, const Geometry& geometry);

// The same with all that is to be mended from the extent itself.
[[nodiscard]] std::uint64_t trouble_of(const RepairJob& job, const Geometry& geometry);

// Looks at an extent, finding out what is wrong with it and what of that can be mended from it
// alone. Files are opened with `access`. Changes nothing. The job must have its extent and parts.
void examine_for_repair(const Region& region, const Directory& leaf, Access access, RepairJob& job);

}  // namespace libregion
