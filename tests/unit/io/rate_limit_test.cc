// So many bytes a second, with a clock of its own.

#include "libregion/io/rate_limit.h"

#include <doctest/doctest.h>

namespace libregion {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A clock that sleeping moves on.
struct FakeTime {
  RateLimit::Clock::time_point now{};

  RateLimit::Time time() {
    return {[this] { return now; }, [this](RateLimit::Clock::time_point until) { now = until; }};
  }
};

TEST_CASE("what was spent is waited for before more is spent") {
  FakeTime clock;
  RateLimit limit(1000, clock.time());
  limit.spend(2000);
  CHECK(clock.now.time_since_epoch() == seconds(0));
  limit.spend(500);
  CHECK(clock.now.time_since_epoch() >= milliseconds(1900));
  CHECK(clock.now.time_since_epoch() <= seconds(2));
  limit.spend(1);
  CHECK(clock.now.time_since_epoch() >= milliseconds(2400));
  CHECK(clock.now.time_since_epoch() <= milliseconds(2500));
}

TEST_CASE("an idle time is not saved up") {
  FakeTime clock;
  RateLimit limit(1000, clock.time());
  clock.now += std::chrono::hours(1);
  const auto start = clock.now;
  for (int i = 0; i < 100; ++i) limit.spend(100);
  CHECK(clock.now - start >= milliseconds(9700));
}

TEST_CASE("numbers too large for a clock end the waiting one day") {
  FakeTime clock;
  RateLimit limit(1, clock.time());
  limit.spend(UINT64_MAX);
  limit.spend(1);
  CHECK(clock.now.time_since_epoch() <= std::chrono::hours(24 * 365));
}

}  // namespace
}  // namespace libregion
