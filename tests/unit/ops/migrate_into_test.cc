// Migrating into a new region: what is taken along, what stays behind, and what damage does.

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/format/raw_layout.h"
#include "tests/support/older_sqlite.h"
#include "tests/unit/ops/migrated_into.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

// ---- what is taken along ------------------------------------------------------------------------

TEST_CASE("a raw extent is copied, a SQLite one migrated, the source stays as it is") {
  IntoPlace place;
  place.source.put_raw(0, place.source.raw().write_all().set_dirty());
  place.source.put_sqlite(1, 5);
  const auto before = place.source.snapshot();
  const Into into = place.migrate();
  CHECK(place.source.snapshot() == before);
  CHECK(into.summary.is_made);
  CHECK(into.summary.extent_count == 2);
  CHECK(into.summary.copied_count == 1);
  CHECK(into.summary.migrated_count == 1);
  CHECK(into.summary.row_count == 5);
  CHECK(action_of(into, 0) == "action=copied changed=true");
  CHECK(action_of(into, 1) == "action=migrated changed=true");
  CHECK(place.names() == ". 00 00/000 00/000/000 00/000/001 region.json ");
  CHECK(place.made("00/000/000") == place.source.file("00/000/000"));
  CHECK(place.made("region.json") == place.source.file("region.json"));
  migrate(place.source);
  CHECK(place.made("00/000/001") == place.source.file("00/000/001"));
}

TEST_CASE("extents of several leaf directories come into theirs") {
  TestRegionOptions options;
  options.extent_size_blocks = 1;
  options.extent_count = 4098;
  IntoPlace place(options);
  place.source.make_directory("00/001");
  place.source.put_raw_everywhere();
  MigrateIntoOptions with_threads;
  with_threads.migrate.walk.jobs = 4;
  const Into into = place.migrate(with_threads);
  CHECK(into.summary.copied_count == 4098);
  CHECK(place.made("00/001/001") == place.source.file("00/001/001"));
  CHECK(place.made("00/000/FFF") == place.source.file("00/000/FFF"));
}

TEST_CASE("a region without extents becomes one") {
  TestRegionOptions options;
  options.extent_count = 0;
  const IntoPlace place(options);
  CHECK(place.migrate().summary.is_made);
  CHECK(place.names() == ". region.json ");
}

TEST_CASE("another UUID is all that differs in region.json") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  MigrateIntoOptions options;
  options.uuid = parse_uuid("11111111-2222-4333-8444-555555555555");
  place.migrate(options);
  std::string expected = to_text(place.source.file("region.json"));
  const std::string old = "02b5a561-2d09-4a9b-8ac0-34d2ef61e592";
  expected.replace(expected.find(old), old.size(), to_text(*options.uuid));
  CHECK(to_text(place.made("region.json")) == expected);
}

TEST_CASE("what interrupted repairs and migrations left stays behind, and so do strays") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  place.source.put_file("seed.db", std::string_view("x"));
  place.source.put_file("00/000/000.db-wal", std::string_view("x"));
  place.source.put_file("00/000/notes", std::string_view("x"));
  place.source.make_directory("00/000/001.copy");
  place.source.make_directory("00/000/001.completed");
  place.source.put_raw(2);  // beyond the last extent
  const auto before = place.source.snapshot();
  const Into into = place.migrate();
  CHECK(place.source.snapshot() == before);
  CHECK(into.summary.is_made);
  CHECK(names_of(into.reports.findings) == "stray_file");
  CHECK(place.names() == ". 00 00/000 00/000/000 00/000/001 region.json ");
}

TEST_CASE("a pending replacement is what the new region gets") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  place.source.make_directory("00/000/001.replace");
  const Bytes replacement = place.source.raw().write(3, ContextSlot::A, 7).bytes();
  place.source.put_file("00/000/001.replace/001", ByteView(replacement));
  const Into into = place.migrate();
  CHECK(action_of(into, 1) == "action=replaced changed=true");
  CHECK(into.summary.replaced_count == 1);
  CHECK(place.made("00/000/001") == replacement);
}

