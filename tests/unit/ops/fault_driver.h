// How something is run with calls that fail: each of them, with several errors, once and for ever.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libregion/base/error.h"
#include "tests/unit/ops/crash_driver.h"

namespace libregion {

// How a run with a fault ended.
struct Outcome {
  bool threw = false;
  ErrorKind kind = ErrorKind::stopped;
  std::string message;                // of the error
  std::vector<std::string> findings;  // of a run that went to its end
};

Outcome outcome_of(const std::function<void(std::vector<std::string>*)>& run);

// Whether a message names a path.
bool names(const std::string& text, const std::string& path);

// The error of a call that failed, or a finding, must name it. What is wrong; empty if nothing is.
std::string unnamed(const Outcome& outcome, const Call& call);

// After a sync that failed nothing is durable any more that seems to be: nothing is done any more.
std::string what_follows_failed_sync(const std::vector<Call>& log, std::uint64_t failed);

// Whether a crash now would leave anything else than the expected tree at `path`.
std::string not_durable(const MemoryFileSystem& memory, const std::string& path,
                        const Tree& expected);

// What is wrong with a run of the operation with this fault, in which this call fails.
using ExamineFault =
    std::function<std::string(MemoryFileSystem& memory, const Fault& fault, const Call& call)>;

// Every call of the operation, failing with each error, once and from then on. The first problem.
std::string first_problem_with_faults(const MemoryFileSystem& before, const Operation& operation,
                                      const ExamineFault& examine);

}  // namespace libregion
