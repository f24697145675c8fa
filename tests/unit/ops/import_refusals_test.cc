// What keeps an image from being written: found before anything is changed.

#include <filesystem>
#include <limits>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/random.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

using enum ContextSlot;
constexpr std::size_t block_bytes = 512;

ImportOptions at(std::uint64_t first_block) {
  ImportOptions options;
  options.first_block = first_block;
  return options;
}

Bytes image_of_blocks(std::size_t count) { return Random(1).bytes(count * block_bytes); }

// Three extents of 8 blocks, all written.
TestRegion three_extents() {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  return region;
}

// Nothing is changed by an image into all blocks, or those from `first_block` on, and this is why.
void check_refused(const TestRegion& region, const std::string& findings,
                   std::uint64_t first_block = 0, std::size_t block_count = 24) {
  const auto before = region.snapshot();
  const Imported imported = import(region, image_of_blocks(block_count), at(first_block));
  CHECK(region.snapshot() == before);
  CHECK(names_of(imported.reports.findings) == findings);
  CHECK(imported.summary.left_count == imported.summary.extent_count);
  CHECK(imported.summary.changed_count() == 0);
  REQUIRE(imported.reports.extents.size() == 1);
  CHECK(fields_of(imported.reports.extents[0]).starts_with("action=left changed=false "));
}

void check_error(const TestRegion& region, ErrorKind kind, const std::string& message,
                 std::uint64_t first_block = 0, std::size_t block_count = 24) {
  const auto before = region.snapshot();
  CHECK(error_of([&] { import(region, image_of_blocks(block_count), at(first_block)); }, message) ==
        kind);
  CHECK(region.snapshot() == before);
}

// ---- the region ---------------------------------------------------------------------------------

TEST_CASE("an encrypted region is refused") {
  TestRegion region({512, 8, 3, true});
  region.put_raw_everywhere();
  check_error(region, ErrorKind::usage, "is encrypted: an import would write blocks that are not");
}

TEST_CASE("a SQLite extent among those that the image touches is refused") {
  TestRegion region = three_extents();
  region.remove("00/000/002");
  region.put_sqlite(2, 5);
  check_error(region, ErrorKind::usage, "00/000/002' is a SQLite extent: region-migrate");
  CHECK(import(region, image_of_blocks(16)).summary.replaced_count == 2);
}

TEST_CASE("an image that reaches behind the region is refused") {
  const TestRegion region = three_extents();
  check_error(region, ErrorKind::usage, "expected at most 12288 bytes from block 0 on, found 12800",
              0, 25);
  check_error(region, ErrorKind::usage, "expected at most 512 bytes from block 23 on, found 1024",
              23, 2);
  check_error(region, ErrorKind::usage, "expected at most 0 bytes from block 24 on, found 512", 24,
              1);
  check_error(region, ErrorKind::usage, "would begin at block 25: expected at most 24", 25, 1);
  check_error(region, ErrorKind::usage, "would begin at block 18446744073709551615",
              std::numeric_limits<std::uint64_t>::max(), 1);
}

// ---- extents ------------------------------------------------------------------------------------

TEST_CASE("a dirty extent is refused: its replicas are to be compared") {
  TestRegion region = three_extents();
  region.put_raw(1, region.raw().write_all().set_dirty());
  check_refused(region, "reconciliation_due");
}

TEST_CASE("an extent with something wrong as a whole is refused") {
  TestRegion region = three_extents();
  SUBCASE("missing") {
    region.remove("00/000/001");
    check_refused(region, "missing_extent");
  }
  SUBCASE("too short") {
    region.put_raw(1, region.raw().resize(100));
    check_refused(region, "wrong_size");
  }
  SUBCASE("too long") {
    region.put_raw(1, region.raw().resize(region.raw().bytes().size() + 1));
    check_refused(region, "wrong_size");
  }
  SUBCASE("of another version") {
    region.put_raw(1, region.raw().set_version(4));
    check_refused(region, "unknown_version");
  }
  SUBCASE("damaged metadata") {
    region.put_raw(1, region.raw().set_dirty(2));
    check_refused(region, "bad_metadata");
  }
  SUBCASE("the last flush number there is") {
    region.put_raw(1, region.raw().set_numbers(1, std::numeric_limits<std::uint64_t>::max()));
    check_refused(region, "bad_metadata");
  }
  SUBCASE("a symbolic link") {
    region.put_file("elsewhere", region.raw().bytes());
    region.remove("00/000/001");
    region.put_symbolic_link("00/000/001", region.path_of("elsewhere"));
    check_refused(region, "not_a_regular_file");
  }
  SUBCASE("a FIFO") {
    region.remove("00/000/001");
    region.put_fifo("00/000/001");
    check_refused(region, "not_a_regular_file");
  }
  SUBCASE("several names") {
    region.put_hard_link("elsewhere", region.path_of("00/000/001"));
    check_refused(region, "several_links");
  }
}