TEST_CASE("holes stay holes") {
  TestRegionOptions options;
  options.block_size_bytes = 4096;
  options.extent_size_blocks = 16384;
  IntoPlace place(options);
  const std::uint64_t raw_bytes = RawLayout(place.source.geometry()).file_bytes();
  for (const char* name : {"00/000/000", "00/000/001"}) {
    place.source.put_file(name, std::string_view());
    fs::resize_file(place.source.path_of(name), raw_bytes);
  }
  const Bytes metadata = place.source.raw().bytes();
  PosixFileSystem file_system;
  for (const std::uint32_t extent : {0U, 1U}) {
    const auto root = expect_opened(file_system.open_directory(place.source.path()), "");
    const auto file = open_file_in(*root, extent_path(ExtentId{extent}), Access::read_write);
    file->write(raw_bytes - 32, ByteView(metadata).last(32));
  }
  const Into into = place.migrate();
  CHECK(into.summary.is_made);
  struct stat found {};
  REQUIRE(::stat((place.target + "/00/000/000").c_str(), &found) == 0);
  CHECK(static_cast<std::uint64_t>(found.st_size) == raw_bytes);
  CHECK(found.st_blocks * 512 < 1 << 20);
  CHECK(into.summary.written_bytes < 1 << 20);
}

TEST_CASE("modes are the source's, and the owner may write") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  place.source.put_sqlite(1, 2);
  ::chmod(place.source.path_of("00/000/000").c_str(), 0640);
  ::chmod(place.source.path_of("00/000/001").c_str(), 0444);
  ::chmod(place.source.path_of("00/000").c_str(), 0750);
  ::chmod(place.source.path_of("00").c_str(), 0555);
  ::chmod(place.source.path_of("region.json").c_str(), 0600);
  ::chmod(place.source.path().c_str(), 0711);
  place.migrate();
  ::chmod(place.source.path_of("00").c_str(), 0755);
  const auto mode_of = [&](const std::string& name) {
    struct stat found {};
    REQUIRE(::stat((place.target + name).c_str(), &found) == 0);
    return found.st_mode & 07777;
  };
  CHECK(mode_of("/00/000/000") == 0640);
  CHECK(mode_of("/00/000/001") == 0644);
  CHECK(mode_of("/00/000") == 0750);
  CHECK(mode_of("/00") == 0755);
  CHECK(mode_of("/region.json") == 0600);
  CHECK(mode_of("") == 0711);
}

// ---- damage -------------------------------------------------------------------------------------

void check_not_made(const IntoPlace& place, const std::string& findings,
                    const MigrateIntoOptions& options = {}) {
  const auto before = place.source.snapshot();
  const Into into = place.migrate(options);
  CHECK(place.source.snapshot() == before);
  CHECK(names_of(into.reports.findings) == findings);
  CHECK_FALSE(into.summary.is_made);
  CHECK(into.summary.left_count == 1);
  CHECK_FALSE(fs::exists(place.target));
}

TEST_CASE("where an extent cannot be migrated no region is made, whatever is accepted") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  MigrateIntoOptions accepting;
  accepting.migrate.accept_damage = accepting.migrate.extend_short = true;
  SUBCASE("missing") {
    place.source.remove("00/000/000");
    check_not_made(place, "missing_extent", accepting);
  }
  SUBCASE("a symbolic link") {
    place.source.remove("00/000/000");
    place.source.put_symbolic_link("00/000/000", "001");
    check_not_made(place, "not_a_regular_file", accepting);
  }
  SUBCASE("a FIFO") {
    place.source.remove("00/000/001");
    place.source.put_fifo("00/000/001");
    check_not_made(place, "not_a_regular_file", accepting);
  }
  SUBCASE("several names") {
    place.source.put_hard_link("elsewhere", place.source.path_of(1));
    check_not_made(place, "several_links", accepting);
  }
  SUBCASE("a replacement of the other format") {
    place.source.make_directory("00/000/001.replace");
    place.source.put_file("00/000/001.replace/001", std::string_view("x"));
    place.source.put_file("00/000/001.replace/001.db", std::string_view("x"));
    check_not_made(place, "replace_format_mismatch", accepting);
  }
  SUBCASE("what may be a SQLite extent that lost its .db, with its log") {
    place.source.put_file("00/000/001", ByteView(Bytes(8 * 512)));
    place.source.put_file("00/000/001.db-wal", std::string_view("x"));
    check_not_made(place, "wrong_size", accepting);
  }
  SUBCASE("a leaf directory that is a symbolic link") {
    fs::rename(place.source.path_of("00/000"), place.source.path_of("moved"));
    place.source.put_symbolic_link("00/000", "../moved");
    const Into into = place.migrate(accepting);
    CHECK(names_of(into.reports.findings) == "not_a_regular_file, missing_extent, missing_extent");
    CHECK_FALSE(fs::exists(place.target));
  }
}

