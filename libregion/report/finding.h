// What is wrong with a region, or worth knowing of it: one table of all findings there are, and
// the record of one that was made.
//
// Severities:
//   error    data or a context is lost or contradicts itself, or Crucible would refuse the extent,
//            now or after its next crash
//   warning  suspicious, or left for Crucible or region-migrate to finish
//   note     a normal state worth knowing
//
// A finding's id never changes its meaning. Each has an entry in region-tools(7) and a test.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libregion/base/error.h"
#include "libregion/format/units.h"

namespace libregion {

enum class Severity : std::uint8_t { error, warning, note };
std::string_view severity_name(Severity severity);

enum class FindingId : std::uint8_t {
  // region.json and the directory
  definition_missing,
  definition_invalid,
  definition_unknown_member,
  definition_older,
  older_in_place,
  extra_extent,
  stray_file,
  // the files of an extent
  missing_extent,
  not_a_regular_file,
  several_links,
  io_error,
  not_accessible,
  changed_while_read,
  // a raw extent as a whole
  wrong_size,
  unknown_version,
  bad_metadata,
  metadata_padding,
  unused_bits_set,
  dirty_extent,
  reconciliation_due,
  // of several replicas
  reconciliation_source,
  reconciliation_loss,
  replicas_contradict,
  // the blocks of a raw extent
  wrong_selected_slot,
  no_matching_slot,
  data_without_context,
  bad_active_slot,
  bad_inactive_slot,
  slot_stray_bytes,
  flush_id_ahead,
  // the blocks of an extent of either format
  integrity_hash_mismatch,
  context_kind_mismatch,
  // interrupted repairs and migrations
  copy_pending,
  replace_pending,
  completed_pending,
  replace_format_mismatch,
  replace_unusable,
  partial_migration,
  stray_wal,
  stray_shm,
  // a SQLite extent
  short_data_file,
  sqlite_not_a_database,
  sqlite_empty_file,
  sqlite_corrupt,
  sqlite_too_large,
  sqlite_hot_journal,
  sqlite_invalid_wal,
  sqlite_hot_wal,
  sqlite_unknown_schema,
  sqlite_older_generation,
  sqlite_without_hashes,
  sqlite_bad_number,
  sqlite_bad_row,
  sqlite_row_out_of_range,
  sqlite_half_encrypted_row,
  sqlite_odd_dirty,
  sqlite_odd_version,
  sqlite_stale_rows,
  sqlite_no_matching_row,
  // what several replicas, a repair or a key have to say
  no_proven_copy,
  needs_mix,
  repair_put_back,
  changed_since_repair,
  wrong_tag,
};

struct FindingInfo {
  FindingId id;
  std::string_view name;  // as it stands in records
  Severity severity;
  std::string_view message;
  std::string_view remedy;
};

const FindingInfo& finding_info(FindingId id);
std::span<const FindingInfo> all_findings();

// The finding for what could not be read for this reason.
FindingId unreadable_finding_id(const Error& error);

struct Finding {
  FindingId id;
  std::optional<ExtentId> extent = std::nullopt;
  std::string file = {};  // relative to the region's directory
  std::optional<BlockRange> blocks = std::nullopt;
  std::optional<std::uint64_t> offset_bytes = std::nullopt;  // in the file
  std::uint64_t length_bytes = 0;
  std::string expected = {};  // of the first block, where there are several
  std::string found = {};
};

// Whether one of them is of severity error.
bool has_error(std::span<const Finding> found);

}  // namespace libregion
