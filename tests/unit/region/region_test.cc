// Opening a region: what is wrong with its definition is a finding, each with what was expected.

#include "libregion/region/region.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

OpenedRegion open(const TestRegion& region) {
  PosixFileSystem file_system;
  return open_region(file_system, region.path(), {});
}

std::string definition_text(const TestRegion& region) {
  return to_text(region.file("region.json"));
}

// With the first occurrence of `old_text` replaced.
void edit_definition(const TestRegion& region, const std::string& old_text,
                     const std::string& new_text) {
  std::string text = definition_text(region);
  const std::size_t at = text.find(old_text);
  REQUIRE(at != std::string::npos);
  region.put_file("region.json", text.replace(at, old_text.size(), new_text));
}

TEST_CASE("a sound definition opens the region, and nothing is changed") {
  TestRegion region({4096, 100, 7, true});
  const auto before = region.snapshot();
  const OpenedRegion opened = open(region);
  CHECK(names_of(opened.findings) == "");
  REQUIRE(opened.region);
  CHECK(opened.region->path == region.path());
  CHECK(opened.region->definition == region.definition());
  CHECK(opened.region->definition.encrypted);
  CHECK(opened.region->definition.extent_count == 7);
  REQUIRE(opened.region->root != nullptr);
  REQUIRE(opened.region->use != nullptr);
  CHECK(region.snapshot() == before);
}

TEST_CASE("a directory without region.json has no definition") {
  TestRegion region;
  region.remove("region.json");
  const OpenedRegion opened = open(region);
  CHECK_FALSE(opened.region.has_value());
  REQUIRE(names_of(opened.findings) == "definition_missing");
  CHECK(opened.findings[0].file == "region.json");
}

TEST_CASE("what is no regular file with one name is no definition") {
  TestRegion region;
  struct Case {
    std::string found;
    std::function<void()> put;
  };
  const std::vector<Case> cases = {
      {"a symbolic link",
       [&] {
         region.put_file("elsewhere", definition_text(region));
         region.remove("region.json");
         region.put_symbolic_link("region.json", "elsewhere");
       }},
      {"a FIFO",
       [&] {
         region.remove("region.json");
         region.put_fifo("region.json");
       }},
      {"a directory",
       [&] {
         region.remove("region.json");
         region.make_directory("region.json");
       }},
  };
  for (const Case& wrong : cases) {
    CAPTURE(wrong.found);
    wrong.put();
    const OpenedRegion opened = open(region);
    CHECK_FALSE(opened.region.has_value());
    REQUIRE(names_of(opened.findings) == "definition_invalid");
    CHECK(opened.findings[0].found == wrong.found);
  }
  TestRegion linked;
  linked.put_hard_link("other", linked.path_of("region.json"));
  const OpenedRegion opened = open(linked);
  CHECK_FALSE(opened.region.has_value());
  REQUIRE(names_of(opened.findings) == "definition_invalid");
  CHECK(opened.findings[0].found == "2 names");
}

TEST_CASE("every problem of a definition is a finding that names its member") {
  TestRegion region;
  edit_definition(region, "\"shift\": 9", "\"shift\": 10");
  edit_definition(region, "\"database_read_version\": 1", "\"database_read_version\": 2");
  edit_definition(region, "  \"encrypted\": false,\n", "");
  const OpenedRegion opened = open(region);
  CHECK_FALSE(opened.region.has_value());
  REQUIRE(names_of(opened.findings) ==
          "definition_invalid, definition_invalid, definition_invalid");
  for (const char* member : {"extent_size.shift: ", "database_read_version: ", "encrypted: "}) {
    CAPTURE(member);
    CHECK(std::any_of(opened.findings.begin(), opened.findings.end(), [&](const Finding& finding) {
      return finding.file == "region.json" && finding.expected.starts_with(member);
    }));
  }
}

TEST_CASE("a definition that is too long is not read to its end") {
  TestRegion region;
  const std::string text = definition_text(region);
  region.put_file("region.json", text + std::string(65536 - text.size(), ' '));
  CHECK(open(region).region.has_value());
  region.put_file("region.json", text + std::string(65537 - text.size(), ' '));
  const OpenedRegion opened = open(region);
  CHECK_FALSE(opened.region.has_value());
  CHECK(names_of(opened.findings) == "definition_invalid");
  std::filesystem::resize_file(region.path_of("region.json"), std::uint64_t{1} << 40);
  CHECK(names_of(open(region).findings) == "definition_invalid");
}

TEST_CASE("a definition that is empty or no JSON is none") {
  TestRegion region;
  for (const char* text : {"", "{", "[]", "null", "\xff\xfe"}) {
    CAPTURE(text);
    region.put_file("region.json", std::string_view(text));
    CHECK_FALSE(open(region).region.has_value());
    CHECK(names_of(open(region).findings) == "definition_invalid");
  }
}

TEST_CASE("who only wants to know the geometry is told nothing of what is no definition") {
  TestRegion region({4096, 100, 7, true});
  PosixFileSystem file_system;
  const auto peek = [&] { return peek_at_definition(file_system, region.path()); };
  REQUIRE(peek().has_value());
  CHECK(peek()->extent_count == 7);
  region.put_file("region.json", std::string_view("{}"));
  CHECK_FALSE(peek().has_value());
  region.remove("region.json");
  CHECK_FALSE(peek().has_value());
}

TEST_CASE("a member that is not known is a note, and the region opens") {
  TestRegion region;
  edit_definition(region, "\"uuid\"", "\"colour\": \"blue\",\n  \"uuid\"");
  const OpenedRegion opened = open(region);
  CHECK(opened.region.has_value());
  REQUIRE(names_of(opened.findings) == "definition_unknown_member");
  CHECK(opened.findings[0].found == "colour");
}

TEST_CASE("what a definition holds cannot drive a terminal") {
  TestRegion region;
  edit_definition(region, "\"uuid\"", "\"\\u001b[2J\": 1,\n  \"uuid\"");
  const OpenedRegion opened = open(region);
  REQUIRE(names_of(opened.findings) == "definition_unknown_member");
  CHECK(opened.findings[0].found == "\\x1b[2J");
}

TEST_CASE("what is no directory is no region") {
  TestRegion region;
  PosixFileSystem file_system;
  for (const std::string& path : {region.path_of("nothing"), region.path_of("region.json")}) {
    CAPTURE(path);
    try {
      (void)open_region(file_system, path, {});
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::not_a_region);
      CHECK(std::string(error.what()).find(path) != std::string::npos);
    }
  }
}

TEST_CASE("a region is found through a symbolic link that the user named") {
  TestRegion region;
  const TemporaryDirectory elsewhere;
  const std::string link = elsewhere.path() + "/link";
  std::filesystem::create_directory_symlink(region.path(), link);
  PosixFileSystem file_system;
  CHECK(open_region(file_system, link, {}).region.has_value());
}

}  // namespace
}  // namespace libregion
