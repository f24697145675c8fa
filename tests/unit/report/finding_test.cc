#include "libregion/report/finding.h"

#include <iterator>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

namespace libregion {
namespace {

// All findings in their order, with the severities that tools promise. Adding one to the library
// without adding it here does not compile, or fails.
#define LIBREGION_FINDINGS(FINDING)           \
  FINDING(definition_missing, error)          \
  FINDING(definition_invalid, error)          \
  FINDING(definition_unknown_member, note)    \
  FINDING(definition_older, warning)          \
  FINDING(older_in_place, error)              \
  FINDING(extra_extent, warning)              \
  FINDING(stray_file, note)                   \
  FINDING(missing_extent, error)              \
  FINDING(not_a_regular_file, error)          \
  FINDING(several_links, error)               \
  FINDING(io_error, error)                    \
  FINDING(not_accessible, error)              \
  FINDING(changed_while_read, warning)        \
  FINDING(wrong_size, error)                  \
  FINDING(unknown_version, error)             \
  FINDING(bad_metadata, error)                \
  FINDING(metadata_padding, warning)          \
  FINDING(unused_bits_set, warning)           \
  FINDING(dirty_extent, note)                 \
  FINDING(reconciliation_due, warning)        \
  FINDING(reconciliation_source, warning)     \
  FINDING(reconciliation_loss, error)         \
  FINDING(replicas_contradict, error)         \
  FINDING(wrong_selected_slot, error)         \
  FINDING(no_matching_slot, error)            \
  FINDING(data_without_context, error)        \
  FINDING(bad_active_slot, error)             \
  FINDING(bad_inactive_slot, error)           \
  FINDING(slot_stray_bytes, warning)          \
  FINDING(flush_id_ahead, warning)            \
  FINDING(integrity_hash_mismatch, error)     \
  FINDING(context_kind_mismatch, error)       \
  FINDING(copy_pending, warning)              \
  FINDING(replace_pending, warning)           \
  FINDING(completed_pending, warning)         \
  FINDING(replace_format_mismatch, error)     \
  FINDING(replace_unusable, error)            \
  FINDING(partial_migration, warning)         \
  FINDING(stray_wal, warning)                 \
  FINDING(stray_shm, warning)                 \
  FINDING(short_data_file, error)             \
  FINDING(sqlite_not_a_database, error)       \
  FINDING(sqlite_empty_file, error)           \
  FINDING(sqlite_corrupt, error)              \
  FINDING(sqlite_too_large, error)            \
  FINDING(sqlite_hot_journal, error)          \
  FINDING(sqlite_invalid_wal, warning)        \
  FINDING(sqlite_hot_wal, note)               \
  FINDING(sqlite_unknown_schema, error)       \
  FINDING(sqlite_older_generation, warning)   \
  FINDING(sqlite_without_hashes, error)       \
  FINDING(sqlite_bad_number, error)           \
  FINDING(sqlite_bad_row, error)              \
  FINDING(sqlite_row_out_of_range, warning)   \
  FINDING(sqlite_half_encrypted_row, warning) \
  FINDING(sqlite_odd_dirty, warning)          \
  FINDING(sqlite_odd_version, warning)        \
  FINDING(sqlite_stale_rows, note)            \
  FINDING(sqlite_no_matching_row, error)      \
  FINDING(no_proven_copy, error)              \
  FINDING(needs_mix, warning)                 \
  FINDING(repair_put_back, error)             \
  FINDING(changed_since_repair, error)        \
  FINDING(wrong_tag, error)

struct Promise {
  FindingId id;
  Severity severity;
};

#define LIBREGION_PROMISE(name, severity) {FindingId::name, Severity::severity},
constexpr Promise promises[] = {LIBREGION_FINDINGS(LIBREGION_PROMISE)};
#undef LIBREGION_PROMISE

// An id as the code spells it. The compiler refuses this switch if it lacks one.
#define LIBREGION_CASE(name, severity) \
  case FindingId::name: return #name;
std::string_view spelling(FindingId id) {
  switch (id) { LIBREGION_FINDINGS(LIBREGION_CASE) }
  return "";
}
#undef LIBREGION_CASE

TEST_CASE("the table has one row for each id, in the order of the ids") {
  REQUIRE(all_findings().size() == std::size(promises));
  for (std::size_t i = 0; i < all_findings().size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<std::size_t>(all_findings()[i].id) == i);
    CHECK(all_findings()[i].id == promises[i].id);
  }
}

TEST_CASE("a finding's name in records is its id, as it is spelled in the code") {
  for (const FindingInfo& info : all_findings()) CHECK(info.name == spelling(info.id));
}

TEST_CASE("names are unique, and lower-case words joined by underscores") {
  std::set<std::string_view> names;
  for (const FindingInfo& info : all_findings()) {
    CAPTURE(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(info.name.find("__") == std::string_view::npos);
    CHECK_FALSE(info.name.starts_with('_'));
    CHECK_FALSE(info.name.ends_with('_'));
  }
}

TEST_CASE("a finding's severity is the one that is promised") {
  for (const Promise& promise : promises) {
    CAPTURE(spelling(promise.id));
    CHECK(severity_name(finding_info(promise.id).severity) == severity_name(promise.severity));
  }
}

TEST_CASE("each finding has a message and a remedy, each of one line, without a full stop") {
  for (const FindingInfo& info : all_findings()) {
    CAPTURE(info.name);
    for (const std::string_view text : {info.message, info.remedy}) {
      CAPTURE(text);
      REQUIRE_FALSE(text.empty());
      CHECK(text.find_first_of("\n\t\r") == std::string_view::npos);
      CHECK_FALSE(text.starts_with(' '));
      CHECK_FALSE(text.ends_with(' '));
      CHECK_FALSE(text.ends_with('.'));
      CHECK(text.find("  ") == std::string_view::npos);
    }
  }
}

TEST_CASE("no two findings have the same message") {
  std::set<std::string_view> messages;
  for (const FindingInfo& info : all_findings()) {
    CAPTURE(info.message);
    CHECK(messages.insert(info.message).second);
  }
}

TEST_CASE("a row is found by its id") {
  for (const Promise& promise : promises) {
    CHECK(finding_info(promise.id).id == promise.id);
    CHECK(&finding_info(promise.id) == &all_findings()[static_cast<std::size_t>(promise.id)]);
  }
}

TEST_CASE("severities are named as in records") {
  CHECK(severity_name(Severity::error) == "error");
  CHECK(severity_name(Severity::warning) == "warning");
  CHECK(severity_name(Severity::note) == "note");
}

TEST_CASE("a finding says no more than it is told") {
  const Finding finding{FindingId::missing_extent};
  CHECK_FALSE(finding.extent.has_value());
  CHECK(finding.file.empty());
  CHECK_FALSE(finding.blocks.has_value());
  CHECK_FALSE(finding.offset_bytes.has_value());
  CHECK(finding.length_bytes == 0);
  CHECK(finding.expected.empty());
  CHECK(finding.found.empty());
}

}  // namespace
}  // namespace libregion
