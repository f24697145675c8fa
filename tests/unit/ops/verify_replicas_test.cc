// What becomes of the differences between replicas: which one Crucible would copy over the others,
// and what that would lose.

#include "libregion/ops/verify_replicas.h"

#include <cerrno>
#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/open_replicas.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

using Texts = std::vector<std::string>;
using enum ContextSlot;

struct VerifiedReplicas {
  VerifyReplicasSummary summary;
  Texts findings;                // "1: reconciliation_loss 3-4"
  std::vector<Finding> found;    // the same
  std::vector<Reports> reports;  // of each replica
};

VerifiedReplicas verify_all_on(FileSystem& file_system, const Texts& paths,
                               const VerifyOptions& options = {}) {
  OpenReplicas open(file_system, paths);
  VerifiedReplicas verified;
  verified.summary = verify_replicas(open.replicas(), options);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (const Finding& finding : open.collectors[i].reports.findings) {
      std::string text = std::to_string(i) + ": " + std::string(finding_info(finding.id).name);
      if (finding.blocks) {
        text += " " + std::to_string(finding.blocks->first) + "-" +
                std::to_string(finding.blocks->end() - 1);
      }
      verified.findings.push_back(text);
      verified.found.push_back(finding);
    }
    verified.reports.push_back(std::move(open.collectors[i].reports));
  }
  return verified;
}

struct Replicas {
  explicit Replicas(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      regions.emplace_back(TestRegionOptions{512, 8, 1});
      put(i, written());
    }
  }
  [[nodiscard]] RawExtentBuilder written() const { return regions[0].raw().write_all(A); }
  void put(std::size_t replica, const RawExtentBuilder& built) {
    regions[replica].put_raw(0, built);
  }
  [[nodiscard]] VerifiedReplicas verify(const VerifyOptions& options = {}) const {
    PosixFileSystem file_system;
    Texts paths;
    for (const TestRegion& region : regions) paths.push_back(region.path());
    return verify_all_on(file_system, paths, options);
  }
  std::vector<TestRegion> regions;
};

TEST_CASE("equal replicas have nothing to reconcile, and what verifying finds is found in each") {
  Replicas replicas(3);
  CHECK(replicas.verify().findings.empty());
  replicas.put(1, replicas.written().corrupt_data(3));
  replicas.put(2, replicas.written().flip_active_bit(5));
  const auto verified = replicas.verify();
  CHECK(verified.findings == Texts{"1: no_matching_slot 3-3", "2: wrong_selected_slot 5-5"});
  CHECK(verified.summary.differing_count == 0);
  REQUIRE(verified.reports[1].extents.size() == 1);
  CHECK(fields_of(verified.reports[1].extents[0]) == "blocks=8 written=8 findings=1");
  CHECK(verified.summary.replicas[0].written_count == 8);
}

TEST_CASE("the source is named with the numbers of all") {
  Replicas replicas(3);
  replicas.put(1, replicas.written().set_numbers(2, 6));
  replicas.put(2, replicas.written().set_dirty());
  const auto verified = replicas.verify();
  CHECK(verified.findings == Texts{"1: reconciliation_source", "2: dirty_extent"});
  CHECK(verified.found[0].found == "0: gen 0 flush 0, 1: gen 2 flush 6, 2: gen 0 flush 0 dirty");
  CHECK(verified.summary.differing_count == 1);
  CHECK(verified.summary.lost_block_count == 0);
}

TEST_CASE("blocks that the source has lost and another replica still has are lost") {
  Replicas replicas(3);
  replicas.put(0, replicas.written().corrupt_data(4));
  replicas.put(
      1, replicas.written().set_numbers(1, 0).corrupt_data(2).corrupt_data(3).corrupt_data(4));
  replicas.put(2, replicas.written().corrupt_data(4));
  const auto verified = replicas.verify();
  CHECK(verified.findings == Texts{"0: no_matching_slot 4-4", "1: reconciliation_source",
                                   "1: reconciliation_loss 2-3", "1: no_matching_slot 2-4",
                                   "2: no_matching_slot 4-4"});
  const auto loss = only(FindingId::reconciliation_loss, verified.found);
  REQUIRE(loss.size() == 1);
  CHECK(loss[0].expected.starts_with("0: valid, data "));
  CHECK(loss[0].found.starts_with("1: no_match, data "));
  CHECK(loss[0].offset_bytes == 2 * 512);
  CHECK(loss[0].length_bytes == 2 * 512);
  CHECK(verified.summary.lost_block_count == 2);
}

