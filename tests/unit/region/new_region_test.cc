// What stands where a region is to be made.

#include "libregion/region/new_region.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

using Kind = TargetState::Kind;

TargetState look(const std::string& path) {
  PosixFileSystem file_system;
  return look_at_target(file_system, path);
}

// A region whose create was interrupted just before region.json.
TestRegion interrupted_create() {
  TestRegion region;
  region.put_raw(0);
  region.put_raw(1);
  region.remove("region.json");
  region.put_file("region.json.tmp", std::string_view("{"));
  return region;
}

TEST_CASE("nothing, an empty directory, a region") {
  TestRegion region;
  CHECK(look(region.path_of("nothing")).kind == Kind::missing);
  region.make_directory("empty");
  CHECK(look(region.path_of("empty")).kind == Kind::empty);
  CHECK(look(region.path()).kind == Kind::region);
  region.put_file("region.json", std::string_view("not even JSON"));
  CHECK(look(region.path()).kind == Kind::region);
}

TEST_CASE("a file, or a link to nothing, is something else") {
  TestRegion region;
  CHECK(look(region.path_of("region.json")).kind == Kind::something_else);
  region.put_symbolic_link("link", "region.json");
  CHECK(look(region.path_of("link")).kind == Kind::something_else);
}

TEST_CASE("only names that a create builds are leftovers") {
  CHECK(look(interrupted_create().path()).kind == Kind::leftovers);
  for (const char* name : {"README", "seed.db", "00/README", "00/000/README", "00/000/000.db-wal",
                           "00/000/000.db-shm", "00/000/zzz", "0"}) {
    CAPTURE(name);
    const TestRegion region = interrupted_create();
    region.put_file(name, std::string_view());
    const TargetState state = look(region.path());
    CHECK(state.kind == Kind::something_else);
    CHECK(state.offender.ends_with(std::string("/") + name));
  }
  for (const char* name : {"00/000/000.copy", "00/000/000.replace", "00/000/002", "00/0000"}) {
    CAPTURE(name);
    const TestRegion region = interrupted_create();
    region.make_directory(name);
    CHECK(look(region.path()).kind == Kind::something_else);
  }
}

TEST_CASE("links are not leftovers, whatever their names") {
  for (const char* name : {"00/000/002", "01", "00/001", "region.json.tmp"}) {
    CAPTURE(name);
    const TestRegion region = interrupted_create();
    region.remove("region.json.tmp");
    region.put_symbolic_link(name, "/tmp");
    CHECK(look(region.path()).kind == Kind::something_else);
  }
}

// As "cp -al" makes a copy of a region: whether it has been in use, nobody may look.
TEST_CASE("an extent that has another name elsewhere is nothing to be cleared") {
  const TemporaryDirectory outside;
  TestRegion region = interrupted_create();
  REQUIRE(look(region.path()).kind == Kind::leftovers);
  std::string name = "00/000/000";
  SUBCASE("raw") {}
  SUBCASE("of SQLite") {
    region.remove(name);
    region.put_sqlite(0, 1);
    name += ".db";
  }
  std::filesystem::create_hard_link(region.path_of(name), outside.path() + "/x");
  try {
    (void)look(region.path());
    FAIL("it was looked into");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(std::string(error.what()).find(name + "'") != std::string::npos);
  }
}

TEST_CASE("extents that have been in use are a region that lost its definition") {
  TestRegion region = interrupted_create();
  SUBCASE("a raw extent that was flushed") {
    region.put_raw(1, region.raw().set_numbers(0, 2));
    CHECK(look(region.path()).offender.ends_with("00/000/001"));
  }
  SUBCASE("a raw extent of a later generation") {
    region.put_raw(1, region.raw().set_numbers(1, 0));
  }
  SUBCASE("a raw extent that is dirty") { region.put_raw(1, region.raw().set_dirty()); }
  SUBCASE("a SQLite extent that was flushed") {
    region.put_sqlite(1, 3);
    CHECK(look(region.path()).offender.ends_with("00/000/001.db"));
  }
  CHECK(look(region.path()).kind == Kind::lost_definition);
}

