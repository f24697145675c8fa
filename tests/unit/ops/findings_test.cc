// Every finding there is, each from the smallest region that has it.

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/format/block_decryption.h"
#include "libregion/ops/dump_slots.h"
#include "libregion/ops/verify_replicas.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/older_sqlite.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/repair_scenarios.h"
#include "tests/unit/ops/run_region.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

using enum FindingId;
using Findings = std::vector<Finding>;
using enum ContextSlot;

struct Example {
  FindingId id;
  std::function<Findings()> find;
};

Findings find_in_definition(const std::function<void(const TestRegion&)>& change) {
  TestRegion region;
  change(region);
  PosixFileSystem file_system;
  return open_region(file_system, region.path(), {}).findings;
}

Findings verify_findings(const std::function<void(TestRegion&)>& change, bool encrypted = false) {
  TestRegion region({512, 12, 1, encrypted});
  region.put_raw(0);
  change(region);
  return verify(region).reports.findings;
}

// Of a raw extent with 12 blocks on slot A, flush number 4.
Example raw(FindingId id, const std::function<void(RawExtentBuilder&)>& change) {
  return {id, [=] {
            return verify_findings([&](TestRegion& region) {
              RawExtentBuilder built = region.raw().write_all(A).set_numbers(1, 4);
              change(built);
              region.put_raw(0, built);
            });
          }};
}

// Of a clean SQLite extent without rows, changed by these statements.
Example sqlite(FindingId id, const std::string& sql) {
  return {id, [=] {
            return verify_findings([&](TestRegion& region) { region.put_sqlite_with(0, sql); });
          }};
}

// Of something beside, or in place of, the files of extent 0.
Example files(FindingId id, const std::function<void(TestRegion&)>& change) {
  return {id, [=] { return verify_findings(change); }};
}

Findings find_on_failing_disk(int errno_value) {
  TestRegion region({512, 12, 1});
  region.put_raw(0);
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  disk.add_fault({errno_value, CallKind::read, "/r/00/000/000", 0, true});
  return verify_on(disk, "/r").reports.findings;
}

Findings find_with_somebody_else() {
  TestRegion region({512, 12, 1});
  region.put_raw(0);
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  HookedFileSystem hooked(disk);
  bool is_open = false;
  hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) {
    if (is_open || !path.ends_with("00/000/000")) return;
    is_open = true;
    disk.open_elsewhere("/r/00/000/000", Access::read_write);
  };
  return verify_on(hooked, "/r").reports.findings;
}

void put_text(const TestRegion& region, const std::string& name, std::string_view text) {
  region.put_file("00/000/" + name, text);
}

void edit_definition(const TestRegion& region, const std::string& member) {
  std::string text = to_text(region.file("region.json"));
  region.put_file("region.json", text.insert(1, member));
}

Findings open_older(const UseOptions& use) {
  TestRegion region;
  make_definition_older(region);
  PosixFileSystem file_system;
  return open_region(file_system, region.path(), use).findings;
}

// Of two replicas of one extent, all of whose blocks are written, each changed in its way.
Findings verify_two(const std::function<void(RawExtentBuilder&)>& change_left,
                    const std::function<void(RawExtentBuilder&)>& change_right) {
  TestRegion left({512, 12, 1});
  TestRegion right({512, 12, 1});
  RawExtentBuilder left_built = left.raw().write_all(A);
  RawExtentBuilder right_built = right.raw().write_all(A);
  change_left(left_built);
  change_right(right_built);
  left.put_raw(0, left_built);
  right.put_raw(0, right_built);
  PosixFileSystem file_system;
  const auto left_opened = open_region(file_system, left.path(), {});
  const auto right_opened = open_region(file_system, right.path(), {});
  ReportCollector collector;
  const std::array<DumpReplica, 2> replicas = {
      {{&*left_opened.region, &collector}, {&*right_opened.region, &collector}}};
  verify_replicas(replicas, {});
  return std::move(collector.reports.findings);
}

