// Invariants, checked in every build. A broken one is a bug in this library, not in the region.

#pragma once

namespace libregion {

// What to do with a broken invariant; it must not return. The default aborts silently, because
// the library never prints: a tool installs one that names the place and exits with 70.
using AssertionHandler = void (*)(const char* expression, const char* file, int line);
void set_assertion_handler(AssertionHandler handler);

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace libregion

#define LIBREGION_ASSERT(expression) \
  ((expression) ? void() : ::libregion::assertion_failed(#expression, __FILE__, __LINE__))
