// A command whose system calls are looked at, and disturbed, one by one: those of all its threads
// and children pass one tracer, so their numbers are those of a single sequence.

#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "tests/crash/system/region_calls.h"

namespace libregion {

// What becomes of a call.
struct Proceed {};
struct Kill {};  // the process with all its threads, before the call is made
struct ReturnInstead {
  std::int64_t value;  // -errno, or how many bytes; a close closes all the same
};
struct Shorten {};  // it is asked to move half of the bytes
using CallFate = std::variant<Proceed, Kill, ReturnInstead, Shorten>;

using CallHook = std::function<CallFate(const RegionCall& call)>;

struct TracedCommand {
  std::vector<std::string> words;
  CallSet calls = CallSet::changing;
  std::string directory;  // absolute, without symbolic links
};

// Runs it to its end, and asks the hook before each of the calls. Its exit status, or 128 and the
// signal that ended it. Throws std::system_error where it cannot be traced.
int run_traced(const TracedCommand& command, const CallHook& hook);

}  // namespace libregion