std::vector<Example> examples_of_replicas() {
  const auto nothing = [](RawExtentBuilder&) {};
  return {
      {reconciliation_source,
       [=] {
         return verify_two(nothing, [](RawExtentBuilder& built) { built.set_numbers(1, 0); });
       }},
      {reconciliation_loss,
       [=] {
         return verify_two(
             nothing, [](RawExtentBuilder& built) { built.set_numbers(1, 0).corrupt_data(3); });
       }},
      {replicas_contradict,
       [=] { return verify_two(nothing, [](RawExtentBuilder& built) { built.write(3, A, 1); }); }},
  };
}

std::vector<Example> examples_of_files() {
  return {
      {definition_missing,
       [] { return find_in_definition([](const auto& region) { region.remove("region.json"); }); }},
      {definition_invalid,
       [] {
         return find_in_definition(
             [](const auto& region) { put_text(region, "../../region.json", "{}"); });
       }},
      {definition_unknown_member,
       [] {
         return find_in_definition([](const auto& region) { edit_definition(region, "\"x\":1,"); });
       }},
      {definition_older, [] { return open_older({}); }},
      {older_in_place, [] { return open_older({Access::read_write}); }},
      files(extra_extent, [](TestRegion& region) { region.put_raw(1); }),
      files(stray_file, [](TestRegion& region) { put_text(region, "readme", ""); }),
      files(missing_extent, [](TestRegion& region) { region.remove("00/000/000"); }),
      files(not_a_regular_file,
            [](TestRegion& region) {
              region.remove("00/000/000");
              region.put_fifo("00/000/000");
            }),
      files(several_links,
            [](TestRegion& region) { region.put_hard_link("other", region.path_of(0)); }),
      {io_error, [] { return find_on_failing_disk(EIO); }},
      {not_accessible, [] { return find_on_failing_disk(EACCES); }},
      {changed_while_read, find_with_somebody_else},
      files(copy_pending, [](TestRegion& region) { region.make_directory("00/000/000.copy"); }),
      files(replace_pending,
            [](TestRegion& region) { region.make_directory("00/000/000.replace"); }),
      files(completed_pending,
            [](TestRegion& region) { region.make_directory("00/000/000.completed"); }),
      files(replace_format_mismatch,
            [](TestRegion& region) {
              region.make_directory("00/000/000.replace");
              put_text(region, "000.replace/000", "");
              put_text(region, "000.replace/000.db", "");
            }),
      files(replace_unusable,
            [](TestRegion& region) { region.make_directory("00/000/000.replace"); }),
      files(stray_wal, [](TestRegion& region) { put_text(region, "000.db-wal", ""); }),
      files(stray_shm, [](TestRegion& region) { put_text(region, "000.db-shm", ""); }),
  };
}

std::vector<Example> examples_of_raw_extents() {
  return {
      raw(wrong_size, [](auto& built) { built.resize(100); }),
      raw(unknown_version, [](auto& built) { built.set_version(3); }),
      raw(bad_metadata, [](auto& built) { built.set_dirty(2); }),
      raw(metadata_padding, [](auto& built) { built.set_metadata_padding(1); }),
      raw(unused_bits_set, [](auto& built) { built.set_unused_bits(0x80); }),
      raw(dirty_extent, [](auto& built) { built.set_dirty(); }),
      {reconciliation_due,
       [] {
         TestRegion region({512, 12, 1});
         region.put_raw(0, region.raw().write_all(A).set_dirty());
         return import(region, Bytes(512)).reports.findings;
       }},
      raw(wrong_selected_slot, [](auto& built) { built.flip_active_bit(5); }),
      raw(no_matching_slot, [](auto& built) { built.corrupt_data(5); }),
      raw(data_without_context, [](auto& built) { built.clear_slot(A, 5); }),
      raw(bad_active_slot, [](auto& built) { built.set_slot_tag(A, 5, 2); }),
      raw(bad_inactive_slot, [](auto& built) { built.set_slot_tag(B, 5, 2); }),
      raw(slot_stray_bytes, [](auto& built) { built.set_slot_byte(A, 5, 40, 1); }),
      raw(flush_id_ahead, [](auto& built) { built.set_slot_byte(A, 5, 18, 5); }),
      raw(integrity_hash_mismatch, [](auto& built) { built.corrupt_slot_byte(A, 5, 1); }),
      {context_kind_mismatch,
       [] {
         return verify_findings([](auto& region) { region.put_raw(0, region.raw().write(1)); },
                                /*encrypted=*/true);
       }},
  };
}

