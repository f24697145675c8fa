#include "libregion/base/assert.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/base/throwing_assertions.h"

namespace libregion {
namespace {

TEST_CASE("an invariant that holds does nothing, and is evaluated once") {
  const ThrowingAssertions throwing;
  int evaluations = 0;
  LIBREGION_ASSERT(++evaluations == 1);
  CHECK(evaluations == 1);
}

TEST_CASE("a broken invariant tells its handler the expression, the file and the line") {
  const ThrowingAssertions throwing;
  const int one = 1;
  const int line_of_the_assertion = __LINE__ + 2;
  try {
    LIBREGION_ASSERT(one == 2);
    FAIL("the handler was not called");
  } catch (const BrokenInvariant& broken) {
    CHECK(broken.expression == "one == 2");
    CHECK(broken.file.ends_with("assert_test.cc"));
    CHECK(broken.line == line_of_the_assertion);
  }
}

TEST_CASE("an assertion is one expression, usable where a comma or a condition surrounds it") {
  const ThrowingAssertions throwing;
  const bool shown = true;
  int reached = 0;
  if (shown)
    LIBREGION_ASSERT(shown), ++reached;
  else
    FAIL("not reached");
  CHECK(reached == 1);
}

}  // namespace
}  // namespace libregion