TEST_CASE("beside a mark with a definition in it everything is a leftover") {
  TestRegion region = interrupted_create();
  region.put_raw(1, region.raw().set_numbers(7, 9).set_dirty());
  region.put_file("readme", std::string_view("text"));
  region.put_symbolic_link("00/001", "/tmp");
  region.make_directory("00/000/000.copy");
  REQUIRE(look(region.path()).kind == Kind::something_else);
  const std::string mark = "region.json.incomplete";
  SUBCASE("with a definition") {
    region.put_file(mark, as_byte_view(to_json_text(region.definition())));
    CHECK(look(region.path()).kind == Kind::leftovers);
    PosixFileSystem file_system;
    const auto root = expect_opened(file_system.open_directory(region.path()), region.path());
    clear_leftovers(*root);
    CHECK(look(region.path()).kind == Kind::empty);
  }
  SUBCASE("with half of one") {
    const std::string text = to_json_text(region.definition());
    region.put_file(mark, as_byte_view(text.substr(0, text.size() / 2)));
    CHECK(look(region.path()).kind == Kind::something_else);
  }
  SUBCASE("with more than any definition has") {
    const std::string text = to_json_text(region.definition());
    region.put_file(mark, as_byte_view(text + std::string(definition_bytes_max, ' ')));
    CHECK(look(region.path()).kind == Kind::something_else);
  }
  SUBCASE("behind a link") {
    region.put_file("elsewhere", as_byte_view(to_json_text(region.definition())));
    region.put_symbolic_link(mark, "elsewhere");
    CHECK(look(region.path()).kind == Kind::something_else);
  }
  SUBCASE("of a region that is there") {
    region.put_file(mark, as_byte_view(to_json_text(region.definition())));
    region.put_file("region.json", std::string_view("{"));
    CHECK(look(region.path()).kind == Kind::region);
  }
}

TEST_CASE("a mark alone is a leftover, whatever is in it") {
  TestRegion region;
  region.remove("region.json");
  region.put_file("region.json.incomplete", std::string_view("{"));
  CHECK(look(region.path()).kind == Kind::leftovers);
}

TEST_CASE("extents as a create with an import makes them are leftovers") {
  TestRegion region = interrupted_create();
  region.put_raw(1, region.raw().write_all().set_numbers(0, 1));
  CHECK(look(region.path()).kind == Kind::leftovers);
}

TEST_CASE("leftovers are cleared, the directory itself stays") {
  const TestRegion region = interrupted_create();
  PosixFileSystem file_system;
  const auto root = expect_opened(file_system.open_directory(region.path()), region.path());
  clear_leftovers(*root);
  CHECK(look(region.path()).kind == Kind::empty);
}

TEST_CASE("what is no leftover is never cleared") {
  const TestRegion region = interrupted_create();
  region.put_file("00/000/precious", std::string_view("content"));
  PosixFileSystem file_system;
  const auto root = expect_opened(file_system.open_directory(region.path()), region.path());
  CHECK_THROWS_AS(clear_leftovers(*root), Error);
  CHECK(region.has("00/000/precious"));
}

TEST_CASE("the directory that a path is in, and the name in it") {
  const TestRegion region;
  PosixFileSystem file_system;
  const auto check = [&](const std::string& path, const std::string& parent_path,
                         const std::string& expected_name) {
    CAPTURE(path);
    const auto [parent, name] = open_parent(file_system, path);
    CHECK(parent->path() == parent_path);
    CHECK(name == expected_name);
  };
  check(region.path_of("new"), region.path(), "new");
  check(region.path_of("new/"), region.path(), "new");
  check(region.path_of("new///"), region.path(), "new");
  check("new", ".", "new");
  check("/new", "/", "new");
  CHECK_THROWS_AS(open_parent(file_system, region.path_of("nothing/new")), Error);
}

}  // namespace
}  // namespace libregion
