// Lets a test see a broken invariant: while one of these lives, it throws instead of aborting.

#pragma once

#include <stdexcept>
#include <string>

#include "libregion/base/assert.h"

namespace libregion {

struct BrokenInvariant : std::logic_error {
  BrokenInvariant(const char* broken, const char* in_file, int at_line)
      : std::logic_error(broken), expression(broken), file(in_file), line(at_line) {}
  std::string expression;
  std::string file;
  int line;
};

class ThrowingAssertions {
 public:
  ThrowingAssertions() {
    set_assertion_handler([](const char* expression, const char* file, int line) {
      throw BrokenInvariant(expression, file, line);
    });
  }
  ThrowingAssertions(const ThrowingAssertions&) = delete;
  ThrowingAssertions& operator=(const ThrowingAssertions&) = delete;
  ~ThrowingAssertions() { set_assertion_handler(nullptr); }
};

}  // namespace libregion
