// Names of a bundle's members: built, parsed, ordered.

#include "libregion/format/bundle_members.h"

#include <doctest/doctest.h>

#include "libregion/format/bundle_manifest.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

// In the order in which they come.
const std::array ordered_names = {"manifest.json",
                                  "region.json",
                                  "listing",
                                  "00/listing",
                                  "00/000/listing",
                                  "00/000/000.blocks",
                                  "00/000/000.tail",
                                  "00/000/000.end",
                                  "00/000/000.rows",
                                  "00/000/000.db",
                                  "00/000/000.db-wal",
                                  "00/000/000.db-journal",
                                  "00/000/000.replace/000.tail",
                                  "00/000/000.replace/000.end",
                                  "00/000/000.replace/000.rows",
                                  "00/000/000.replace/000.db",
                                  "00/000/001.blocks",
                                  "00/000/FFF.tail",
                                  "00/001/listing",
                                  "00/001/000.blocks",
                                  "00/FFF/listing",
                                  "0A/listing",
                                  "0A/000/listing",
                                  "FF/FFF/FFF.tail"};

TEST_CASE("names are parsed, built again the same, and stand in this order") {
  MemberPlace last = {-4, 0, 0, 0, 0};
  for (const char* name : ordered_names) {
    CAPTURE(name);
    const auto member = parse_member_name(name);
    REQUIRE(member);
    CHECK(member_name(*member) == name);
    CHECK(last < place_of(*member));
    last = place_of(*member);
  }
}

TEST_CASE("what no bundle has is no member") {
  for (const char* name : {"",
                           "/",
                           ".",
                           "..",
                           "/region.json",
                           "./region.json",
                           "../region.json",
                           "region.json/",
                           "Manifest.json",
                           "00",
                           "00/",
                           "00/000",
                           "00/000/",
                           "00/000/000",
                           "00//000.tail",
                           "/00/000/000.tail",
                           "00/000/../000.tail",
                           "../00/000/000.tail",
                           "00/000/000.tail/",
                           "00/000/000.db-shm",
                           "00/000/000.copy",
                           "00/000/000.copy/000.tail",
                           "00/000/000.completed/000.tail",
                           "00/000/000.replace/001.tail",
                           "00/000/000.replace/",
                           "00/000/000.replace/000",
                           "00/000/000.replace/000.replace/000.tail",
                           "00/000/00.tail",
                           "00/000/00a.tail",
                           "00/000/0000.tail",
                           "0/000/000.tail",
                           "00/000/000.Tail",
                           "00/000/readme",
                           "etc/passwd",
                           "listing/listing",
                           "00/listing/listing"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_member_name(name));
  }
}

TEST_CASE("any text is a member that is built again the same, or none") {
  Random random(1);
  int taken = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string name = ordered_names[random.below(ordered_names.size())];
    for (std::uint64_t changes = random.below(3); changes > 0; --changes) {
      name[random.below(name.size())] = random.text(1, "0123ABCDEF./-tabdr")[0];
    }
    const auto member = parse_member_name(name);
    if (!member) continue;
    ++taken;
    REQUIRE(member_name(*member) == name);
  }
  CHECK(taken > 1000);
}

TEST_CASE("the manifest says what the bundle is") {
  const RegionDefinition definition{std::get<Geometry>(Geometry::make(4096, 16)), 3,
                                    *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"), true};
  CHECK(to_json_text(BundleManifest{"region-dump", "0.1.0", true, definition}) == R"({
  "bundle": 1,
  "tool": "region-dump",
  "tool_version": "0.1.0",
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "block_size": 4096,
  "extent_size": 16,
  "extent_count": 3,
  "encrypted": true,
  "blinded": [
    "nonce",
    "tag"
  ],
  "left_out": [
    "data"
  ]
}
)");
  const std::string plain = to_json_text(BundleManifest{"x", "0", false, definition});
  CHECK(plain.find("\"blinded\": [],") != std::string::npos);
}

TEST_CASE("the format of a bundle is a number in its manifest") {
  CHECK(found_bundle_format(R"({"bundle": 1})") == "1");
  CHECK(found_bundle_format(R"({"bundle": 2, "x": []})") == "2");
  CHECK(found_bundle_format(R"({"bundle": "1"})") == "\"1\"");
  CHECK(found_bundle_format(R"({"bundle": -1})") == "-1");
  CHECK(found_bundle_format(R"({"bundle": 1.0})") == "1.0");
  CHECK(found_bundle_format(R"({"x": 1})") == "no member 'bundle'");
  CHECK(found_bundle_format("[1]") == "no JSON object");
  CHECK(found_bundle_format("") == "no JSON object");
  CHECK(found_bundle_format(std::string(60000, '[')) == "no JSON object");
}

}  // namespace
}  // namespace libregion
