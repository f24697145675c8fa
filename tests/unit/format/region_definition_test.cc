// Definitions that are right: how they are written, and what is read from them.

#include "libregion/format/region_definition.h"

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/format/definition_text.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

constexpr auto golden_text = R"({
  "block_size": 4096,
  "extent_size": {
    "value": 16384,
    "shift": 12
  },
  "extent_count": 2048,
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "encrypted": false,
  "database_read_version": 1,
  "database_write_version": 1
}
)";

Geometry geometry(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks));
}

RegionDefinition golden_definition() {
  RegionDefinition definition{geometry(4096, 16384), 2048, {}, false};
  const Bytes uuid = bytes_of("02b5a561 2d09 4a9b 8ac0 34d2ef61e592");
  std::copy(uuid.begin(), uuid.end(), definition.uuid.bytes.begin());
  return definition;
}

RegionDefinition parsed(std::string_view text) {
  const auto result = parse_region_definition(text);
  REQUIRE(std::holds_alternative<RegionDefinition>(result));
  return std::get<RegionDefinition>(result);
}

TEST_CASE("a definition is written with these members, in this order, with two spaces of indent") {
  CHECK(to_json_text(golden_definition()) == golden_text);
}

TEST_CASE("a definition that was written is read") {
  CHECK(parsed(golden_text) == golden_definition());
  CHECK(parsed(DefinitionText().text()) == golden_definition());
}

TEST_CASE("an encrypted region, a region without extents and the largest are read") {
  CHECK(parsed(DefinitionText().set("encrypted", "true").text()).encrypted);
  CHECK(parsed(DefinitionText().set("extent_count", "0").text()).extent_count == 0);
  CHECK(parsed(DefinitionText().set("extent_count", "4294967295").text()).extent_count ==
        4294967295U);
}

TEST_CASE("the largest and the smallest extents are read") {
  const RegionDefinition large = parsed(DefinitionText()
                                            .set("block_size", "512")
                                            .set("extent_size", R"({"value":1048576,"shift":9})")
                                            .text());
  CHECK(large.geometry == geometry(512, 1048576));
  const RegionDefinition small = parsed(DefinitionText()
                                            .set("block_size", "32768")
                                            .set("extent_size", R"({"value":1,"shift":15})")
                                            .text());
  CHECK(small.geometry == geometry(32768, 1));
}

TEST_CASE("a region's blocks are those of all its extents") {
  CHECK(golden_definition().block_count() == 33554432);
  RegionDefinition largest = golden_definition();
  largest.geometry = geometry(512, 1048576);
  largest.extent_count = 4294967295;
  CHECK(largest.block_count() == 4503599626321920);
}

TEST_CASE("a region of before mid-2023 lacks both database versions, and is read as one") {
  DefinitionText text;
  text.remove("database_read_version").remove("database_write_version");
  RegionDefinition expected = golden_definition();
  expected.older_without = "database_read_version, database_write_version";
  CHECK(parsed(text.text()) == expected);
  // Written again it has what a region of today has.
  CHECK(to_json_text(parsed(text.text())) == golden_text);

  text.remove("encrypted");
  expected.older_without = "encrypted, database_read_version, database_write_version";
  CHECK(parsed(text.text()) == expected);
  CHECK(golden_definition().older_without.empty());
}

TEST_CASE("the order of members and the space between them do not matter") {
  CHECK(parsed(R"({"database_write_version":1,"database_read_version":1,"encrypted":false,)"
               R"("uuid":"02b5a561-2d09-4a9b-8ac0-34d2ef61e592","extent_count":2048,)"
               R"("extent_size":{"shift":12,"value":16384},"block_size":4096})") ==
        golden_definition());
  CHECK(parsed(" \t\r\n" + std::string(golden_text) + "\n\n  ") == golden_definition());
}

TEST_CASE("a UUID in upper case is read, and written in lower case") {
  const RegionDefinition definition =
      parsed(DefinitionText().set("uuid", "\"02B5A561-2D09-4A9B-8AC0-34D2EF61E592\"").text());
  CHECK(to_json_text(definition) == golden_text);
}

TEST_CASE("members that are not known are kept, after those that are") {
  const RegionDefinition definition = parsed(DefinitionText()
                                                 .add("owner", "\"größe \\\" \\u0007\"")
                                                 .add("list", R"([1, -2, 2.5, null, true])")
                                                 .add("", R"({"block_size": 1})")
                                                 .text());
  CHECK(definition.other_members.size() == 3);
  CHECK(to_json_text(definition) == R"({
  "block_size": 4096,
  "extent_size": {
    "value": 16384,
    "shift": 12
  },
  "extent_count": 2048,
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "encrypted": false,
  "database_read_version": 1,
  "database_write_version": 1,
  "owner": "größe \" \u0007",
  "list": [
    1,
    -2,
    2.5,
    null,
    true
  ],
  "": {
    "block_size": 1
  }
}
)");
  CHECK(parsed(to_json_text(definition)) == definition);
}

TEST_CASE("members that are not known name each other apart") {
  const RegionDefinition definition =
      parsed(DefinitionText().add("b", "2").add("a", "\"one\"").text());
  REQUIRE(definition.other_members.size() == 2);
  CHECK(definition.other_members[0] == std::pair<std::string, std::string>("b", "2"));
  CHECK(definition.other_members[1] == std::pair<std::string, std::string>("a", "\"one\""));
}

TEST_CASE("a member of extent_size that is not known is kept as well") {
  const RegionDefinition definition = parsed(
      DefinitionText().set("extent_size", R"({"value":16384,"shift":12,"unit":"block"})").text());
  CHECK(to_json_text(definition).find(R"("unit": "block")") != std::string::npos);
}

TEST_CASE("the same name in different objects is not twice the same member") {
  CHECK(parsed(DefinitionText().add("x", R"({"value":1})").add("y", R"([{"a":1},{"a":2}])").text())
            .other_members.size() == 2);
}

TEST_CASE("a text of 64 KiB is read") {
  const std::string text = DefinitionText().text();
  CHECK(parsed(text + std::string(65536 - text.size(), ' ')) == golden_definition());
}

TEST_CASE("any definition comes back from its text") {
  Random random(17);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t block_size = std::uint64_t{512} << random.below(7);
    RegionDefinition definition{geometry(block_size, 1 + random.below(536870912 / block_size)),
                                static_cast<std::uint32_t>(random.next()),
                                {},
                                random.coin()};
    random.fill(definition.uuid.bytes);
    if (random.coin()) definition.other_members = {{"z", "1"}, {"a", R"({"b":[]})"}};
    CAPTURE(i);
    REQUIRE(parsed(to_json_text(definition)) == definition);
  }
}

}  // namespace
}  // namespace libregion
