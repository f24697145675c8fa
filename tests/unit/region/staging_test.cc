// Interrupted repairs: what is pending, what may be put in place, and what comes of it.

#include "libregion/region/staging.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/region/other_process.h"
#include "tests/unit/region/staged_repair.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

// ---- what is pending ----------------------------------------------------------------------------

TEST_CASE("each mark of a repair has its finding") {
  ExtentParts parts;
  CHECK(names_of(pending_findings(ExtentId{1}, parts)) == "");
  parts.add(ExtentPart::copy);
  parts.add(ExtentPart::replace);
  parts.add(ExtentPart::completed);
  const auto findings = pending_findings(ExtentId{1}, parts);
  REQUIRE(names_of(findings) == "copy_pending, replace_pending, completed_pending");
  CHECK(findings[0].file == "00/000/001.copy");
  CHECK(findings[1].file == "00/000/001.replace");
  CHECK(findings[2].file == "00/000/001.completed");
  CHECK(findings[2].extent == ExtentId{1});
}

// ---- leftovers ----------------------------------------------------------------------------------

TEST_CASE("copy and completed are removed with all that is in them, and nothing else is") {
  TestRegion region = raw_region();
  for (const char* name : {"00/000/000.copy", "00/000/000.completed"}) {
    region.make_directory(name + std::string("/a/b"));
    region.put_file(name + std::string("/000"), std::string_view("half a file"));
    region.put_file(name + std::string("/a/b/c"), std::string_view("more"));
    region.put_symbolic_link(name + std::string("/link"), region.path_of(data_name));
  }
  region.make_directory("00/000/001.copy");
  const Bytes data = region.file(data_name);
  Repair(region).clean();
  CHECK_FALSE(region.has("00/000/000.copy"));
  CHECK_FALSE(region.has("00/000/000.completed"));
  CHECK(region.file(data_name) == data);
  CHECK(region.has("00/000/001.copy"));
}

TEST_CASE("without leftovers nothing is touched") {
  TestRegion region = raw_region();
  const auto before = region.snapshot();
  Repair(region).clean();
  CHECK(region.snapshot() == before);
}

TEST_CASE("leftovers that are a symbolic link do not lead anywhere") {
  TestRegion region = raw_region();
  region.make_directory("elsewhere");
  region.put_file("elsewhere/precious", std::string_view("content"));
  region.put_symbolic_link("00/000/000.copy", region.path_of("elsewhere"));
  Repair repair(region);
  CHECK_THROWS_AS(repair.clean(), Error);
  CHECK(region.has("elsewhere/precious"));
}

TEST_CASE("leftovers that go too deep are left") {
  TestRegion region = raw_region();
  std::string deep = "00/000/000.copy";
  for (int i = 0; i < 100; ++i) deep += "/x";
  region.make_directory(deep);
  Repair repair(region);
  CHECK_THROWS_AS(repair.clean(), Error);
}

// ---- replacements that are put in place ---------------------------------------------------------

TEST_CASE("a raw replacement takes the place of a raw extent") {
  const TestRegion source = raw_region(ContextSlot::A);
  TestRegion region = raw_region();
  put_replacement(region, source);
  check_put_in_place(region, source);
}

