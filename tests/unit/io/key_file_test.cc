// Keys from files: who may read them, and what is said of those that are none.

#include "libregion/io/key_file.h"

#include <filesystem>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

const std::string secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

struct KeyFile {
  TemporaryDirectory directory;
  std::string path = directory.path() + "/key";

  explicit KeyFile(std::string_view content, mode_t mode = 0600) {
    write_whole_file(path, as_byte_view(content));
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  [[nodiscard]] std::string message() const {
    try {
      (void)read_key_file(path);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      return error.what();
    }
    return "a key";
  }
};

TEST_CASE("a key that only its owner can read is taken") {
  for (const mode_t mode : {mode_t{0600}, mode_t{0400}}) {
    const KeyFile file(secret + "\n", mode);
    CHECK(to_hex(read_key_file(file.path).bytes()) == secret);
  }
}

TEST_CASE("a key that others can read or change is refused") {
  for (const mode_t mode : {mode_t{0640}, mode_t{0604}, mode_t{0620}, mode_t{0644}}) {
    CAPTURE(mode);
    const KeyFile file(secret, mode);
    CHECK(file.message().find("chmod 600") != std::string::npos);
  }
}

TEST_CASE("what is no key is refused, and not shown") {
  for (const std::string& content : {std::string(), secret.substr(1), secret + secret,
                                     std::string(100000, 'x'), std::string("hunter2hunter2")}) {
    const KeyFile file(content);
    const std::string message = file.message();
    CHECK(message.find("expected a key") != std::string::npos);
    CHECK(message.find("hunter2") == std::string::npos);
    CHECK(message.find("11223344") == std::string::npos);
  }
}

TEST_CASE("a key comes from a pipe as well, whatever its mode") {
  const KeyFile beside("");
  const std::string pipe = beside.directory.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0666) == 0);
  REQUIRE(std::system(("printf %s " + secret + " > " + pipe + " &").c_str()) == 0);
  CHECK(to_hex(read_key_file(pipe).bytes()) == secret);
}

TEST_CASE("a key file that is not there is a failure that names it") {
  try {
    (void)read_key_file("/nowhere/key");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(std::string(error.what()).find("/nowhere/key") != std::string::npos);
  }
}

}  // namespace
}  // namespace libregion
