// Opening a path without ever leaving a directory or following a symbolic link.

#pragma once

#include <string>

namespace libregion {

// Like openat(2), with O_CLOEXEC; -1 and errno on failure: ELOOP for a symbolic link anywhere in
// the path, EXDEV for a path that leads out of the directory. `flags` must not create anything.
// One openat2(2) where the system has it and it is wanted, else component by component.
// EWOULDBLOCK: somebody else's lease is in the way.
int open_beneath(int directory, const std::string& path, int flags, bool use_openat2);

// What an open says then. Its holder has been asked to give the lease up: a later try gets the
// file. Throws Error (in_use).
[[noreturn]] void throw_leased(const std::string& path);

}  // namespace libregion
