// Creating a region: the bytes of it, what an image becomes, and where none is made.

#include "libregion/ops/create.h"

#include <filesystem>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/workshop.h"
#include "tests/unit/region/other_process.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

// ---- new regions --------------------------------------------------------------------------------

TEST_CASE("a raw region without data, byte for byte") {
  Workshop workshop;
  const CreateSummary summary = workshop.create(options_of(definition_of(512, 20, 3)));
  CHECK(workshop.names() == ". 00 00/000 00/000/000 00/000/001 00/000/002 region.json ");
  for (const char* name : {"00/000/000", "00/000/001", "00/000/002"}) {
    CHECK(workshop.file(name) == RawExtentBuilder(512, 20).bytes());
  }
  CHECK(to_text(workshop.file("region.json")) == R"({
  "block_size": 512,
  "extent_size": {
    "value": 20,
    "shift": 9
  },
  "extent_count": 3,
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "encrypted": false,
  "database_read_version": 1,
  "database_write_version": 1
}
)");
  CHECK(summary.definition == definition_of(512, 20, 3));
  CHECK(summary.imported_bytes == 0);
  CHECK(summary.written_blocks == 0);
}

TEST_CASE("a SQLite region without data has the tables of generation S6, in WAL mode") {
  Workshop workshop;
  CreateOptions options = options_of(definition_of(4096, 4, 2));
  options.format = ExtentFormat::sqlite;
  workshop.create(options);
  CHECK(workshop.names() ==
        ". 00 00/000 00/000/000 00/000/000.db 00/000/001 00/000/001.db region.json ");
  CHECK(workshop.file("00/000/001") == Bytes(4 * 4096UL));
  const Bytes database = workshop.file("00/000/001.db");
  CHECK(to_text(ByteView(database).first(16)) == std::string("SQLite format 3\0", 16));
  CHECK(database[18] == std::byte{2});
  CHECK(database[19] == std::byte{2});
  CHECK(rows_by_sqlite(workshop.region + "/00/000/001.db") == std::vector<std::string>{});
}

TEST_CASE("a new region of either format verifies without a finding") {
  for (const ExtentFormat format : {ExtentFormat::raw, ExtentFormat::sqlite}) {
    for (const bool encrypted : {false, true}) {
      Workshop workshop;
      CreateOptions options = options_of(definition_of(512, 13, 17, encrypted));
      options.format = format;
      workshop.create(options);
      const Verified verified = verify_on(workshop.file_system, workshop.region);
      CHECK(names_of(verified.reports.findings) == "");
      CHECK(verified.summary.block_count == 13 * 17);
      CHECK(verified.summary.written_count == 0);
      REQUIRE(verified.reports.extents.size() == 17);
      CHECK(verified.reports.extents[16].metadata->flush_number == 0);
      CHECK_FALSE(verified.reports.extents[16].metadata->dirty);
    }
  }
}

TEST_CASE("more extents than a leaf directory takes go into the next") {
  Workshop workshop;
  workshop.create(options_of(definition_of(512, 1, 4097)));
  std::uint64_t wrong = 0;
  for (const auto& entry : fs::recursive_directory_iterator(workshop.region + "/00")) {
    if (entry.is_regular_file() && entry.file_size() != 512 + 96 + 1 + 32) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(fs::exists(workshop.region + "/00/000/FFF"));
  CHECK(fs::exists(workshop.region + "/00/001/000"));
  CHECK_FALSE(fs::exists(workshop.region + "/00/001/001"));
}

TEST_CASE("a region of no extents has a definition only") {
  Workshop workshop;
  workshop.create(options_of(definition_of(512, 1, 0)));
  CHECK(workshop.names() == ". region.json ");
}

TEST_CASE("files are 0644 and directories 0755, under the umask") {
  const mode_t old_mask = ::umask(0);
  for (const mode_t mask : {0U, 027U}) {
    CAPTURE(mask);
    ::umask(mask);
    Workshop workshop;
    CreateOptions options = options_of(definition_of(512, 1, 1));
    options.format = ExtentFormat::sqlite;
    workshop.create(options);
    for (const char* name :
         {"", "/00", "/00/000", "/00/000/000", "/00/000/000.db", "/region.json"}) {
      CAPTURE(name);
      struct stat found {};
      REQUIRE(::stat((workshop.region + name).c_str(), &found) == 0);
      CHECK((found.st_mode & 07777) == ((S_ISDIR(found.st_mode) ? 0755U : 0644U) & ~mask));
    }
  }
  ::umask(old_mask);
}

TEST_CASE("the size that is foretold is the size of all files") {
  for (const ExtentFormat format : {ExtentFormat::raw, ExtentFormat::sqlite}) {
    Workshop workshop;
    const RegionDefinition definition = definition_of(512, 100, 5);
    CreateOptions options = options_of(definition);
    options.format = format;
    const CreateSummary summary = workshop.create(options);
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(workshop.region)) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    CHECK(apparent_region_bytes(definition, format) == bytes);
    CHECK(summary.apparent_bytes == bytes);
  }
}

