#include "libregion/format/uuid.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

std::array<std::byte, 16> sixteen_of(std::byte value) {
  std::array<std::byte, 16> bytes{};
  bytes.fill(value);
  return bytes;
}

TEST_CASE("a UUID is 16 bytes in the order of its digits") {
  const auto uuid = parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592");
  REQUIRE(uuid);
  CHECK(spelled(uuid->bytes) == "02b5a5612d094a9b8ac034d2ef61e592");
}

TEST_CASE("a UUID is written in lower case, with hyphens") {
  const auto uuid = parse_uuid("02B5A561-2D09-4A9B-8AC0-34D2EF61E592");
  REQUIRE(uuid);
  CHECK(to_text(*uuid) == "02b5a561-2d09-4a9b-8ac0-34d2ef61e592");
  CHECK(to_text(Uuid{}) == "00000000-0000-0000-0000-000000000000");
}

TEST_CASE("no other form is a UUID") {
  for (const std::string_view text :
       {"", "02b5a561", "02b5a5612d094a9b8ac034d2ef61e592",
        "{02b5a561-2d09-4a9b-8ac0-34d2ef61e592}", "urn:uuid:02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
        "02b5a561-2d09-4a9b-8ac0-34d2ef61e59", "02b5a561-2d09-4a9b-8ac0-34d2ef61e5921",
        "02b5a561-2d09-4a9b-8ac0-34d2ef61e59 ", " 2b5a561-2d09-4a9b-8ac0-34d2ef61e592",
        "02b5a561-2d09-4a9b-8ac0-34d2ef61e59g", "02b5a5612-d09-4a9b-8ac0-34d2ef61e592",
        "02b5a561-2d094-a9b-8ac0-34d2ef61e592", "02b5a561-2d09-4a9b8-ac0-34d2ef61e592",
        "02b5a561-2d09-4a9b-8ac03-4d2ef61e592", "02b5a561_2d09_4a9b_8ac0_34d2ef61e592",
        "-02b5a561-2d09-4a9b-8ac034d2ef61e592", "------------------------------------"}) {
    CAPTURE(text);
    CHECK(parse_uuid(text) == std::nullopt);
  }
}

TEST_CASE("a random UUID carries version 4 and the RFC's variant, and keeps the other 122 bits") {
  CHECK(to_text(make_random_uuid(sixteen_of(std::byte{0x00}))) ==
        "00000000-0000-4000-8000-000000000000");
  CHECK(to_text(make_random_uuid(sixteen_of(std::byte{0xFF}))) ==
        "ffffffff-ffff-4fff-bfff-ffffffffffff");
  CHECK(to_text(make_random_uuid(sixteen_of(std::byte{0x5A}))) ==
        "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a");
}

TEST_CASE("any UUID comes back from its text") {
  Random random(12);
  for (int i = 0; i < 1000; ++i) {
    Uuid uuid;
    random.fill(uuid.bytes);
    REQUIRE(parse_uuid(to_text(uuid)) == uuid);
  }
}

}  // namespace
}  // namespace libregion