TEST_CASE("what the source never had is lost where it was flushed elsewhere, and else it is not") {
  Replicas replicas(2);
  RawExtentBuilder source = replicas.regions[0].raw();
  for (std::uint64_t block = 0; block < 7; ++block) source.write(block);
  replicas.put(1, source.set_numbers(1, 0));
  CHECK(replicas.verify().findings ==
        Texts{"1: reconciliation_source", "1: reconciliation_loss 7-7"});
  replicas.put(0, replicas.written().set_dirty());
  CHECK(replicas.verify().findings == Texts{"0: dirty_extent", "1: reconciliation_source"});
}

TEST_CASE("a block that is newer in the source is no loss") {
  Replicas replicas(2);
  replicas.put(1, replicas.written().set_numbers(1, 0).write(3, B, 1));
  CHECK(replicas.verify().findings == Texts{"1: reconciliation_source"});
}

TEST_CASE("blocks that contradict each other where nothing would be reconciled") {
  Replicas replicas(3);
  replicas.put(1, replicas.written().write(3, A, 1).write(4, A, 1));
  const auto verified = replicas.verify();
  CHECK(verified.findings == Texts{"1: replicas_contradict 3-4"});
  CHECK(verified.found[0].expected.starts_with("0: valid, data "));
  CHECK(verified.summary.contradicting_block_count == 2);
}

TEST_CASE("a replica without the extent is no source, and is to be reconciled") {
  Replicas replicas(3);
  replicas.regions[0].remove("00/000/000");
  CHECK(replicas.verify().findings == Texts{"0: missing_extent", "1: reconciliation_source"});
  replicas.put(0, replicas.written().set_dirty(2));
  CHECK(replicas.verify().findings == Texts{"0: bad_metadata", "1: reconciliation_source"});
}

TEST_CASE("repairs that are pending, strays and surplus are found as when each is verified") {
  Replicas replicas(2);
  replicas.regions[1].make_directory("00/000/000.copy");
  replicas.regions[1].put_file("00/000/000.db-wal", std::string_view("x"));
  replicas.regions[1].put_file("stray", std::string_view("x"));
  CHECK(replicas.verify().findings == Texts{"1: copy_pending", "1: stray_wal", "1: stray_file"});
}

TEST_CASE("a replacement that cannot be used is found in the replica that has it") {
  Replicas replicas(2);
  replicas.regions[1].make_directory("00/000/000.replace");
  replicas.regions[1].put_file("00/000/000.replace/000", std::string_view("half a file"));
  const auto found = replicas.verify().findings;
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "1: replace_pending");
  CHECK(found[1].starts_with("1: "));
}

TEST_CASE("blocks apart from each other, or lost to another replica, are findings of their own") {
  Replicas replicas(3);
  replicas.put(1, replicas.written().set_numbers(1, 0).corrupt_data(1).corrupt_data(3));
  replicas.put(2, replicas.written().corrupt_data(3));
  CHECK(replicas.verify().findings == Texts{"1: reconciliation_source",
                                            "1: reconciliation_loss 1-1",
                                            "1: reconciliation_loss 3-3", "1: no_matching_slot 1-1",
                                            "1: no_matching_slot 3-3", "2: no_matching_slot 3-3"});
  replicas.put(1, replicas.written().write(3, A, 1));
  replicas.put(2, replicas.written().write(4, A, 1).write(6, A, 1));
  CHECK(replicas.verify().findings == Texts{"1: replicas_contradict 3-3",
                                            "2: replicas_contradict 4-4",
                                            "2: replicas_contradict 6-6"});
}

