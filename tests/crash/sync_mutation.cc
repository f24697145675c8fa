#include "tests/crash/sync_mutation.h"

#include <map>
#include <set>

#include "tests/crash/extent_protocols.h"

namespace libregion {
namespace {

// Defragmenting is one operation, whoever wrote the extent before: it has to hold everywhere, and
// is asked where it is hardest. Its first sync is for what no writer here can leave, as the extent
// of a service of Crucible that was killed where writes are not ordered; that is put together by
// hand in tests/unit/ops/defragment_crash_test.cc.
bool belongs_to(const ExtentProtocol& protocol, const std::string& label) {
  if (!label.starts_with("defragment")) return true;
  return protocol.ordering == WriteOrdering::posix && label != "defragment: before anything";
}

std::vector<ExtentWorkload> workloads() {
  std::vector<ExtentWorkload> all;
  for (const auto& [block_count, steps_max] :
       std::map<std::uint64_t, std::size_t>{{10, 3}, {8, 2}}) {
    const Geometry geometry = std::get<Geometry>(Geometry::make(512, block_count));
    for (const auto& steps : step_sequences(geometry, steps_max)) {
      for (const ExtentStart start :
           {ExtentStart::plain, ExtentStart::encrypted_a, ExtentStart::encrypted_b}) {
        all.push_back({geometry, start, steps});
      }
    }
  }
  return all;
}

std::set<std::string> labels_of(const ExtentWorkload& workload, const ExtentProtocol& protocol) {
  ExtentSession session(workload.geometry, workload.start, protocol);
  for (const ExtentStep step : workload.steps) session.run(step);
  std::set<std::string> labels;
  for (const auto& [number, label] : session.labelled_syncs()) labels.insert(label);
  return labels;
}

}  // namespace

std::vector<SyncMutant> sync_mutants() {
  std::vector<SyncMutant> mutants;
  std::map<std::pair<WriteOrdering, std::string>, std::optional<CrashFailure>> found;
  for (const ExtentSuite& suite : extent_suites()) {
    for (const ExtentWorkload& workload : workloads()) {
      for (const std::string& label : labels_of(workload, suite.protocol)) {
        if (!belongs_to(suite.protocol, label)) continue;
        auto& failure = found[{suite.protocol.ordering, label}];
        if (failure) continue;
        ExtentCrasher crasher(workload.geometry);
        failure = crasher.crash(workload, without_sync(suite.protocol, label), {suite.models, 0});
      }
    }
  }
  for (auto& [sync, failure] : found) {
    mutants.push_back(
        {sync.first == WriteOrdering::posix ? "posix" : "zfs", sync.second, std::move(failure)});
  }
  return mutants;
}

}  // namespace libregion
