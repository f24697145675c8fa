// How much memory is asked for, and how often: operator new counts, in this executable.

#pragma once

#include <cstdint>

namespace libregion {

// Calls of operator new, of any kind and on any thread, since the program began.
std::uint64_t allocation_count();

}  // namespace libregion
