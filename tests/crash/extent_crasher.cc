#include "tests/crash/extent_crasher.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/crash/step_sequences.h"

namespace libregion {

std::string describe(const ExtentWorkload& workload, const ExtentProtocol& protocol) {
  std::string steps;
  for (const ExtentStep step : workload.steps) {
    steps += (steps.empty() ? "" : ",") + std::string(extent_step_name(step));
  }
  return fmt::format("extent protocol={} blocks={}x{} start={} steps={}", protocol.name,
                     workload.geometry.extent_size_blocks(), workload.geometry.block_size_bytes(),
                     extent_start_name(workload.start), steps);
}

namespace {

std::vector<ExtentSuite> make_extent_suites() {
  const std::vector<CrashModel> ordered = {CrashModel::ordered, CrashModel::zfs, CrashModel::zfs_4k,
                                           CrashModel::zfs_512};
  const std::vector<CrashModel> all = {CrashModel::ordered,  CrashModel::zfs,
                                       CrashModel::zfs_4k,   CrashModel::zfs_512,
                                       CrashModel::posix_4k, CrashModel::posix_512};
  std::vector<ExtentSuite> suites = {{{"posix", WriteOrdering::posix}, all},
                                     {{"zfs", WriteOrdering::zfs}, ordered},
                                     {{"posix-defragmenting", WriteOrdering::posix}, all},
                                     {{"zfs-defragmenting", WriteOrdering::zfs}, ordered}};
  for (std::size_t i = 2; i < suites.size(); ++i) suites[i].protocol.defragment_threshold = 0;
  return suites;
}

}  // namespace

const std::vector<ExtentSuite>& extent_suites() {
  static const std::vector<ExtentSuite> suites = make_extent_suites();
  return suites;
}

std::vector<std::vector<ExtentStep>> step_sequences(const Geometry& geometry,
                                                    std::size_t steps_max) {
  return sequences_of(steps_for(geometry), steps_max);
}

namespace {

// Which syncs the protocol leaves out.
std::vector<std::uint64_t> syncs_left_out(const ExtentWorkload& workload,
                                          const ExtentProtocol& protocol) {
  std::vector<std::uint64_t> numbers;
  if (protocol.without_sync.empty()) return numbers;
  ExtentSession session(workload.geometry, workload.start, protocol);
  for (const ExtentStep step : workload.steps) session.run(step);
  for (const auto& [number, label] : session.labelled_syncs()) {
    if (label == protocol.without_sync) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

std::unique_ptr<ExtentSession> start_session(const ExtentWorkload& workload,
                                             const ExtentProtocol& protocol) {
  auto session = std::make_unique<ExtentSession>(workload.geometry, workload.start, protocol);
  for (const std::uint64_t number : syncs_left_out(workload, protocol)) {
    session->disk().ignore_sync_at(number);
  }
  return session;
}

std::optional<CrashFailure> ExtentCrasher::crash(const ExtentWorkload& workload,
                                                 const ExtentProtocol& protocol,
                                                 const Options& options) {
  const auto session = start_session(workload, protocol);
  for (std::size_t i = 0; i + 1 < workload.steps.size(); ++i) session->run(workload.steps[i]);

  std::optional<CrashFailure> failure;
  const auto fail = [&](CrashModel model, std::uint64_t number, const CrashStates::Choice& choice,
                        const std::string& what) {
    failure = {fmt::format("{} model={} call={} state={}", describe(workload, protocol),
                           crash_model_name(model), number, CrashStates::text_of(choice)),
               what};
  };
  session->run(workload.steps.back(), [&](std::uint64_t number) {
    if (failure) return;
    for (const CrashModel model : options.models) {
      const auto found = judge_.decide(session->file(), model, session->promise(), tally_);
      if (found) return fail(model, number, found->choice, found->what);
    }
    for (std::uint64_t i = 0; i < options.recoveries; ++i) {
      const CrashModel model = options.models.back();
      const CrashStates states(session->disk(), model);
      const auto choice = states.sample(next_seed_++);
      const auto left = states.state(choice);
      const std::string problem = problem_of_recovery(
          workload, protocol, options, left->content_of(ExtentSession::path), session->promise());
      if (!problem.empty()) return fail(model, number, choice, problem);
    }
  });
  return failure;
}

// The service starts again, flushes, and then the extent is defragmented.
std::string ExtentCrasher::problem_of_recovery(const ExtentWorkload& workload,
                                               const ExtentProtocol& protocol,
                                               const Options& options, const Bytes& content,
                                               const ExtentPromise& promise) {
  const auto found = judge_.found_in(content, promise);
  if (!found) return {};  // a torn block: Crucible would refuse the extent
  ++recovery_count_;
  ExtentSession session(workload.geometry, content, *found, protocol);
  std::string problem;
  for (const ExtentStep step :
       {ExtentStep::kill, ExtentStep::flush, ExtentStep::defragment, ExtentStep::defragment}) {
    session.run(step, [&](std::uint64_t number) {
      for (const CrashModel model : options.models) {
        if (!problem.empty()) return;
        const auto bad = judge_.decide(session.file(), model, session.promise(), tally_);
        if (!bad) continue;
        problem =
            fmt::format("in the recovery, before call {}, {}, state {}: {}", number,
                        crash_model_name(model), CrashStates::text_of(bad->choice), bad->what);
      }
    });
    if (!problem.empty()) return problem;
  }
  if (session.promise().may_be_dirty) return "a flush after the recovery was not acknowledged";
  return problem;
}

std::string ExtentCrasher::look_at(const ExtentWorkload& workload, const ExtentProtocol& protocol,
                                   const Options& options, const Place& place) {
  const auto session = start_session(workload, protocol);
  for (std::size_t i = 0; i + 1 < workload.steps.size(); ++i) session->run(workload.steps[i]);
  std::optional<std::string> problem;
  session->run(workload.steps.back(), [&](std::uint64_t number) {
    if (number != place.call || problem) return;
    const CrashStates states(session->disk(), place.model);
    const Bytes content = states.state(states.parse(place.state))->content_of(ExtentSession::path);
    problem = judge_.problem_of(content, session->promise());
    if (problem->empty()) {
      problem = problem_of_recovery(workload, protocol, options, content, session->promise());
    }
  });
  if (!problem) throw std::runtime_error("there is no call " + std::to_string(place.call));
  return *problem;
}

}  // namespace libregion
