// Crashes what a service does to a region of several raw extents at every call of its last step,
// and decides every state that may be left of each extent. What is promised is promised of each by
// itself, so all states of the region are good if all of its extents are.

#pragma once

#include "tests/crash/crash_budget.h"
#include "tests/crash/extent_crasher.h"
#include "tests/crash/service_session.h"
#include "tests/crash/states_report.h"

namespace libregion {

struct ServiceWorkload {
  ServiceShape shape;
  ExtentStart start = ExtentStart::plain;
  std::vector<ServiceStep> steps;
};

// "service protocol=posix blocks=8x512 extents=3 start=plain steps=write-3,flush": with what leads
// to a state behind it, the line of a failure.
std::string describe(const ServiceWorkload& workload, const ExtentProtocol& protocol);

class ServiceCrasher {
 public:
  explicit ServiceCrasher(const Geometry& geometry) : judge_(geometry) {}

  // The first state that is bad.
  std::optional<CrashFailure> crash(const ServiceWorkload& workload, const ExtentProtocol& protocol,
                                    const ExtentCrasher::Options& options);

  // What is wrong with one state of an extent, or comes of one of the region; empty where nothing
  // is. Throws std::runtime_error where there is no such call or state.
  std::string look_at(const ServiceWorkload& workload, const ExtentProtocol& protocol,
                      const ExtentCrasher::Place& place, std::optional<std::uint32_t> extent);

  [[nodiscard]] const ExtentTally& tally() const { return tally_; }
  [[nodiscard]] std::uint64_t recovery_count() const { return recovery_count_; }

 private:
  std::string problem_now(ServiceSession& session, const std::vector<CrashModel>& models);
  std::string problem_of_recovery(const ServiceWorkload& workload, const ExtentProtocol& protocol,
                                  const std::vector<CrashModel>& models,
                                  std::unique_ptr<MemoryFileSystem> left,
                                  const std::vector<ExtentPromise>& promises);

  ExtentJudge judge_;
  ExtentTally tally_;
  std::uint64_t recovery_count_ = 0;
  std::uint64_t next_seed_ = 2;
};

// All sequences of up to so many steps.
std::vector<std::vector<ServiceStep>> step_sequences(const ServiceShape& shape,
                                                     std::size_t steps_max);

struct ServicePlan {
  struct Part {
    ServiceShape shape;
    std::size_t steps_max = 3;
  };
  std::vector<Part> parts;
  std::vector<ExtentStart> starts;
};
// Everything, and what ends in a few seconds.
ServicePlan whole_service_plan();
ServicePlan short_service_plan();

StatesReport crash_services(const ServicePlan& plan, const CrashBudget& budget);

}  // namespace libregion
