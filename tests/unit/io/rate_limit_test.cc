// So many bytes a second, with a clock of its own.

#include "libregion/io/rate_limit.h"

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/io/system_extras.h"
#include "tests/support/region_builder.h"

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

TEST_CASE("a limited read leaves in memory what is there already") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  // More than the system keeps in one piece.
  constexpr std::size_t half_bytes = std::size_t{4} << 20;
  write_whole_file(path, Bytes(2 * half_bytes));
  // What is not on disk yet could not be dropped.
  const FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::fsync(descriptor.number()) == 0);

  FakeTime clock;
  RateLimit limit(half_bytes, clock.time());
  PosixOptions options;
  options.rate_limit = &limit;
  PosixFileSystem file_system(options);
  const auto root = expect_opened(file_system.open_directory(directory.path()), path);
  const auto file = expect_opened(root->open_file("file", Access::read), path);
  const auto is_in_memory = [&](std::uint64_t offset_bytes) {
    std::byte byte{};
    return read_cached_bytes(descriptor.number(), offset_bytes, {&byte, 1}) == 1;
  };
  if (!is_in_memory(0)) return;  // the system is short of it, or cannot tell
  (void)file->read(0, half_bytes);
  CHECK(is_in_memory(0));
  CHECK(is_in_memory(2 * half_bytes - 1));
}

}  // namespace
}  // namespace libregion
