// How something is crashed: at every call that changes or syncs something, with all that the crash
// model says may be left then.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/crash_states.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

inline const std::string region_path = "/r";
inline const std::string new_region_path = "/n";  // of what is made of it

using Operation = std::function<void(MemoryFileSystem&)>;

// The tree at "/r" after an operation that nothing disturbs, and the log.
Tree tree_after(const MemoryFileSystem& before, const Operation& operation);
std::vector<Call> log_of(const MemoryFileSystem& before, const Operation& operation);

// What is wrong with the tree at "/r" where it is another one; empty where it is the same.
std::string other_bytes(const Tree& expected, const MemoryFileSystem& memory);

// True where it crashed before it was done.
bool run_with_crash(MemoryFileSystem& memory, const Operation& operation, std::uint64_t number);

// Looks at a state that a crash left, may go on with it, and says what is wrong with it; `finished`
// where the operation had ended before the crash.
using Examine = std::function<std::string(MemoryFileSystem& left, bool finished)>;

// The same, but no state is examined twice.
Examine remembering(Examine examine);

struct CrashOptions {
  std::vector<CrashModel> models = {CrashModel::ordered, CrashModel::posix_512};
  std::uint64_t seed_count = 24;  // of more states than that, so many are drawn
  std::optional<std::uint64_t> ignored_sync = std::nullopt;  // its number in the log
};

// Crashes the operation at each of its calls, and after the last one, and examines each state that
// may be left. The first problem, with what leads to it; empty where there is none.
std::string first_problem(const MemoryFileSystem& before, const Operation& operation,
                          const Examine& examine, const CrashOptions& options = {});

// Kills the process at each of the operation's calls, then crashes the next run: it must not take
// for durable what it finds.
std::string first_problem_after_kill(const MemoryFileSystem& before, const Operation& operation,
                                     const Examine& examine, const CrashOptions& options);

// Which syncs are not needed: without any one of them no state has a problem. As lines of the log.
std::string needless_syncs(const MemoryFileSystem& before, const Operation& operation,
                           const Examine& examine, const CrashOptions& options = {});

// Kills the process at each of the operation's calls, then crashes a next run whose first such sync
// does nothing: whether some state has a problem then.
bool is_needed_after_kill(const MemoryFileSystem& before, const Operation& operation,
                          const Examine& examine, const Call& sync, const CrashOptions& options);

}  // namespace libregion
