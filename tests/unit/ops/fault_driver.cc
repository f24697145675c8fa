#include "tests/unit/ops/fault_driver.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace libregion {

Outcome outcome_of(const std::function<void(std::vector<std::string>*)>& run) {
  Outcome outcome;
  try {
    run(&outcome.findings);
  } catch (const Error& error) {
    outcome.threw = true;
    outcome.kind = error.kind();
    outcome.message = error.what();
  }
  return outcome;
}

bool names(const std::string& text, const std::string& path) {
  return text.find("'" + path + "'") != std::string::npos;
}

std::string unnamed(const Outcome& outcome, const Call& call) {
  if (outcome.threw && outcome.kind == ErrorKind::failed && names(outcome.message, call.path)) {
    return {};
  }
  const bool is_reported =
      std::any_of(outcome.findings.begin(), outcome.findings.end(),
                  [&](const std::string& finding) { return names(finding, call.path); });
  if (!outcome.threw && is_reported) return {};
  return describe(call) + " failed, and all that was said is: '" + outcome.message + "'";
}

std::string what_follows_failed_sync(const std::vector<Call>& log, std::uint64_t failed) {
  if (log.size() == failed + 1) return {};
  return "after a sync that failed: " + describe(log[failed + 1]);
}

std::string not_durable(const MemoryFileSystem& memory, const std::string& path,
                        const Tree& expected) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto left = after_crash(memory, CrashModel::posix_512, seed);
    const std::string found = difference(expected, left->tree(path));
    if (!found.empty()) return "not durable: " + found;
  }
  return {};
}

std::string first_problem_with_faults(const MemoryFileSystem& before, const Operation& operation,
                                      const ExamineFault& examine) {
  const std::vector<Call> log = log_of(before, operation);
  constexpr std::array others{ENOSPC, EDQUOT, EINTR, EMFILE, ENOMEM, EACCES, EROFS};
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    // Each of the other errors at every seventh call, once or for ever: none of them is told from
    // the rest.
    const int other = others.at(number % others.size());
    for (const Fault& fault : {Fault{EIO, {}, {}, number, false}, Fault{EIO, {}, {}, number, true},
                               Fault{other, {}, {}, number, number % 2 == 1}}) {
      const auto memory = before.copy();
      memory->add_fault(fault);
      const std::string problem = examine(*memory, fault, log[number]);
      if (problem.empty()) continue;
      return "call " + std::to_string(number) + " fails" +
             (fault.for_ever ? ", and all after it: " : ": ") + describe(log[number]) + ": " +
             problem;
    }
  }
  return {};
}

}  // namespace libregion