// ---- where no region is made --------------------------------------------------------------------

TEST_CASE("an empty directory becomes the region") {
  Workshop workshop;
  fs::create_directory(workshop.region);
  workshop.create(options_of(definition_of(512, 1, 1)));
  CHECK(fs::exists(workshop.region + "/region.json"));
}

TEST_CASE("slashes behind the name do not matter") {
  Workshop workshop;
  workshop.region += "//";
  workshop.create(options_of(definition_of(512, 1, 1)));
  CHECK(workshop.names() == ". 00 00/000 00/000/000 region.json ");
}

TEST_CASE("what is there already is left as it is, with force too") {
  Workshop workshop;
  std::string reason;
  SUBCASE("a region") {
    workshop.create(options_of(definition_of(512, 1, 1)));
    reason = "is a region already";
  }
  SUBCASE("a damaged region") {
    workshop.put("region.json", "");
    workshop.put("00/000/000", "");
    reason = "is a region already";
  }
  SUBCASE("a directory with something else in it") {
    workshop.put("00/000/000", "");
    workshop.put("00/000/notes", "precious");
    reason = "notes";
  }
  SUBCASE("a region that lost its definition") {
    workshop.put("00/000/000", to_text(RawExtentBuilder(512, 1).set_numbers(0, 9).bytes()));
    reason = "00/000/000";
  }
  for (const bool force : {false, true}) {
    CAPTURE(force);
    CreateOptions options = options_of(definition_of(512, 1, 1));
    options.force = force;
    const auto before = snapshot_of(workshop.directory.path());
    CHECK(error_of([&] { workshop.create(options); }, reason) == ErrorKind::failed);
    CHECK(error_of([&] {
            (void)check_create_target(workshop.file_system, workshop.region, force);
          }) == ErrorKind::failed);
    CHECK(snapshot_of(workshop.directory.path()) == before);
  }
}

TEST_CASE("a file, or a link to nothing, is in the way") {
  Workshop workshop;
  SUBCASE("a file") { write_whole_file(workshop.region, Bytes(1)); }
  SUBCASE("a link to nothing") { fs::create_symlink("nothing", workshop.region); }
  CHECK(error_of([&] { workshop.create(options_of(definition_of(512, 1, 1))); }) ==
        ErrorKind::failed);
  CHECK(fs::exists(fs::symlink_status(workshop.region)));
  CHECK_FALSE(fs::exists(workshop.directory.path() + "/nothing"));
}

TEST_CASE("a directory to make the region in must be there") {
  Workshop workshop;
  workshop.region = workshop.directory.path() + "/no/region";
  CHECK(error_of([&] { workshop.create(options_of(definition_of(512, 1, 1))); },
                 workshop.directory.path() + "/no") == ErrorKind::failed);
}

TEST_CASE("what an interrupted create left is cleared with force only") {
  Workshop workshop;
  workshop.put("00/000/000", "half an extent");
  workshop.put("00/000/005.db", "half a database");
  workshop.put("region.json.tmp", "{");
  fs::create_directories(workshop.region + "/0A/00B");
  CreateOptions options = options_of(definition_of(512, 1, 1));
  CHECK(error_of([&] { workshop.create(options); }, "--force") == ErrorKind::failed);
  options.force = true;
  CHECK(check_create_target(workshop.file_system, workshop.region, true));
  workshop.create(options);
  CHECK(workshop.names() == ". 00 00/000 00/000/000 region.json ");
}

