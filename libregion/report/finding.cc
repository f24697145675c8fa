#include "libregion/report/finding.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "libregion/base/assert.h"

namespace libregion {
namespace {

using enum FindingId;
using enum Severity;

constexpr std::string_view needs_replica =
    "needs a replica: region-repair --from REPLICA takes it from one that has it";
constexpr std::string_view into_makes_one =
    "region-migrate --into makes a raw region of it, which Crucible opens";
constexpr std::string_view ask_migrate = "region-migrate finishes it, as would Crucible";

constexpr std::array findings = {
    FindingInfo{
        definition_missing, "definition_missing", error, "there is no region.json",
        "restore the file from a replica, with this region's own UUID; only if a create was "
        "interrupted, run it again with --force"},
    FindingInfo{definition_invalid, "definition_invalid", error, "region.json cannot be used",
                "correct the member that is named, by hand, against a replica's region.json"},
    FindingInfo{definition_unknown_member, "definition_unknown_member", note,
                "region.json has a member that is not known",
                "none needed: it is ignored and kept"},
    FindingInfo{definition_older, "definition_older", warning,
                "region.json is of an older generation: no Crucible of today opens the region",
                into_makes_one},
    FindingInfo{older_in_place, "older_in_place", error,
                "what is of an older generation is not changed in place", into_makes_one},
    FindingInfo{extra_extent, "extra_extent", warning, "an extent that region.json does not count",
                "if the region should be larger, correct extent_count; else move the file away"},
    FindingInfo{stray_file, "stray_file", note, "a file or directory that no region has",
                "move it away if nobody needs it"},

    FindingInfo{missing_extent, "missing_extent", error, "the extent's file is missing",
                needs_replica},
    FindingInfo{not_a_regular_file, "not_a_regular_file", error,
                "not what it should be: a regular file, or a directory; it was not opened",
                "find out who put it there; then copy the extent from a replica"},
    FindingInfo{several_links, "several_links", error,
                "the file has several names; it is not touched",
                "remove the other name, or copy the file and rename the copy over it"},
    FindingInfo{io_error, "io_error", error, "it could not be read",
                "look at the system's log for the disk; then copy the extent from a replica"},
    FindingInfo{not_accessible, "not_accessible", error,
                "it could not be opened: a permission, or a limit of the system",
                "run the tool as a user who may read the region; nothing is known to be damaged"},
    FindingInfo{changed_while_read, "changed_while_read", warning,
                "someone opened the extent while it was read; what was found in it is discarded",
                "try again when nobody uses the region, or with --live"},

    FindingInfo{wrong_size, "wrong_size", error, "the extent's file has the wrong size",
                "needs a replica; where only bytes follow intact metadata, cutting the file to the "
                "expected size is enough"},
    FindingInfo{unknown_version, "unknown_version", error, "the extent's version is not known",
                "use tools that know this version; if none does, the metadata is damaged and the "
                "extent needs a replica"},
    FindingInfo{bad_metadata, "bad_metadata", error,
                "the extent's metadata is damaged; its blocks were resolved as in a dirty extent",
                needs_replica},
    FindingInfo{metadata_padding, "metadata_padding", warning,
                "the padding of the extent's metadata is not zero",
                "none needed: it is ignored, and the next flush clears it"},
    FindingInfo{unused_bits_set, "unused_bits_set", warning, "unused active-slot bits are set",
                "none needed: they are ignored"},
    FindingInfo{dirty_extent, "dirty_extent", note,
                "the extent is dirty: it was written after its last flush",
                "none needed: Crucible resolves each block by its data when it opens the extent"},
    FindingInfo{reconciliation_due, "reconciliation_due", warning,
                "the extent is dirty, and was not changed: its replicas must be made equal first",
                "let Crucible open the volume, which does that, and close it; then run this again"},

    FindingInfo{reconciliation_source, "reconciliation_source", warning,
                "the replicas are not equal: Crucible would copy this one over the others",
                "none needed, unless a reconciliation_loss says that it would lose blocks"},
    FindingInfo{
        reconciliation_loss, "reconciliation_loss", error,
        "Crucible would copy this replica over the others, one of which still has what this "
        "one does not",
        "mend this replica first, from the one that is named: region-repair --from"},
    FindingInfo{replicas_contradict, "replicas_contradict", error,
                "the replicas have the same numbers but not the same data, each with its own "
                "context: Crucible would not make them equal",
                "find out which one is right, then copy the extent from it: region-repair --from"},

    FindingInfo{wrong_selected_slot, "wrong_selected_slot", error,
                "the selected slot does not match the data, the other one does",
                "region-repair mends it from the extent itself: the active-slot bit is wrong, no "
                "data is lost"},
    FindingInfo{no_matching_slot, "no_matching_slot", error, "no context slot matches the data",
                needs_replica},
    FindingInfo{data_without_context, "data_without_context", error,
                "there is data, but no context for it", needs_replica},
    FindingInfo{bad_active_slot, "bad_active_slot", error, "the selected slot does not decode",
                needs_replica},
    FindingInfo{bad_inactive_slot, "bad_inactive_slot", error,
                "the slot that is not selected does not decode: Crucible would refuse the extent "
                "after its next crash",
                "the block itself is whole; the next write of the block replaces the slot, or copy "
                "the extent from a replica"},
    FindingInfo{slot_stray_bytes, "slot_stray_bytes", warning,
                "bytes after the value of the selected slot are not zero",
                "none needed: they are ignored, and the next write of the block clears them"},
    FindingInfo{flush_id_ahead, "flush_id_ahead", warning,
                "the slot's flush id is above the extent's flush number",
                "none needed: the id is a debugging aid; but something else may be damaged too"},

    FindingInfo{integrity_hash_mismatch, "integrity_hash_mismatch", error,
                "the integrity hash does not match, though the on-disk hash does: hash, nonce or "
                "tag is damaged",
                needs_replica},
    FindingInfo{context_kind_mismatch, "context_kind_mismatch", error,
                "the context does not fit region.json's member encrypted",
                "compare region.json with a replica's; if it is right, the block needs a replica"},

    FindingInfo{copy_pending, "copy_pending", warning, "a repair that was still receiving files",
                ask_migrate},
    FindingInfo{replace_pending, "replace_pending", warning,
                "a repair whose files are all there, not yet put in place; this report is of the "
                "extent as it is without it",
                ask_migrate},
    FindingInfo{completed_pending, "completed_pending", warning,
                "a repair that is done but for the clean-up", ask_migrate},
    FindingInfo{replace_format_mismatch, "replace_format_mismatch", error,
                "a repair of one extent format is waiting to be put over an extent of the other",
                "move the .replace directory away: Crucible would destroy the extent with it"},
    FindingInfo{replace_unusable, "replace_unusable", error,
                "a repair is waiting to be put in place, but its files cannot be used",
                "move the .replace directory away and let Crucible repair the extent again"},
    FindingInfo{partial_migration, "partial_migration", warning,
                "an earlier migration extended the data file but did not finish", ask_migrate},
    FindingInfo{stray_wal, "stray_wal", warning,
                "a write-ahead log without its database: a migration stopped just before its end",
                ask_migrate},
    FindingInfo{stray_shm, "stray_shm", warning,
                "an index of a write-ahead log without its database", ask_migrate},

    FindingInfo{short_data_file, "short_data_file", error,
                "the data file of the SQLite extent is too short",
                "needs a replica; region-migrate --extend-short fills up with zeros, as Crucible "
                "does"},
    FindingInfo{
        sqlite_not_a_database, "sqlite_not_a_database", error,
        "the .db file is not a SQLite database",
        "needs a replica; the data file beside it is not affected, only its contexts are gone: "
        "keep both"},
    FindingInfo{sqlite_empty_file, "sqlite_empty_file", error, "the .db file is empty",
                needs_replica},
    FindingInfo{sqlite_corrupt, "sqlite_corrupt", error, "the database is damaged", needs_replica},
    FindingInfo{sqlite_too_large, "sqlite_too_large", error,
                "the database is larger than any extent needs; it was not read", needs_replica},
    FindingInfo{sqlite_hot_journal, "sqlite_hot_journal", error,
                "there is a rollback journal beside the database; the database was not read",
                "Crucible never makes one: find out who opened the database"},
    FindingInfo{sqlite_invalid_wal, "sqlite_invalid_wal", warning,
                "the write-ahead log is not one that SQLite reads; it counts as empty",
                "compare the extent with a replica: flushed contexts may have been in the log"},
    FindingInfo{sqlite_hot_wal, "sqlite_hot_wal", note,
                "the write-ahead log holds changes that the database file does not have yet",
                "none needed: they are read with it; never delete the log"},
    FindingInfo{sqlite_unknown_schema, "sqlite_unknown_schema", error,
                "the database does not have the tables of an extent", needs_replica},
    FindingInfo{sqlite_older_generation, "sqlite_older_generation", warning,
                "the database is of an older generation, which no Crucible of today reads",
                into_makes_one},
    FindingInfo{sqlite_without_hashes, "sqlite_without_hashes", error,
                "the database is of a generation without hashes: nothing proves its blocks",
                "none with these tools: keep the region as it is; the data file holds the blocks"},
    FindingInfo{sqlite_bad_number, "sqlite_bad_number", error,
                "a number in the table metadata is missing or impossible", needs_replica},
    FindingInfo{sqlite_bad_row, "sqlite_bad_row", error,
                "a row of the table block_context cannot be a context", needs_replica},
    FindingInfo{sqlite_row_out_of_range, "sqlite_row_out_of_range", warning,
                "rows for blocks that the extent does not have",
                "none needed: Crucible ignores them"},
    FindingInfo{sqlite_half_encrypted_row, "sqlite_half_encrypted_row", warning,
                "a row has a nonce or a tag without the other, and so counts as not encrypted",
                "compare the block with a replica"},
    FindingInfo{sqlite_odd_dirty, "sqlite_odd_dirty", warning,
                "dirty is neither 0 nor 1, and so counts as dirty", "none needed"},
    FindingInfo{sqlite_odd_version, "sqlite_odd_version", warning,
                "ext_version is not 1; Crucible does not look at it", "none needed"},
    FindingInfo{sqlite_stale_rows, "sqlite_stale_rows", note,
                "rows of writes whose data never arrived: the block is empty",
                "none needed: Crucible removes them when it opens the extent"},
    FindingInfo{sqlite_no_matching_row, "sqlite_no_matching_row", error,
                "no row of the block matches its data", needs_replica},

    FindingInfo{no_proven_copy, "no_proven_copy", error,
                "none of the replicas has data for the block that its context proves",
                "look for an older copy of the region; only if there is none, region-repair "
                "--forget makes it a block that was never written"},
    FindingInfo{needs_mix, "needs_mix", warning,
                "only replicas with other generation or flush numbers have the block",
                "region-repair --mix takes it all the same, and marks the extent dirty; first make "
                "sure that no replica with the same numbers can be had"},
    FindingInfo{repair_put_back, "repair_put_back", error,
                "the extent, or the region, was not better after the repair, which was put back",
                "look at the system's log for the disk; then copy the extent from a replica"},
    FindingInfo{changed_since_repair, "changed_since_repair", error,
                "the extent was changed after its repair; it was not taken back",
                "none with this undo file: what it has saved is no longer what the extent needs"},
    FindingInfo{wrong_tag, "wrong_tag", error, "the block does not decrypt: its tag does not match",
                "where every block is so, the key is another volume's; else nonce, tag or data is "
                "damaged, and the block needs a replica"},
};

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::note: return "note";
  }
  assertion_failed("a known Severity", __FILE__, __LINE__);
}

const FindingInfo& finding_info(FindingId id) {
  const FindingInfo& info = findings.at(static_cast<std::size_t>(id));
  LIBREGION_ASSERT(info.id == id);
  return info;
}

FindingId unreadable_finding_id(const Error& error) {
  constexpr std::array not_of_the_disk = {EACCES, EPERM, EMFILE, ENFILE, ENOMEM};
  const auto* system = dynamic_cast<const SystemError*>(&error);
  const bool is_of_the_disk =
      system == nullptr || std::find(not_of_the_disk.begin(), not_of_the_disk.end(),
                                     system->errno_value()) == not_of_the_disk.end();
  return is_of_the_disk ? FindingId::io_error : FindingId::not_accessible;
}

std::span<const FindingInfo> all_findings() { return findings; }

bool has_error(std::span<const Finding> found) {
  return std::any_of(found.begin(), found.end(), [](const Finding& finding) {
    return finding_info(finding.id).severity == Severity::error;
  });
}

}  // namespace libregion
