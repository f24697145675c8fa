// How something is run with calls that fail: each of them in turn, with every error.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"
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

// The error of a call that failed, or a finding, must name it. What is wrong, or empty.
std::string unnamed(const Outcome& outcome, const Call& call);

// Whether the text names the path, in quotation marks.
bool names(const std::string& text, const std::string& path);

// After a sync that failed nothing is durable any more that seems to be: nothing is done any more.
// What is wrong, or empty.
std::string what_follows_failed_sync(const std::vector<Call>& log, std::uint64_t failed);

// What a crash now would leave that is not this tree; empty where it would leave all of it.
std::string not_durable(const MemoryFileSystem& memory, const Tree& expected);

// What is wrong with a run of the operation with this fault, in which this call fails.
using ExamineFault =
    std::function<std::string(MemoryFileSystem& memory, const Fault& fault, const Call& call)>;

// Every call of the operation, failing with each error, once and from then on. The first problem.
std::string first_problem_with_faults(const MemoryFileSystem& before, const Operation& operation,
                                      const ExamineFault& examine);

}  // namespace libregion