TEST_CASE("a directory that another tool has locked is in use") {
  Workshop workshop;
  fs::create_directory(workshop.region);
  const auto other = lock_elsewhere(workshop.region, LOCK_SH);
  CHECK(error_of([&] { workshop.create(options_of(definition_of(512, 1, 1))); }) ==
        ErrorKind::in_use);
  CHECK(workshop.names() == ". ");
}

// ---- creates that do not come to their end ------------------------------------------------------

TEST_CASE("a create that is stopped leaves nothing") {
  Workshop workshop;
  const std::atomic<bool> stop{true};
  CreateOptions options = options_of(definition_of(512, 1, 10));
  options.stop = &stop;
  SUBCASE("where nothing was") {
    CHECK(error_of([&] { workshop.create(options); }) == ErrorKind::stopped);
    CHECK_FALSE(fs::exists(workshop.region));
  }
  SUBCASE("where an empty directory was") {
    fs::create_directory(workshop.region);
    CHECK(error_of([&] { workshop.create(options); }) == ErrorKind::stopped);
    CHECK(workshop.names() == ". ");
  }
  SUBCASE("with an image") {
    CHECK(error_of([&] { workshop.import(Bytes(5000), options); }) == ErrorKind::stopped);
    CHECK_FALSE(fs::exists(workshop.region));
  }
}

TEST_CASE("a create that fails leaves nothing") {
  for (const CallKind kind : {CallKind::create_file, CallKind::write, CallKind::resize}) {
    CAPTURE(static_cast<int>(kind));
    MemoryFileSystem disk;
    disk.add_fault({ENOSPC, kind, {}, 1});
    CHECK(error_of([&] { create_region(disk, "/r", options_of(definition_of(512, 1, 3))); }) ==
          ErrorKind::failed);
    CHECK_FALSE(disk.exists("/r"));
  }
}

TEST_CASE("after a sync that failed a create removes nothing, and says how to go on") {
  for (const CallKind kind : {CallKind::sync_file, CallKind::sync_directory}) {
    CAPTURE(static_cast<int>(kind));
    MemoryFileSystem disk;
    disk.add_fault({EIO, kind, {}, 1});
    CreateOptions options = options_of(definition_of(512, 1, 3));
    CHECK(error_of([&] { create_region(disk, "/r", options); },
                   ": Input/output error; what was made stays in '/r', --force clears it") ==
          ErrorKind::failed);
    CHECK(disk.log().back().failed);
    CHECK(disk.exists("/r/00/000/002"));
    CHECK_FALSE(disk.exists("/r/region.json"));
    options.force = true;
    create_region(disk, "/r", options);
    CHECK(disk.exists("/r/region.json"));
  }
}

TEST_CASE("a region without extents whose sync fails stays as well") {
  MemoryFileSystem disk;
  disk.add_fault({EIO, CallKind::sync_directory});
  CHECK(error_of([&] { create_region(disk, "/r", options_of(definition_of(512, 1, 0))); },
                 "what was made stays in '/r'") == ErrorKind::failed);
  CHECK(disk.exists("/r"));
  CHECK(disk.log().back().failed);
}

TEST_CASE("too little space is known before anything is made") {
  MemoryFileSystem disk;
  disk.set_free_bytes(1000);
  CHECK(error_of([&] { create_region(disk, "/r", options_of(definition_of(512, 1, 3))); },
                 "no space") == ErrorKind::failed);
  CHECK_FALSE(disk.exists("/r"));
  CHECK(disk.log().empty());
}

TEST_CASE("a region that somebody finished meanwhile is not cleared as leftovers") {
  Workshop workshop;
  workshop.put("00/000/000", "half an extent");
  HookedFileSystem hooked(workshop.file_system);
  int opened = 0;
  // The other create ends between our looking and our locking.
  hooked.hooks.before_directory = [&](const std::string& path) {
    if (path == workshop.region && ++opened == 3) {
      workshop.put("00/000/000", to_text(RawExtentBuilder(512, 1).write(0).bytes()));
      workshop.put("region.json", "{}");
    }
  };
  CreateOptions options = options_of(definition_of(512, 1, 1));
  options.force = true;
  CHECK(error_of([&] { create_region(hooked, workshop.region, options); }) == ErrorKind::failed);
  CHECK(opened >= 3);
  CHECK(fs::exists(workshop.region + "/region.json"));
  CHECK(fs::exists(workshop.region + "/00/000/000"));
}

}  // namespace
}  // namespace libregion