TEST_CASE("extents that the image does not touch may be anything") {
  TestRegion region = three_extents();
  region.put_raw(0, region.raw().write_all().set_dirty());
  region.remove("00/000/002");
  region.put_sqlite(2, 5);
  CHECK(import(region, image_of_blocks(8), at(8)).summary.replaced_count == 1);
}

TEST_CASE("leftovers that are no directories, and replacements that cannot be used, are refused") {
  TestRegion region = three_extents();
  SUBCASE("a file in the place of .copy") {
    region.put_file("00/000/001.copy", std::string_view("x"));
    check_refused(region, "not_a_regular_file");
  }
  SUBCASE("a symbolic link in the place of .completed") {
    region.make_directory("precious");
    region.put_symbolic_link("00/000/001.completed", region.path_of("precious"));
    check_refused(region, "not_a_regular_file");
  }
  SUBCASE("an empty .replace") {
    region.make_directory("00/000/001.replace");
    check_refused(region, "replace_unusable");
  }
  SUBCASE("a dirty .replace") {
    region.make_directory("00/000/001.replace");
    region.put_file("00/000/001.replace/001", region.raw().write_all().set_dirty().bytes());
    check_refused(region, "reconciliation_due");
  }
  SUBCASE("a SQLite .replace of an extent that is gone") {
    TestRegion source({512, 8, 2});
    source.put_sqlite(1, 3);
    region.remove("00/000/001");
    region.make_directory("00/000/001.replace");
    region.put_file("00/000/001.replace/001", source.file("00/000/001"));
    region.put_file("00/000/001.replace/001.db", source.file("00/000/001.db"));
    check_refused(region, "replace_format_mismatch");
  }
}

// ---- blocks that stay ---------------------------------------------------------------------------

TEST_CASE("a damaged block that would stay is refused, before the image and behind it") {
  TestRegion region = three_extents();
  SUBCASE("before it") {
    region.put_raw(0, region.raw().write_all().corrupt_data(2));
    check_refused(region, "no_matching_slot", 3, 10);
  }
  SUBCASE("behind it") {
    region.put_raw(1, region.raw().write_all().corrupt_data(7));
    check_refused(region, "no_matching_slot", 3, 10);
  }
  SUBCASE("the one that the image ends in") {
    region.put_raw(0, region.raw().write_all().corrupt_data(1));
    const auto before = region.snapshot();
    const Imported imported = import(region, Random(1).bytes(block_bytes + 77));
    CHECK(names_of(imported.reports.findings) == "no_matching_slot");
    CHECK(region.snapshot() == before);
  }
  SUBCASE("another kind of damage") {
    region.put_raw(0, region.raw().write_all().clear_slot(B, 2));
    check_refused(region, "data_without_context", 3, 10);
  }
}

// ---- images of unknown size ---------------------------------------------------------------------

// Imports what comes out of a pipe.
Imported import_from_pipe(const TestRegion& region, const Bytes& image, ImportOptions options) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::thread writer([&] { write_whole_file(path, image); });
  InputStream stream(path);
  options.image = &stream;
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {Access::read_write, false, 0});
  ReportCollector collector;
  Imported imported;
  std::exception_ptr failure;
  try {
    imported.summary = import_image(*opened.region, options, collector);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  writer.join();
  if (failure) std::rethrow_exception(failure);
  imported.reports = std::move(collector.reports);
  return imported;
}

