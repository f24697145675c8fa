// What a traced process asks of the system, as far as it concerns files below one directory.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <sys/user.h>
#include <vector>

namespace libregion {

// The calls that tests disturb.
enum class CallSet : std::uint8_t {
  changing,  // whatever changes a file or a directory, and the syncs
  all,       // those that open and read as well
};

// A system call that is about to be made, below the directory that is looked at.
struct RegionCall {
  std::string name;
  std::string path;  // of the file that it is about; of the target where it copies
  // Which of its arguments says how many bytes it moves.
  std::optional<unsigned> length_argument;
};

// Their numbers: a filter lets all others pass.
std::vector<unsigned> numbers_of_calls(CallSet set);

// Of a thread that stopped before a call. Nullopt where the call is none of the set, or is not
// about anything below the directory, which must be absolute and without symbolic links.
std::optional<RegionCall> region_call_of(pid_t thread, const user_regs_struct& registers,
                                         CallSet set, const std::string& directory);

}  // namespace libregion
