// All states that a crash may leave of a raw extent that is written in place: a share of them, and
// whether what decides them finds what is known to be wrong.

#include <doctest/doctest.h>

#include "tests/crash/extent_part.h"
#include "tests/crash/extent_protocols.h"
#include "tests/crash/replay_line.h"
#include "tests/crash/sync_mutation.h"

namespace libregion {
namespace {

// ---- known answers ------------------------------------------------------------------------------

const Geometry small = std::get<Geometry>(Geometry::make(512, 16));

// How many states are bad, of a write and of the flush after it.
std::uint64_t bad_states(ExtentStep write, const ExtentProtocol& protocol, CrashModel model) {
  ExtentCrasher crasher(small);
  crasher.crash({small, ExtentStart::written, {write}}, protocol, {{model}, 0});
  crasher.crash({small, ExtentStart::written, {write, ExtentStep::flush}}, protocol, {{model}, 0});
  CHECK(crasher.tally().states > 5);
  return crasher.tally().bad_states;
}

TEST_CASE("known answers: Crucible's protocol is right where writes are ordered, and only there") {
  const ExtentProtocol crucible{"zfs", WriteOrdering::zfs};
  for (const CrashModel model :
       {CrashModel::ordered, CrashModel::zfs, CrashModel::zfs_4k, CrashModel::zfs_512}) {
    CHECK(bad_states(ExtentStep::write_4, crucible, model) == 0);
  }
  CHECK(bad_states(ExtentStep::write_4, crucible, CrashModel::posix_512) > 10);
}

TEST_CASE(
    "known answers: with a sync before the data, and one before dirty is cleared, it is right") {
  const ExtentProtocol ours{"posix", WriteOrdering::posix};
  for (const CrashModel model :
       {CrashModel::ordered, CrashModel::zfs, CrashModel::zfs_4k, CrashModel::zfs_512,
        CrashModel::posix_4k, CrashModel::posix_512}) {
    CHECK(bad_states(ExtentStep::write_4, ours, model) == 0);
  }
}

TEST_CASE("known answers: Crucible before it synced the dirty mark does damage even on ZFS") {
  ExtentProtocol before{"dirty-mark-not-synced", WriteOrdering::zfs};
  before.without_sync = "dirty mark";
  CHECK(bad_states(ExtentStep::write_1, before, CrashModel::ordered) == 0);
  CHECK(bad_states(ExtentStep::write_1, before, CrashModel::zfs) == 1);
  CHECK(bad_states(ExtentStep::write_1, before, CrashModel::zfs_4k) > 0);
  CHECK(bad_states(ExtentStep::write_1, before, CrashModel::zfs_512) > 0);
}

// ---- the writer ---------------------------------------------------------------------------------

TEST_CASE("a share of the workloads keeps its promises in every state") {
  const StatesReport report = crash_extents(short_extent_plan(), {1});
  for (const CrashFailure& failure : report.failures) {
    CAPTURE(failure.line);
    CHECK(failure.what == "");
  }
  CHECK(report.workloads > 500);
  CHECK(report.tally.states > 1000000);
  CHECK(report.recoveries > 1000);
  CHECK(report.tally.torn_blocks > 0);
}

TEST_CASE("without any one of its syncs some state is bad, and its line says which") {
  const std::vector<SyncMutant> mutants = sync_mutants();
  std::vector<std::string> labels;
  for (const SyncMutant& mutant : mutants) {
    labels.push_back(mutant.protocol + ": " + mutant.label);
    CAPTURE(labels.back());
    CHECK(mutant.failure);
    if (!mutant.failure) continue;
    CAPTURE(mutant.failure->line);
    CHECK(replay(mutant.failure->line) == mutant.failure->what);
  }
  CHECK(labels == std::vector<std::string>{
                      "posix: before a second write", "posix: copies emptied",
                      "posix: defragment: bits and count", "posix: defragment: slots copied",
                      "posix: defragment: slots emptied", "posix: dirty mark", "posix: flush: bits",
                      "posix: flush: metadata", "posix: open", "posix: slots",
                      "zfs: before a second write", "zfs: copies emptied", "zfs: dirty mark",
                      "zfs: flush", "zfs: open"});
}

// ---- replaying ----------------------------------------------------------------------------------

TEST_CASE("the line of a failure repeats it, and is told from what is right") {
  const ExtentProtocol broken = protocol_named("crucible-elsewhere");
  const ExtentWorkload workload{small, ExtentStart::plain, {ExtentStep::write_10}};
  ExtentCrasher crasher(small);
  const auto failure = crasher.crash(workload, broken, {{CrashModel::posix_512}, 0});
  REQUIRE(failure);
  CHECK(
      failure->line.starts_with("extent protocol=crucible-elsewhere blocks=16x512 start=plain "
                                "steps=write-10 model=posix-512 call="));
  CHECK(replay(failure->line) == failure->what);
  CHECK(failure->what.find("not what was promised: block") != std::string::npos);

  std::string repaired = failure->line;
  repaired.replace(repaired.find("crucible-elsewhere"), 18, "posix");
  repaired.replace(repaired.find(" state="), std::string::npos, " state=-");
  CHECK(replay(repaired) == "");
}

TEST_CASE("a line that says nothing is refused") {
  const std::string line =
      "extent protocol=posix blocks=16x512 start=plain steps=write-1 model=ordered call=1 state=-";
  CHECK(replay(line) == "");
  const auto refused = [&](const std::string& part, const std::string& by) {
    std::string other = line;
    other.replace(other.find(part), part.size(), by);
    CHECK_THROWS_AS(replay(other), std::runtime_error);
  };
  refused("extent ", "extend ");
  refused("=posix", "=possix");
  refused("16x512", "16x513");
  refused("start=plain", "start=plane");
  refused("write-1", "write-2");
  refused("model=ordered", "model=disordered");
  refused("call=1", "call=100");
  refused("state=-", "state=7:1");
  refused(" state=-", "");
}

}  // namespace
}  // namespace libregion