void put_database(TestRegion& region, const std::function<void(Bytes&)>& change) {
  region.put_sqlite(0, 12);
  Bytes database = region.file("00/000/000.db");
  change(database);
  region.put_file("00/000/000.db", database);
}

void put_killed(TestRegion& region, bool data_arrives) {
  const auto writer = region.make_sqlite(0);
  writer->write(3, region.data_for(3), std::nullopt, data_arrives);
  writer->die();
}

std::vector<Example> examples_of_databases() {
  return {
      files(sqlite_not_a_database,
            [](auto& region) { put_database(region, [](Bytes& bytes) { bytes[0] = {}; }); }),
      files(sqlite_empty_file,
            [](auto& region) { put_database(region, [](Bytes& bytes) { bytes.clear(); }); }),
      files(sqlite_corrupt,
            [](auto& region) { put_database(region, [](Bytes& bytes) { bytes.resize(8192); }); }),
      files(sqlite_too_large,
            [](auto& region) {
              region.put_sqlite(0, 1);
              std::filesystem::resize_file(region.path_of(0, ExtentPart::db),
                                           (std::uint64_t{1} << 30) + 4096);
            }),
      files(sqlite_hot_journal,
            [](auto& region) {
              region.put_sqlite(0, 1);
              put_text(region, "000.db-journal", "\xd9\xd5\x05\xf9");
            }),
      files(sqlite_invalid_wal,
            [](auto& region) {
              region.put_sqlite(0, 1);
              put_text(region, "000.db-wal", "no log");
            }),
      files(sqlite_hot_wal, [](auto& region) { put_killed(region, true); }),
      files(sqlite_stale_rows, [](auto& region) { put_killed(region, false); }),
      files(short_data_file,
            [](auto& region) {
              region.put_sqlite(0, 1);
              std::filesystem::resize_file(region.path_of(0), 512);
            }),
      files(partial_migration,
            [](auto& region) {
              region.put_sqlite(0, 1);
              std::filesystem::resize_file(region.path_of(0), 12 * 512 + 1);
            }),
      sqlite(sqlite_unknown_schema, "DROP TABLE metadata"),
      sqlite(sqlite_without_hashes, "DROP TABLE block_context"),
      sqlite(sqlite_older_generation, "DROP TABLE block_context;" + contexts_of_s4),
      sqlite(sqlite_bad_number, "DELETE FROM metadata WHERE name = 'dirty'"),
      sqlite(sqlite_odd_dirty, "UPDATE metadata SET value = 2 WHERE name = 'dirty'"),
      sqlite(sqlite_odd_version, "UPDATE metadata SET value = 2 WHERE name = 'ext_version'"),
      sqlite(sqlite_bad_row, "INSERT INTO block_context VALUES (1, NULL, NULL, NULL, 1)"),
      sqlite(sqlite_row_out_of_range, "INSERT INTO block_context VALUES (12, 1, NULL, NULL, 1)"),
      sqlite(sqlite_half_encrypted_row,
             "INSERT INTO block_context VALUES (1, 1, zeroblob(12), NULL, 1)"),
      sqlite(sqlite_no_matching_row, "INSERT INTO block_context VALUES (1, 1, NULL, NULL, 1)"),
  };
}

// ---- what a repair has to say -------------------------------------------------------------------

// Of a region with one damaged block, repaired from a replica.
Findings find_in_repair(
    const std::function<void(TestRegion& region, TestRegion& replica)>& change) {
  TestRegion region({512, 12, 1});
  TestRegion replica({512, 12, 1});
  region.put_raw(0, region.raw().write_all(A).set_numbers(1, 4).corrupt_data(5));
  replica.put_raw(0, region.raw().write_all(A).set_numbers(1, 4));
  change(region, replica);
  PosixFileSystem file_system;
  const auto target = open_region(file_system, region.path(), {});
  const auto source = open_region(file_system, replica.path(), {});
  RepairOptions options;
  options.replicas = {&*source.region};
  ReportCollector collector;
  repair_region(*target.region, options, collector);
  return std::move(collector.reports.findings);
}

