// What the parts that crash an extent, or several, have looked at.

#pragma once

#include <cstdint>
#include <vector>

#include "tests/crash/crash_budget.h"
#include "tests/crash/extent_crasher.h"

namespace libregion {

struct StatesReport {
  std::uint64_t workloads = 0;
  std::uint64_t workloads_left = 0;  // for want of time
  std::uint64_t recoveries = 0;
  ExtentTally tally;
  std::vector<CrashFailure> failures;  // at most one of each shape, start and ordering

  void add(const StatesReport& part) {
    workloads += part.workloads;
    workloads_left += part.workloads_left;
    recoveries += part.recoveries;
    tally.add(part.tally);
    failures.insert(failures.end(), part.failures.begin(), part.failures.end());
  }
};

// Crashes each sequence of steps by crash(steps), until the time is over. Of what fails the first
// is kept; what the crasher has counted is in the report.
template <class Crasher, class Steps, class Crash>
StatesReport crash_each(const Crasher& crasher, const std::vector<Steps>& sequences,
                        const Deadline& deadline, const Crash& crash) {
  StatesReport report;
  for (const Steps& steps : sequences) {
    if (deadline.is_over()) break;
    ++report.workloads;
    auto failure = crash(steps);
    if (failure && report.failures.empty()) report.failures.push_back(std::move(*failure));
  }
  report.workloads_left = sequences.size() - report.workloads;
  report.recoveries = crasher.recovery_count();
  report.tally = crasher.tally();
  return report;
}

}  // namespace libregion
