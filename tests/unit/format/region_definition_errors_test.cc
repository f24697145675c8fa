// Definitions that cannot be used: each problem names its member, what was expected, what was
// found.

#include <doctest/doctest.h>

#include "libregion/format/region_definition.h"
#include "tests/unit/format/definition_text.h"

namespace libregion {
namespace {

// "member | expected | found", a line for each problem; "none" where the text can be used.
std::string problems_of(std::string_view text) {
  const auto result = parse_region_definition(text);
  const auto* problems = std::get_if<std::vector<DefinitionProblem>>(&result);
  if (problems == nullptr) return "none";
  std::string lines;
  for (const DefinitionProblem& problem : *problems) {
    if (!lines.empty()) lines += "\n";
    lines += problem.member + " | " + problem.expected + " | " + problem.found;
  }
  return lines;
}

std::string problems_with(const std::string& name, const std::string& json) {
  return problems_of(DefinitionText().set(name, json).text());
}

std::string extent_size(const std::string& value, const std::string& shift) {
  return R"({"value": )" + value + R"(, "shift": )" + shift + "}";
}

constexpr auto any_u64 = "an integer from 0 to 18446744073709551615";
constexpr auto any_u32 = "an integer from 0 to 4294967295";

TEST_CASE("a member that is missing is named") {
  for (const std::string name : {"block_size", "extent_size", "extent_count", "uuid", "encrypted",
                                 "database_read_version", "database_write_version"}) {
    CAPTURE(name);
    CHECK(problems_of(DefinitionText().remove(name).text()) ==
          name + " | a value | no such member");
  }
  CHECK(problems_with("extent_size", R"({"shift": 12})") ==
        "extent_size.value | a value | no such member");
  CHECK(problems_with("extent_size", R"({"value": 16384})") ==
        "extent_size.shift | a value | no such member");
}

TEST_CASE("names are matched exactly") {
  CHECK(problems_of(DefinitionText().remove("uuid").add("UUID", "\"\"").text()) ==
        "uuid | a value | no such member");
}

TEST_CASE("a member that is there twice is named, even with equal values") {
  const std::vector<std::pair<std::string, std::string>> members = {
      {"block_size", "4096"},         {"extent_size", extent_size("16384", "12")},
      {"extent_count", "2048"},       {"uuid", "\"02b5a561-2d09-4a9b-8ac0-34d2ef61e592\""},
      {"encrypted", "false"},         {"database_read_version", "1"},
      {"database_write_version", "1"}};
  for (const auto& member : members) {
    const std::string& name = member.first;
    CAPTURE(name);
    CHECK(problems_of(DefinitionText().add(name, member.second).text()) ==
          name + " | one member of this name | two");
  }
}

TEST_CASE("a member that is there twice under another spelling is named") {
  CHECK(problems_of(DefinitionText().add("extent\\u005fcount", "1").text()) ==
        "extent_count | one member of this name | two");
}

TEST_CASE("a member of extent_size that is there twice is named with its path") {
  CHECK(problems_with("extent_size", R"({"value":16384,"value":16384,"shift":12})") ==
        "extent_size.value | one member of this name | two");
}

TEST_CASE("a member that is not known must not be there twice either") {
  CHECK(problems_of(DefinitionText().add("x", "1").add("x", "1").text()) ==
        "x | one member of this name | two");
}

TEST_CASE("numbers are unsigned integers: nothing is converted") {
  for (const std::string json : {"\"2048\"", "true", "null", "[]", "{}", "[2048]", "-1", "-2048",
                                 "-0", "2048.7", "0.5", "1e-1"}) {
    CAPTURE(json);
    const std::string compact = json == "-0" ? "0" : json == "1e-1" ? "0.1" : json;
    CHECK(problems_with("extent_count", json) ==
          "extent_count | " + std::string(any_u32) + " | " + compact);
    CHECK(problems_with("block_size", json) ==
          "block_size | " + std::string(any_u64) + " | " + compact);
    CHECK(problems_with("extent_size", extent_size(json, "12")) ==
          "extent_size.value | " + std::string(any_u64) + " | " + compact);
    CHECK(problems_with("extent_size", extent_size("16384", json)) ==
          "extent_size.shift | an integer from 0 to 15 | " + compact);
    CHECK(problems_with("database_write_version", json) ==
          "database_write_version | " + std::string(any_u32) + " | " + compact);
  }
}

TEST_CASE("a fraction that is whole, or a power of ten, is still no integer") {
  CHECK(problems_with("extent_count", "2048.0") ==
        "extent_count | " + std::string(any_u32) + " | 2048.0");
  CHECK(problems_with("block_size", "4.096e3") ==
        "block_size | " + std::string(any_u64) + " | 4096.0");
}

TEST_CASE("a number too large for its member is not cut down to fit") {
  CHECK(problems_with("extent_count", "4294967296") ==
        "extent_count | " + std::string(any_u32) + " | 4294967296");
  CHECK(problems_with("extent_count", "18446744073709551615") ==
        "extent_count | " + std::string(any_u32) + " | 18446744073709551615");
  CHECK(problems_with("database_read_version", "4294967297") ==
        "database_read_version | " + std::string(any_u32) + " | 4294967297");
  CHECK(problems_with("extent_size", extent_size("16384", "4294967308")) ==
        "extent_size.shift | an integer from 0 to 15 | 4294967308");
  CHECK(problems_with("block_size", "18446744073709555712")
            .find("block_size | " + std::string(any_u64) + " | ") == 0);
}

TEST_CASE("the other members have their types as well") {
  for (const std::string json : {"1", "0", "\"false\"", "null", "[]", "{}"}) {
    CAPTURE(json);
    CHECK(problems_with("encrypted", json) == "encrypted | true or false | " + json);
  }
  for (const std::string json : {"1", "true", "null", "[]", "{}", "\"\"", "\"02b5a561\"",
                                 "\"02b5a5612d094a9b8ac034d2ef61e592\""}) {
    CAPTURE(json);
    CHECK(problems_with("uuid", json) == "uuid | a UUID with hyphens | " + json);
  }
  for (const std::string json : {"16384", "true", "null", "\"\"", "[16384,12]"}) {
    CAPTURE(json);
    CHECK(problems_with("extent_size", json) ==
          "extent_size | an object with value and shift | " + json);
  }
}

TEST_CASE("a shift that does not match the block size is named: it alone decides the layout") {
  CHECK(problems_of(DefinitionText()
                        .set("block_size", "512")
                        .set("extent_size", extent_size("16", "10"))
                        .text()) == "extent_size.shift | 9, since block_size is 512 | 10");
  CHECK(problems_with("extent_size", extent_size("16384", "0")) ==
        "extent_size.shift | 12, since block_size is 4096 | 0");
}

TEST_CASE("block sizes and extent sizes beyond the format's limits are named") {
  constexpr auto sizes = "a block size of 512, 1024, 2048, 4096, 8192, 16384 or 32768 bytes";
  for (const std::string size : {"0", "256", "4095", "65536"}) {
    CAPTURE(size);
    CHECK(problems_with("block_size", size) == "block_size | " + std::string(sizes) + " | " + size);
  }
  for (const std::string value : {"0", "131073", "4503599627370497", "18446744073709551615"}) {
    CAPTURE(value);
    CHECK(problems_with("extent_size", extent_size(value, "12")) ==
          "extent_size.value | an extent size of 1 to 131072 blocks of 4096 bytes (512 MiB) | " +
              value);
  }
}

TEST_CASE("a database version other than 1 is named") {
  for (const std::string version : {"0", "2", "4294967295"}) {
    CAPTURE(version);
    CHECK(problems_with("database_read_version", version) ==
          "database_read_version | 1 | " + version);
    CHECK(problems_with("database_write_version", version) ==
          "database_write_version | 1 | " + version);
  }
}

TEST_CASE("every problem there is is named, not just the first") {
  CHECK(problems_of(DefinitionText()
                        .remove("block_size")
                        .set("extent_size", extent_size("true", "-9"))
                        .set("uuid", "7")
                        .set("encrypted", "0")
                        .set("database_write_version", "2")
                        .text()) ==
        "block_size | a value | no such member\n"
        "extent_size.value | an integer from 0 to 18446744073709551615 | true\n"
        "extent_size.shift | an integer from 0 to 15 | -9\n"
        "uuid | a UUID with hyphens | 7\n"
        "encrypted | true or false | 0\n"
        "database_write_version | 1 | 2");
  CHECK(problems_of("{}") ==
        "block_size | a value | no such member\n"
        "extent_size | a value | no such member\n"
        "extent_count | a value | no such member\n"
        "uuid | a value | no such member");
}

TEST_CASE("JSON that is no object is named by its type") {
  CHECK(problems_of("[]") == " | a JSON object | array");
  CHECK(problems_of("[" + DefinitionText().text() + "]") == " | a JSON object | array");
  CHECK(problems_of("1") == " | a JSON object | number");
  CHECK(problems_of("\"{}\"") == " | a JSON object | string");
  CHECK(problems_of("true") == " | a JSON object | boolean");
  CHECK(problems_of("null") == " | a JSON object | null");
}

TEST_CASE("text that is not JSON is said to be none") {
  const std::string good = DefinitionText().text();
  const std::vector<std::string> texts = {"",
                                          " \n",
                                          "{",
                                          "}",
                                          "region",
                                          good + "x",
                                          good + good,
                                          good.substr(0, good.size() - 3),
                                          "{'a': 1}",
                                          "{\"a\": 1,}",
                                          "{\"a\" 1}",
                                          "{\"a\": }",
                                          "{a: 1}",
                                          "/**/{}",
                                          "{} // x",
                                          "{\"a\": 01}",
                                          "{\"a\": +1}",
                                          "{\"a\": .5}",
                                          "{\"a\": NaN}",
                                          "{\"a\": 0x10}",
                                          "{\"a\": 1e999}",
                                          std::string(1, '\0'),
                                          "{\"a\": \"\n\"}"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(problems_of(text) == " | a JSON object | text that is not JSON");
  }
}

TEST_CASE("a NUL does not end the text: what follows it, and the NUL itself, are no JSON") {
  const std::string good = DefinitionText().text();
  CHECK(problems_of(good + std::string(1, '\0')) == " | a JSON object | text that is not JSON");
  CHECK(problems_of(good + std::string(1, '\0') + "{ garbage") ==
        " | a JSON object | text that is not JSON");
}

TEST_CASE("text that is not UTF-8, in a string or outside one, is no JSON") {
  for (const std::string bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x82", "\x80"}) {
    CHECK(problems_of(DefinitionText().add("x", "\"" + bad + "\"").text()) ==
          " | a JSON object | text that is not JSON");
    CHECK(problems_of(DefinitionText().add(bad, "1").text()) ==
          " | a JSON object | text that is not JSON");
    CHECK(problems_of(bad + DefinitionText().text()) == " | a JSON object | text that is not JSON");
  }
  CHECK(problems_of(DefinitionText().add("x", "\"\\ud800\"").text()) ==
        " | a JSON object | text that is not JSON");
}

TEST_CASE("a text of more than 64 KiB is not even parsed") {
  const std::string good = DefinitionText().text();
  CHECK(problems_of(good + std::string(65537 - good.size(), ' ')) ==
        " | at most 65536 bytes | 65537 bytes");
  CHECK(problems_of(std::string(1000000, '[')) == " | at most 65536 bytes | 1000000 bytes");
}

TEST_CASE("what was found is cut where it is long") {
  const std::string problem = problems_with("uuid", "\"" + std::string(5000, 'a') + "\"");
  CHECK(problem == "uuid | a UUID with hyphens | \"" + std::string(59, 'a') + "...");
}

TEST_CASE("what was found is shown in ASCII without control characters") {
  CHECK(problems_with("uuid", "\"\\u001b[31m\\n\x7f\xC2\x9B\"") ==
        R"(uuid | a UUID with hyphens | "\u001b[31m\n\u007f\u009b")");
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_CASE("nesting without an end is refused") {
  CHECK(problems_of(std::string(65536, '[')) == " | at most 64 levels | more");
  CHECK(problems_of("{\"x\":" + std::string(65000, '[')) == " | at most 64 levels | more");
  std::string objects;
  while (objects.size() < 65000) objects += "{\"x\":";
  CHECK(problems_of(objects) == " | at most 64 levels | more");
}

TEST_CASE("nesting as deep as 64 KiB allow is survived") {
  SUBCASE("in a member that is not known") {
    // Whether it is refused or kept is open; if kept, then whole.
    const auto result = parse_region_definition(DefinitionText().add("x", nested(32000)).text());
    if (const auto* definition = std::get_if<RegionDefinition>(&result)) {
      REQUIRE(definition->other_members.size() == 1);
      CHECK(definition->other_members[0].second.size() == 64000);
    } else {
      CHECK_FALSE(std::get<std::vector<DefinitionProblem>>(result).empty());
    }
  }
  SUBCASE("in a member of another type") {
    CHECK(problems_with("uuid", nested(32000)).find(" | ") != std::string::npos);
  }
  SUBCASE("around everything") { CHECK(problems_of(nested(32768)).substr(0, 3) == " | "); }
}

}  // namespace
}  // namespace libregion