// The extent cannot be read any more once it was changed.
Findings find_put_back() {
  const RepairScenario& scenario = repair_scenario("wrong bits of 7 blocks");
  for (std::uint64_t number = 0;; ++number) {
    const auto memory = scenario.before->copy();
    const Region region = open_for(*memory, Access::read_write);
    memory->add_fault({EIO, CallKind::read, "", number});
    RepairOptions options;
    options.dry_run = false;
    options.undo_path = undo_path;
    options.undo_file_system = memory.get();
    ReportCollector collector;
    RepairSummary summary;
    try {
      summary = repair_region(region, options, collector);
    } catch (const Error&) {
      continue;  // it was not the extent that could not be read
    }
    REQUIRE(memory->faults_hit() > 0);
    if (summary.put_back_count > 0) return std::move(collector.reports.findings);
  }
}

Findings find_in_undo() {
  const RepairScenario& scenario = repair_scenario("wrong bits of 7 blocks");
  const auto memory = scenario.before->copy();
  repair(*memory, scenario);
  const std::string path = "/r/00/000/000";
  Bytes content = memory->content_of(path);
  content.end()[-20] ^= std::byte{1};  // the flush number
  memory->remove(path);
  memory->add_file(path, content);
  const Region region = open_for(*memory, Access::read_write);
  const auto root = std::get<std::unique_ptr<Directory>>(memory->open_directory("/"));
  const UndoFile file(open_file_in(*root, undo_path.substr(1), Access::read));
  ReportCollector collector;
  undo_repair(region, file, {.dry_run = false}, collector);
  return std::move(collector.reports.findings);
}

Findings find_with_wrong_key() {
  TestRegion region({512, 12, 1, true});
  region.put_raw(0, region.raw().write_encrypted(5));
  const auto key = EncryptionKey::parse(Bytes(EncryptionKey::size_bytes));
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  ReportCollector collector;
  dump_slots(*opened.region, {}, nullptr, collector, &*key);
  return std::move(collector.reports.findings);
}

std::vector<Example> examples_of_repairs() {
  return {
      {no_proven_copy,
       [] {
         return find_in_repair([](TestRegion& region, TestRegion& replica) {
           replica.put_raw(0, region.raw().write_all(A).set_numbers(1, 4).corrupt_data(5));
         });
       }},
      {needs_mix,
       [] {
         return find_in_repair([](TestRegion& region, TestRegion& replica) {
           replica.put_raw(0, region.raw().write_all(A).set_numbers(1, 3));
         });
       }},
      {repair_put_back, find_put_back},
      {changed_since_repair, find_in_undo},
      {wrong_tag, find_with_wrong_key},
  };
}

std::vector<Example> all_examples() {
  std::vector<Example> all = examples_of_files();
  for (auto& more : {examples_of_raw_extents(), examples_of_databases(), examples_of_replicas(),
                     examples_of_repairs()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

TEST_CASE("every finding is made of the region that has it") {
  for (const Example& example : all_examples()) {
    CAPTURE(finding_info(example.id).name);
    if (example.id == wrong_tag && !has_decryption()) continue;
    const Findings findings = example.find();
    CAPTURE(names_of(findings));
    CHECK_FALSE(only(example.id, findings).empty());
  }
}

TEST_CASE("no finding is without an example") {
  const std::vector<Example> all = all_examples();
  for (const FindingInfo& info : all_findings()) {
    CAPTURE(info.name);
    CHECK(std::count_if(all.begin(), all.end(),
                        [&](const Example& example) { return example.id == info.id; }) == 1);
  }
}

TEST_CASE("a sound region has no finding at all") {
  CHECK(names_of(verify_findings([](auto& region) { region.put_sqlite(0, 12); })) == "");
  CHECK(names_of(verify_findings(
            [](auto& region) { region.put_raw(0, region.raw().write_all(A)); })) == "");
}

}  // namespace
}  // namespace libregion