TEST_CASE("of selected extents alone nothing beside them is looked at") {
  Replicas replicas(2);
  replicas.regions[1].put_file("stray", std::string_view("x"));
  VerifyOptions options;
  options.walk.extents = ExtentSelection::parse("0");
  CHECK(replicas.verify(options).findings.empty());
}

TEST_CASE("a block that the source cannot read is lost where another replica has it") {
  Replicas replicas(2);
  replicas.put(1, replicas.written().set_numbers(1, 0));
  MemoryFileSystem memory;
  memory.load(replicas.regions[0].path(), "/a");
  memory.load(replicas.regions[1].path(), "/b");
  HookedFileSystem hooked(memory);
  hooked.hooks.before_read = [](const std::string& path, std::uint64_t offset_bytes) {
    if (!path.ends_with("/b/00/000/000") || offset_bytes >= 8 * 512UL) return;
    if (offset_bytes == 0 || offset_bytes == 5 * 512UL) {
      throw_system_error(EIO, {"pread", path, offset_bytes});
    }
  };
  const auto verified = verify_all_on(hooked, {"/a", "/b"});
  CHECK(verified.summary.replicas[1].has_io_errors);
  const auto loss = only(FindingId::reconciliation_loss, verified.found);
  REQUIRE_FALSE(loss.empty());
  CHECK(loss.back().blocks == BlockRange{5, 1});
  CHECK(loss.back().found == "1: unreadable");
}

TEST_CASE("a source that is too short has lost what others have behind its end") {
  Replicas replicas(2);
  for (std::size_t i = 0; i < 2; ++i) {
    replicas.regions[i].remove("00/000/000");
    replicas.regions[i].put_sqlite(0, 8);
  }
  std::filesystem::resize_file(replicas.regions[1].path_of(0), 5 * 512);
  const auto findings = replicas.verify().findings;
  CHECK(std::count(findings.begin(), findings.end(), "1: short_data_file") == 1);
}

TEST_CASE("verifying replicas changes nothing, on one thread and on several") {
  Replicas replicas(2);
  replicas.put(1, replicas.written().set_dirty().corrupt_data(1));
  const auto before = replicas.regions[1].snapshot();
  VerifyOptions options;
  options.walk.jobs = 4;
  CHECK(replicas.verify(options).findings == replicas.verify().findings);
  CHECK(replicas.regions[1].snapshot() == before);
}

TEST_CASE("what was found in an extent that somebody opened meanwhile is dropped") {
  Replicas replicas(2);
  replicas.put(1, replicas.written().corrupt_data(1));
  MemoryFileSystem memory;
  memory.load(replicas.regions[0].path(), "/a");
  memory.load(replicas.regions[1].path(), "/b");
  HookedFileSystem hooked(memory);
  bool is_open = false;
  hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) {
    if (is_open || !path.ends_with("/b/00/000/000")) return;
    is_open = true;
    memory.open_elsewhere("/b/00/000/000", Access::read_write);
  };
  const auto verified = verify_all_on(hooked, {"/a", "/b"});
  CHECK(verified.findings == Texts{"1: changed_while_read"});
  CHECK(verified.summary.replicas[1].has_changed);
}

TEST_CASE("whichever read fails, it is told, and the other replica is verified") {
  Replicas replicas(2);
  MemoryFileSystem memory;
  memory.load(replicas.regions[0].path(), "/a");
  memory.load(replicas.regions[1].path(), "/b");
  const auto check = [](MemoryFileSystem& file_system) {
    const auto verified = verify_all_on(file_system, {"/a", "/b"});
    CHECK(verified.summary.replicas[0].written_count == 8);
    const bool is_told = !only(FindingId::io_error, verified.found).empty();
    CHECK(verified.summary.replicas[1].has_io_errors == is_told);
    CHECK((is_told || verified.summary.replicas[1].written_count == 8));
  };
  CHECK(on_each_failing_read(memory, "/b/00/000/000", check) > 3);
}

}  // namespace
}  // namespace libregion