TEST_CASE("a region of an older generation becomes a raw one, whichever it is") {
  for (const OlderGeneration generation :
       {OlderGeneration::s3, OlderGeneration::s4, OlderGeneration::s5}) {
    for (const bool encrypted : {false, true}) {
      CAPTURE(static_cast<int>(generation));
      CAPTURE(encrypted);
      IntoPlace place({512, 8, 1, encrypted});
      put_older_sqlite(place.source, 0, generation, 5, encrypted);
      make_definition_older(place.source);
      const auto before = place.source.snapshot();
      const Into into = place.migrate();
      CHECK(place.source.snapshot() == before);
      CHECK(names_of(into.reports.findings) == "sqlite_older_generation");
      CHECK(into.summary.migrated_count == 1);
      RawExtentBuilder expected = place.source.raw().set_numbers(3, 5);
      for (std::uint64_t block = 0; block < 5; ++block) {
        const Bytes data = place.source.data_for(block);
        expected.set_data(block, data);
        expected.set_slot(
            ContextSlot::A, block,
            encrypted ? encrypted_context(data, some_encryption(block)) : plain_context(data));
      }
      CHECK(place.made("00/000/000") == expected.bytes());
      CHECK(to_text(place.made("region.json")).find("database_write_version") != std::string::npos);
    }
  }
}

TEST_CASE("S3: a block whose context is not its data's is damage") {
  IntoPlace place({512, 8, 1, true});
  put_older_sqlite(place.source, 0, OlderGeneration::s3, 5, /*encrypted=*/true);
  Bytes data = place.source.file("00/000/000");
  data[512] ^= std::byte{1};
  place.source.put_file("00/000/000", ByteView(data));
  const Into into = place.migrate();
  CHECK(names_of(into.reports.findings) == "sqlite_older_generation, sqlite_no_matching_row");
  CHECK(into.summary.left_count == 1);
}

TEST_CASE("after an extent that cannot be migrated the others are only looked at") {
  IntoPlace place;
  place.source.put_sqlite(0, 3);
  place.source.put_sqlite_with(1, "DROP TABLE block_context");
  place.source.put_file("00/000/000.db", std::string_view());
  const Into into = place.migrate();
  CHECK(names_of(into.reports.findings) == "sqlite_empty_file, sqlite_without_hashes");
  CHECK(into.summary.left_count == 2);
  CHECK(into.summary.written_bytes == 0);
  CHECK_FALSE(fs::exists(place.target));
}

TEST_CASE("damage of a raw extent is copied with it, and told") {
  IntoPlace place;
  place.source.put_raw_everywhere();
  place.source.put_raw(1, place.source.raw().write_all().resize(5000));
  const Into into = place.migrate();
  CHECK(into.summary.is_made);
  CHECK(names_of(into.reports.findings) == "wrong_size");
  CHECK(place.made("00/000/001") == place.source.file("00/000/001"));
}

TEST_CASE("bytes behind the data of a SQLite extent stay behind") {
  IntoPlace place;
  place.source.put_raw(0);
  place.source.put_sqlite(1, 8);
  Bytes longer = place.source.file("00/000/001");
  place.migrate();
  const Bytes expected = place.made("00/000/001");
  fs::remove_all(place.target);
  longer.resize(longer.size() + 700, std::byte{0xAA});
  place.source.put_file("00/000/001", ByteView(longer));
  CHECK(place.migrate().summary.is_made);
  CHECK(place.made("00/000/001") == expected);
}

TEST_CASE("a short data file is filled up only where that is asked for") {
  IntoPlace place;
  place.source.put_raw(0);
  place.source.put_sqlite(1, 2);
  fs::resize_file(place.source.path_of("00/000/001"), 7 * 512);
  check_not_made(place, "short_data_file");
  MigrateIntoOptions options;
  options.migrate.extend_short = true;
  CHECK(place.migrate(options).summary.is_made);
  CHECK(place.made("00/000/001").size() == RawLayout(place.source.geometry()).file_bytes());
}

}  // namespace
}  // namespace libregion
