#include "tests/unit/ops/crash_driver.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace libregion {

Tree tree_after(const MemoryFileSystem& before, const Operation& operation) {
  const auto memory = before.copy();
  operation(*memory);
  return memory->tree(region_path);
}

std::vector<Call> log_of(const MemoryFileSystem& before, const Operation& operation) {
  const auto memory = before.copy();
  operation(*memory);
  return memory->log();
}

std::string other_bytes(const Tree& expected, const MemoryFileSystem& memory) {
  const std::string found = difference(expected, memory.tree(region_path));
  return found.empty() ? "" : "other bytes: " + found;
}

bool run_with_crash(MemoryFileSystem& memory, const Operation& operation, std::uint64_t number) {
  memory.crash_at(number);
  try {
    operation(memory);
  } catch (const SimulatedCrash&) {
    return true;
  }
  return false;
}

Examine remembering(Examine examine) {
  using Key = std::pair<std::uint64_t, bool>;
  return [examine = std::move(examine), known = std::make_shared<std::map<Key, std::string>>()](
             MemoryFileSystem& left, bool finished) {
    const Key key{left.fingerprint(), finished};
    const auto found = known->find(key);
    if (found != known->end()) return found->second;
    return known->emplace(key, examine(left, finished)).first->second;
  };
}

namespace {

// Which states there are is found out without a sanitizer. It is to see what the code does with
// them, of which a few are enough; what an ignored sync leaves has to be found all the same.
std::uint64_t drawn_count(const CrashOptions& options) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  constexpr std::uint64_t sanitized_max = 6;
  if (!options.ignored_sync) return std::min(options.seed_count, sanitized_max);
#endif
#endif
  return options.seed_count;
}

// The first problem of all that may be left of a file system now: of all states where they are few,
// else of those that are drawn.
std::string first_problem_now(const MemoryFileSystem& memory, bool finished, const Examine& examine,
                              const CrashOptions& options) {
  const std::uint64_t drawn = drawn_count(options);
  for (const CrashModel model : options.models) {
    const CrashStates states(memory, model);
    const bool all = reorders(model) && states.count() <= drawn;
    // What is ordered was left like this before the calls that made it more.
    const std::uint64_t count = all ? states.count() : reorders(model) ? drawn : 1;
    for (std::uint64_t seed = 0; seed < count; ++seed) {
      const auto choice = all ? states.choice(seed) : states.sample(seed);
      const std::string problem = examine(*states.state(choice), finished);
      if (problem.empty()) continue;
      return std::string(crash_model_name(model)) + ", state " + CrashStates::text_of(choice) +
             ": " + problem;
    }
  }
  return {};
}

}  // namespace

std::string first_problem(const MemoryFileSystem& before, const Operation& operation,
                          const Examine& examine, const CrashOptions& options) {
  const auto memory = before.copy();
  if (options.ignored_sync) memory->ignore_sync_at(*options.ignored_sync);
  std::string found;
  memory->watch([&](std::uint64_t number, const Call& call) {
    // Up to a sync that is ignored all is as if it were not.
    if (!found.empty() || number < options.ignored_sync.value_or(0)) return;
    const std::string problem = first_problem_now(*memory, false, examine, options);
    if (problem.empty()) return;
    found = "crash before call " + std::to_string(number) + ", " + describe(call) + ", " + problem;
  });
  operation(*memory);
  if (!found.empty()) return found;
  const std::string problem = first_problem_now(*memory, true, examine, options);
  return problem.empty() ? "" : "crash after the end, " + problem;
}

std::string first_problem_after_kill(const MemoryFileSystem& before, const Operation& operation,
                                     const Examine& examine, const CrashOptions& options) {
  for (std::uint64_t number = 0;; ++number) {
    const auto killed = before.copy();
    if (!run_with_crash(*killed, operation, number)) return {};
    const std::string last_call = number == 0 ? "nothing" : describe(killed->log().back());
    killed->restart();
    const std::string problem = first_problem(*killed, operation, examine, options);
    if (problem.empty()) continue;
    return "killed at call " + std::to_string(number) + ", after " + last_call + "; then " +
           problem;
  }
}

std::string needless_syncs(const MemoryFileSystem& before, const Operation& operation,
                           const Examine& examine, const CrashOptions& options) {
  std::string needless;
  const std::vector<Call> log = log_of(before, operation);
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    if (!is_sync(log[number].kind)) continue;
    CrashOptions mutated = options;
    mutated.ignored_sync = number;
    if (!first_problem(before, operation, examine, mutated).empty()) continue;
    needless += describe(log[number]) + "\n";
  }
  return needless;
}

bool is_needed_after_kill(const MemoryFileSystem& before, const Operation& operation,
                          const Examine& examine, const Call& sync, const CrashOptions& options) {
  for (std::uint64_t number = 0;; ++number) {
    const auto killed = before.copy();
    if (!run_with_crash(*killed, operation, number)) return false;
    killed->restart();
    const std::vector<Call> log = log_of(*killed, operation);
    const auto found = std::find_if(log.begin(), log.end(), [&](const Call& call) {
      return call.kind == sync.kind && call.path == sync.path;
    });
    if (found == log.end()) continue;
    CrashOptions mutated = options;
    mutated.ignored_sync = static_cast<std::uint64_t>(found - log.begin());
    if (!first_problem(*killed, operation, examine, mutated).empty()) return true;
  }
}

}  // namespace libregion
