#include "tests/crash/service_crasher.h"

#include <mutex>
#include <stdexcept>

#include <fmt/format.h>

#include "libregion/ops/parallel.h"
#include "tests/crash/geometries.h"
#include "tests/crash/step_sequences.h"

namespace libregion {

std::string describe(const ServiceWorkload& workload, const ExtentProtocol& protocol) {
  std::string steps;
  for (const ServiceStep step : workload.steps) {
    steps += (steps.empty() ? "" : ",") + std::string(service_step_name(step));
  }
  const Geometry& geometry = workload.shape.geometry;
  return fmt::format("service protocol={} blocks={}x{} extents={} start={} steps={}", protocol.name,
                     geometry.extent_size_blocks(), geometry.block_size_bytes(),
                     workload.shape.extent_count, extent_start_name(workload.start), steps);
}

std::vector<std::vector<ServiceStep>> step_sequences(const ServiceShape& shape,
                                                     std::size_t steps_max) {
  return sequences_of(steps_for(shape), steps_max);
}

namespace {

// With the protocol's syncs left out.
std::unique_ptr<ServiceSession> start_session(const ServiceWorkload& workload,
                                              const ExtentProtocol& protocol) {
  auto session = std::make_unique<ServiceSession>(workload.shape, workload.start, protocol);
  if (protocol.without_sync.empty()) return session;
  ServiceSession undisturbed(workload.shape, workload.start, protocol);
  for (const ServiceStep step : workload.steps) undisturbed.run(step);
  for (const auto& [number, label] : undisturbed.labelled_syncs()) {
    if (label == protocol.without_sync) session->disk().ignore_sync_at(number);
  }
  return session;
}

}  // namespace

std::optional<CrashFailure> ServiceCrasher::crash(const ServiceWorkload& workload,
                                                  const ExtentProtocol& protocol,
                                                  const ExtentCrasher::Options& options) {
  const auto session = start_session(workload, protocol);
  for (std::size_t i = 0; i + 1 < workload.steps.size(); ++i) session->run(workload.steps[i]);

  std::optional<CrashFailure> failure;
  session->run(workload.steps.back(), [&](std::uint64_t number) {
    if (failure) return;
    const auto fail = [&](const std::string& place, const std::string& what) {
      failure = {fmt::format("{} call={} {}", describe(workload, protocol), number, place), what};
    };
    const std::string found = problem_now(*session, options.models);
    if (!found.empty()) {
      const std::size_t end = found.find(": ");
      return fail(found.substr(0, end), found.substr(end + 2));
    }
    for (std::uint64_t i = 0; i < options.recoveries; ++i) {
      const CrashModel model = options.models.back();
      const CrashStates states(session->disk(), model);
      const auto choice = states.sample(next_seed_++);
      const std::string problem = problem_of_recovery(workload, protocol, options.models,
                                                      states.state(choice), session->promises());
      if (problem.empty()) continue;
      return fail(
          fmt::format("model={} state={}", crash_model_name(model), CrashStates::text_of(choice)),
          problem);
    }
  });
  return failure;
}

// "model=zfs extent=1 state=0:3: dirty, not what was promised: block 2"; empty where nothing is
// bad.
std::string ServiceCrasher::problem_now(ServiceSession& session,
                                        const std::vector<CrashModel>& models) {
  for (const CrashModel model : models) {
    for (std::uint32_t extent = 0; extent < session.promises().size(); ++extent) {
      const auto file = node_at(session.disk(), ServiceSession::path_of(extent));
      const auto found = judge_.decide(file, model, session.promises()[extent], tally_);
      if (!found) continue;
      return fmt::format("model={} extent={} state={}: {}", crash_model_name(model), extent,
                         CrashStates::text_of(found->choice), found->what);
    }
  }
  return {};
}

// The service starts again, flushes, and is used.
std::string ServiceCrasher::problem_of_recovery(const ServiceWorkload& workload,
                                                const ExtentProtocol& protocol,
                                                const std::vector<CrashModel>& models,
                                                std::unique_ptr<MemoryFileSystem> left,
                                                const std::vector<ExtentPromise>& promises) {
  std::vector<ExtentPromise> left_promises;
  for (std::uint32_t extent = 0; extent < promises.size(); ++extent) {
    const auto found =
        judge_.found_in(left->content_of(ServiceSession::path_of(extent)), promises[extent]);
    if (!found) return {};  // a torn block: Crucible would refuse the extent
    left_promises.push_back(*found);
  }
  ++recovery_count_;
  ServiceSession session(workload.shape, workload.start, protocol,
                         {std::move(left), std::move(left_promises)});
  std::string problem;
  for (const ServiceStep step : {ServiceStep::flush, ServiceStep::write_3, ServiceStep::flush}) {
    session.run(step, [&](std::uint64_t number) {
      if (!problem.empty()) return;
      problem = problem_now(session, models);
      if (!problem.empty()) {
        problem = fmt::format("in the recovery, before call {}: {}", number, problem);
      }
    });
    if (!problem.empty()) return problem;
  }
  for (const ExtentPromise& promise : session.promises()) {
    if (promise.may_be_dirty) return "a flush after the recovery was not acknowledged";
  }
  return problem;
}

std::string ServiceCrasher::look_at(const ServiceWorkload& workload, const ExtentProtocol& protocol,
                                    const ExtentCrasher::Place& place,
                                    std::optional<std::uint32_t> extent) {
  const auto session = start_session(workload, protocol);
  for (std::size_t i = 0; i + 1 < workload.steps.size(); ++i) session->run(workload.steps[i]);
  if (extent && *extent >= session->promises().size())
    throw std::runtime_error("there is no such extent");
  std::optional<std::string> problem;
  session->run(workload.steps.back(), [&](std::uint64_t number) {
    if (number != place.call || problem) return;
    if (!extent) {
      const CrashStates states(session->disk(), place.model);
      problem = problem_of_recovery(workload, protocol, {place.model},
                                    states.state(states.parse(place.state)), session->promises());
      return;
    }
    const auto file = node_at(session->disk(), ServiceSession::path_of(*extent));
    const CrashStates states(file, place.model);
    const Bytes content = states.content_of(*file, states.parse(place.state));
    problem = judge_.problem_of(content, session->promises()[*extent]);
  });
  if (!problem) throw std::runtime_error("there is no call " + std::to_string(place.call));
  return *problem;
}

// ---- all of them, or a share --------------------------------------------------------------------

ServicePlan whole_service_plan() {
  ServicePlan plan;
  // Of each extent by itself crash_extents() looks at every size. Here one has slots that lie in
  // two sectors, where all that lasts longest is tried; the others are as small as can be.
  plan.parts.push_back({{geometry(512, 8), 2}});
  plan.parts.push_back({{geometry(512, 1), 3}});
  for (const std::uint64_t block_count : {7U, 10U}) {
    plan.parts.push_back({{geometry(512, block_count), 3}, 2});
  }
  plan.parts.push_back({{geometry(512, 8), 3}, 2});
  plan.parts.push_back({{geometry(4096, 8), 2}, 2});
  // So many files are synced at once.
  plan.parts.push_back({{geometry(512, 2), 16}, 2});
  plan.starts = {ExtentStart::empty, ExtentStart::plain, ExtentStart::encrypted_a};
  return plan;
}

ServicePlan short_service_plan() {
  return {{{{geometry(512, 8), 2}, 2}, {{geometry(512, 2), 16}, 1}}, {ExtentStart::encrypted_a}};
}

StatesReport crash_services(const ServicePlan& plan, const CrashBudget& budget) {
  struct Unit {
    const ServicePlan::Part* part;
    ExtentStart start;
    const ExtentSuite* suite;
  };
  std::vector<Unit> units;
  for (const ServicePlan::Part& part : plan.parts) {
    for (const ExtentStart start : plan.starts) {
      for (const ExtentSuite& suite : extent_suites()) units.push_back({&part, start, &suite});
    }
  }
  StatesReport report;
  std::mutex mutex;
  const Deadline deadline(budget);
  for_each_in_parallel(budget.jobs, units.size(), [&](std::size_t i) {
    const Unit& unit = units[i];
    const ServiceShape& shape = unit.part->shape;
    ServiceCrasher crasher(shape.geometry);
    const StatesReport own = crash_each(
        crasher, step_sequences(shape, unit.part->steps_max), deadline, [&](const auto& steps) {
          return crasher.crash({shape, unit.start, steps}, unit.suite->protocol,
                               {unit.suite->models, 1});
        });
    const std::lock_guard lock(mutex);
    report.add(own);
  });
  return report;
}

}  // namespace libregion