TEST_CASE("from a pipe the same comes as from a file") {
  const Bytes image = Random(1).bytes(11 * block_bytes + 77);
  const TestRegion by_file = three_extents();
  import(by_file, image, at(3));
  const TestRegion by_pipe = three_extents();
  const Imported imported = import_from_pipe(by_pipe, image, at(3));
  CHECK(imported.summary.replaced_count == 2);
  CHECK(imported.summary.imported_bytes == image.size());
  for (const char* name : {"00/000/000", "00/000/001", "00/000/002"}) {
    CHECK(by_pipe.file(name) == by_file.file(name));
  }
}

TEST_CASE(
    "an image from a pipe that goes on behind the region is an error, and says what is done") {
  const TestRegion region = three_extents();
  const Bytes image = image_of_blocks(12);
  CHECK(error_of([&] { import_from_pipe(region, image, at(13)); },
                 "behind block 23, where the region ends") == ErrorKind::failed);
  CHECK(error_of([&] { import_from_pipe(region, image, at(13)); },
                 "; extents 1 to 2 were done before that") == ErrorKind::failed);
  CHECK(names_of(verify(region).reports.findings) == "");
}

TEST_CASE("a damaged block behind an image from a pipe: that extent is left, the others are not") {
  const TestRegion region = [] {
    TestRegion made = three_extents();
    made.put_raw(1, made.raw().write_all().corrupt_data(6));
    return made;
  }();
  const Bytes before = region.file("00/000/001");
  const Imported imported = import_from_pipe(region, image_of_blocks(12), at(0));
  CHECK(names_of(imported.reports.findings) == "no_matching_slot");
  CHECK(imported.summary.left_count == 1);
  CHECK(imported.summary.replaced_count == 1);
  CHECK(region.file("00/000/001") == before);
  CHECK_FALSE(region.has("00/000/001.copy"));
}

TEST_CASE("every extent that an image from a pipe may reach must be in order") {
  TestRegion region = three_extents();
  region.put_raw(2, region.raw().write_all().set_dirty());
  const Bytes before = region.file("00/000/000");
  const TemporaryDirectory directory;
  const Imported imported = import_from_pipe(region, image_of_blocks(1), at(0));
  CHECK(names_of(imported.reports.findings) == "reconciliation_due");
  CHECK(region.file("00/000/000") == before);
}

// ---- stopping -----------------------------------------------------------------------------------

TEST_CASE("a run that is stopped before it begins changes nothing") {
  const TestRegion region = three_extents();
  const auto before = region.snapshot();
  const std::atomic<bool> stop{true};
  ImportOptions options = at(0);
  options.stop = &stop;
  const Imported imported = import(region, image_of_blocks(24), options);
  CHECK(imported.summary.stopped);
  CHECK(region.snapshot() == before);
}

// Stops once so many extents are done.
class StoppingProgress : public Progress {
 public:
  StoppingProgress(std::atomic<bool>& stop, std::uint64_t after) : stop_(stop), after_(after) {}
  void start(std::uint64_t /*extents*/, std::uint64_t /*bytes*/) override {}
  void advance(std::uint64_t extents, std::uint64_t /*bytes*/) override {
    done_ += extents;
    stop_ = done_ >= after_;
  }

 private:
  std::atomic<bool>& stop_;
  std::uint64_t after_;
  std::uint64_t done_ = 0;
};

TEST_CASE("a run that is stopped between batches is finished by another") {
  TestRegion region({512, 2, 300});
  region.put_raw_everywhere();
  const Bytes image = image_of_blocks(600);
  std::atomic<bool> stop{false};
  StoppingProgress progress(stop, 1);
  ImportOptions options = at(0);
  options.stop = &stop;
  options.progress = &progress;
  const Imported first = import(region, image, options);
  CHECK(first.summary.stopped);
  CHECK(first.summary.replaced_count == 128);
  CHECK(names_of(verify(region).reports.findings) == "");
  const Imported second = import(region, image);
  CHECK(second.summary.extent_count == 300);
  CHECK(second.summary.replaced_count == 172);
  CHECK(names_of(verify(region).reports.findings) == "");
}

}  // namespace
}  // namespace libregion
