#include "libregion/base/error.h"

#include <cerrno>
#include <string>

#include <doctest/doctest.h>

namespace libregion {
namespace {

TEST_CASE("a failure says operation, path, place and reason") {
  CHECK(describe_failure({"pread", "/r/00/000/01A", 8192}, "Input/output error") ==
        "pread '/r/00/000/01A' at 8192: Input/output error");
}

TEST_CASE("offset 0 is a place too") {
  CHECK(describe_failure({"pwrite", "x", 0}, "r") == "pwrite 'x' at 0: r");
}

TEST_CASE("a place of 64 bits is shown whole") {
  CHECK(describe_failure({"pread", "x", 18446744073709551615U}, "r") ==
        "pread 'x' at 18446744073709551615: r");
}

TEST_CASE("a failure that has no place leaves it out") {
  CHECK(describe_failure({"fsync", "/r/00/000"}, "Input/output error") ==
        "fsync '/r/00/000': Input/output error");
}

TEST_CASE("a path with braces is not taken for a format") {
  CHECK(describe_failure({"openat", "{}{0}", 1}, "{}") == "openat '{}{0}' at 1: {}");
}

TEST_CASE("an error carries its kind and its message") {
  const Error error(ErrorKind::in_use, "region '/r' is in use");
  CHECK(error.kind() == ErrorKind::in_use);
  CHECK(std::string(error.what()) == "region '/r' is in use");
}

TEST_CASE("a system error keeps errno, describes it, and counts as a failure outside the region") {
  try {
    throw_system_error(ENOENT, {"openat", "/r/00/000/01A"});
  } catch (const SystemError& error) {
    CHECK(error.errno_value() == ENOENT);
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(std::string(error.what()) == "openat '/r/00/000/01A': No such file or directory");
  }
  CHECK_THROWS_WITH_AS(throw_system_error(EIO, {"pread", "/r/00/000/01A", 8192}),
                       "pread '/r/00/000/01A' at 8192: Input/output error", SystemError);
}

TEST_CASE("a system error is caught as an Error, and as what the standard library catches") {
  CHECK_THROWS_AS(throw_system_error(EIO, {"close", "x"}), Error);
  CHECK_THROWS_AS(throw_system_error(EIO, {"close", "x"}), std::runtime_error);
}

TEST_CASE("an errno that no system knows is described, not a crash") {
  CHECK_THROWS_WITH_AS(throw_system_error(99999, {"ioctl", "x"}), "ioctl 'x': Unknown error 99999",
                       SystemError);
}

}  // namespace
}  // namespace libregion