TEST_CASE("a raw replacement takes the place of a damaged raw extent, longer or shorter") {
  const TestRegion source = raw_region(ContextSlot::A);
  for (const std::uint64_t size_bytes : {0U, 100U, 100'000U}) {
    CAPTURE(size_bytes);
    TestRegion region = raw_region();
    region.put_raw(0, region.raw().resize(size_bytes));
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
}

TEST_CASE("replacement replayed: a SQLite one takes the place of a SQLite extent") {
  SUBCASE("neither has a log") {
    const TestRegion source = sqlite_region(7);
    TestRegion region = sqlite_region(2);
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("the replacement has a log") {
    const TestRegion source = killed_sqlite_region(5);
    TestRegion region = sqlite_region(2);
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("replayed short: the extent has a log, which must go") {
    const TestRegion source = sqlite_region(7);
    TestRegion region = killed_sqlite_region(6);
    REQUIRE(region.has("00/000/000.db-wal"));
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
  SUBCASE("both have a log") {
    const TestRegion source = killed_sqlite_region(5);
    TestRegion region = killed_sqlite_region(6);
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
}

TEST_CASE("a replacement takes the place of an extent that is missing, whatever its format") {
  for (const bool is_raw : {true, false}) {
    CAPTURE(is_raw);
    const TestRegion source = is_raw ? raw_region() : killed_sqlite_region(5);
    TestRegion region = raw_region();
    region.remove(data_name);
    put_replacement(region, source);
    check_put_in_place(region, source);
  }
}

TEST_CASE("files that are there keep their mode, those that are made take the replacement's") {
  const auto mode_of = [](const TestRegion& region) {
    return static_cast<unsigned>(fs::status(region.path_of(data_name)).permissions());
  };
  TestRegion region = raw_region();
  put_replacement(region, raw_region(ContextSlot::A));
  fs::permissions(region.path_of(replace + "/000"), fs::perms{0600});
  SUBCASE("there") {
    fs::permissions(region.path_of(data_name), fs::perms{0640});
    Repair(region).finish();
    CHECK(mode_of(region) == 0640);
  }
  SUBCASE("made") {
    region.remove(data_name);
    Repair(region).finish();
    CHECK(mode_of(region) == 0600);
  }
}

// ---- replacements that are refused --------------------------------------------------------------

TEST_CASE("a replacement of one format onto the other is refused") {
  SUBCASE("SQLite onto raw") {
    TestRegion region = raw_region();
    put_replacement(region, sqlite_region(4));
    const auto findings = refusal_of(region);
    REQUIRE(names_of(findings) == "replace_format_mismatch");
    CHECK(findings[0].expected == "raw files");
    CHECK(findings[0].found == "sqlite files");
  }
  SUBCASE("raw onto SQLite") {
    TestRegion region = sqlite_region(4);
    put_replacement(region, raw_region());
    const auto findings = refusal_of(region);
    REQUIRE(names_of(findings) == "replace_format_mismatch");
    CHECK(findings[0].expected == "sqlite files");
    CHECK(findings[0].found == "raw files");
  }
  SUBCASE("raw onto a database without a data file") {
    TestRegion region = sqlite_region(4);
    region.remove(data_name);
    put_replacement(region, raw_region());
    CHECK(names_of(refusal_of(region)) == "replace_format_mismatch");
  }
}

TEST_CASE("a replacement without the extent's data file is unusable") {
  TestRegion region = raw_region();
  region.make_directory(replace);
  SUBCASE("it is empty") {}
  SUBCASE("it has another extent's") {
    region.put_file(replace + "/001", region.raw().write_all().bytes());
  }
  SUBCASE("it has one of another name") {
    region.put_file(replace + "/000.data", region.raw().write_all().bytes());
  }
  const auto findings = refusal_of(region);
  REQUIRE(names_of(findings) == "replace_unusable");
  CHECK(findings[0].expected == "a data file 000");
}

TEST_CASE("a replacement whose files are damaged is unusable") {
  SUBCASE("a raw file of the wrong size") {
    TestRegion region = raw_region();
    region.make_directory(replace);
    region.put_file(replace + "/000", ByteView(region.raw().bytes()).first(1000));
    const auto findings = refusal_of(region);
    REQUIRE(names_of(findings) == "replace_unusable");
    CHECK(findings[0].found.starts_with("000: wrong_size: "));
  }
  SUBCASE("a raw file of another version") {
    TestRegion region = raw_region();
    region.make_directory(replace);
    region.put_file(replace + "/000", region.raw().set_version(3).bytes());
    CHECK(names_of(refusal_of(region)) == "replace_unusable");
  }
  SUBCASE("a data file that is too short") {
    TestRegion region = sqlite_region(4);
    put_replacement(region, sqlite_region(5));
    region.put_file(replace + "/000", Bytes(512));
    CHECK(names_of(refusal_of(region)) == "replace_unusable");
  }
  SUBCASE("a database of length 0") {
    TestRegion region = sqlite_region(4);
    put_replacement(region, sqlite_region(5));
    region.put_file(replace + "/000.db", std::string_view());
    CHECK(names_of(refusal_of(region)) == "replace_unusable");
  }
  SUBCASE("a database that is none") {
    TestRegion region = sqlite_region(4);
    put_replacement(region, sqlite_region(5));
    region.put_file(replace + "/000.db", Bytes(8192));
    CHECK(names_of(refusal_of(region)) == "replace_unusable");
  }
}

TEST_CASE("a replacement that is not a directory is unusable, and not followed") {
  TestRegion region = raw_region();
  SUBCASE("a symbolic link to one") {
    region.make_directory("elsewhere");
    region.put_file("elsewhere/000", region.raw().write_all(ContextSlot::A).bytes());
    region.put_symbolic_link(replace, region.path_of("elsewhere"));
  }
  SUBCASE("a file") { region.put_file(replace, region.raw().bytes()); }
  SUBCASE("a FIFO") { region.put_fifo(replace); }
  CHECK(names_of(refusal_of(region)) == "replace_unusable");
}

TEST_CASE("a replacement's file that is no regular file with one name is unusable") {
  TestRegion region = raw_region();
  region.make_directory(replace);
  region.put_file("elsewhere", region.raw().write_all(ContextSlot::A).bytes());
  SUBCASE("a symbolic link") {
    region.put_symbolic_link(replace + "/000", region.path_of("elsewhere"));
  }
  SUBCASE("a FIFO") { region.put_fifo(replace + "/000"); }
  SUBCASE("a directory") { region.make_directory(replace + "/000"); }
  SUBCASE("a hard link") { region.put_hard_link(replace + "/000", region.path_of("elsewhere")); }
  CHECK(names_of(refusal_of(region)) == "replace_unusable");
}

TEST_CASE("a log or index in a SQLite replacement that is no regular file is unusable") {
  TestRegion region = sqlite_region(4);
  put_replacement(region, sqlite_region(5));
  SUBCASE("the log") { region.put_symbolic_link(replace + "/000.db-wal", "000"); }
  SUBCASE("the index") { region.put_symbolic_link(replace + "/000.db-shm", "000"); }
  CHECK(names_of(refusal_of(region)) == "replace_unusable");
}

// ---- what stands in the way ---------------------------------------------------------------------

TEST_CASE("an extent that somebody has open is not replaced") {
  TestRegion region = raw_region();
  put_replacement(region, raw_region(ContextSlot::A));
  const auto other = open_elsewhere(region.path_of(data_name), O_RDONLY);
  const auto before = region.snapshot();
  try {
    Repair(region).finish();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::in_use);
  }
  CHECK(region.snapshot() == before);
}

TEST_CASE("a replacement is never written through another name of the extent's file") {
  TestRegion region = raw_region();
  put_replacement(region, raw_region(ContextSlot::A));
  const Bytes data = region.file(data_name);
  SUBCASE("a symbolic link") {
    region.put_file("elsewhere", data);
    region.remove(data_name);
    region.put_symbolic_link(data_name, region.path_of("elsewhere"));
  }
  SUBCASE("a hard link") { region.put_hard_link("elsewhere", region.path_of(data_name)); }
  CHECK_THROWS_AS(Repair(region).finish(), Error);
  CHECK(region.file("elsewhere") == data);
  CHECK(region.has(replace));
}

}  // namespace
}  // namespace libregion
