#include "libregion/base/assert.h"

#include <atomic>
#include <cstdlib>

namespace libregion {
namespace {

std::atomic<AssertionHandler> assertion_handler{nullptr};

}  // namespace

void set_assertion_handler(AssertionHandler handler) { assertion_handler = handler; }

void assertion_failed(const char* expression, const char* file, int line) {
  if (const AssertionHandler handler = assertion_handler.load()) {
    handler(expression, file, line);
  }
  std::abort();
}

}  // namespace libregion
