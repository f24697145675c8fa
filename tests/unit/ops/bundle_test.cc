// Bundling a region and making one of it: the same findings, nothing half made, nothing trusted.

#include "libregion/ops/bundle.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/ops/unbundle.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/random.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

using enum ContextSlot;

// ---- making bundles and regions of them ---------------------------------------------------------

class BundleReporter : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& finding) override { findings.push_back(finding); }
  void record(const OtherRecord& record) override {
    not_carried.push_back(record.file + ": " + std::get<std::string>(record.fields[0].value));
    CHECK(record.type == "not_carried");
    CHECK(record.text == "not carried: " + not_carried.back() + "\n");
  }
  std::vector<Finding> findings;
  std::vector<std::string> not_carried;
};

struct Bundled {
  Bytes bytes;
  BundleSummary summary;
  std::vector<Finding> findings;
  std::vector<std::string> not_carried;
};

Bundled bundle_on(FileSystem& file_system, const std::string& path, bool blind = false) {
  const auto opened = open_region(file_system, path, {});
  REQUIRE(opened.region);
  BundleOptions options{"test", "0"};
  if (blind) options.blinding_key = make_random_blinding_key();
  Bundled bundled;
  BundleReporter reporter;
  bundled.summary = write_bundle(
      *opened.region, options,
      [&](ByteView bytes) {
        bundled.bytes.insert(bundled.bytes.end(), bytes.begin(), bytes.end());
      },
      reporter);
  bundled.findings = std::move(reporter.findings);
  bundled.not_carried = std::move(reporter.not_carried);
  CHECK(bundled.summary.bundle_bytes == bundled.bytes.size());
  CHECK(bundled.summary.not_carried_count == bundled.not_carried.size());
  return bundled;
}

Bundled bundle(const TestRegion& region, bool blind = false) {
  PosixFileSystem file_system;
  return bundle_on(file_system, region.path(), blind);
}

// A bundle in a file, from which regions are made in any file system.
struct BundleFile {
  explicit BundleFile(const Bytes& bytes) { write_whole_file(path, bytes); }
  UnbundleSummary make(FileSystem& file_system, const std::string& target,
                       const UnbundleOptions& options = {}) const {
    InputStream stream(path);
    BundleReader reader(stream);
    return create_from_bundle(file_system, target, reader, options);
  }
  TemporaryDirectory directory;
  std::string path = directory.path() + "/bundle.tar";
};

// Where each finding is, and what it is.
std::vector<std::string> places_of(const std::vector<Finding>& findings) {
  std::vector<std::string> places;
  for (const Finding& finding : findings) {
    std::string place = std::string(finding_info(finding.id).name) + " " + finding.file;
    if (finding.blocks) {
      place +=
          " " + std::to_string(finding.blocks->first) + "+" + std::to_string(finding.blocks->count);
    }
    places.push_back(std::move(place));
  }
  return places;
}

std::vector<std::string> places_in(FileSystem& file_system, const std::string& path) {
  return places_of(verify_on(file_system, path).reports.findings);
}

void check_same_findings(const TestRegion& region, std::size_t not_carried_count = 0) {
  const auto before = region.snapshot();
  const auto expected = places_of(verify(region).reports.findings);
  for (const bool blind : {false, true}) {
    CAPTURE(blind);
    const Bundled bundled = bundle(region, blind);
    CHECK(bundled.not_carried.size() == not_carried_count);
    MemoryFileSystem memory;
    BundleFile(bundled.bytes).make(memory, "/r");
    CHECK(places_in(memory, "/r") == expected);
  }
  CHECK(region.snapshot() == before);
}

// ---- the same findings --------------------------------------------------------------------------

// Blocks of all kinds, slots with everything that can be wrong with one.
RawExtentBuilder random_extent(const TestRegion& region, Random& random) {
  RawExtentBuilder built = region.raw();
  const std::uint64_t blocks = region.geometry().extent_size_blocks();
  const auto slot = [&] { return random.coin() ? A : B; };
  for (std::uint64_t block = 0; block < blocks; ++block) {
    switch (random.below(5)) {
      case 0: break;
      case 1: built.write_encrypted(block, slot()); break;
      default: built.write(block, slot(), random.below(2));
    }
  }
  for (std::uint64_t changes = random.below(30); changes > 0; --changes) {
    const std::uint64_t block = random.below(blocks);
    const Bytes data = random.coin() ? Bytes(512) : region.data_for(block, random.below(3));
    switch (random.below(9)) {
      case 0: built.set_data(block, data); break;
      case 1: built.set_slot(slot(), block, plain_context(data, 3)); break;
      case 2: built.set_slot(slot(), block, encrypted_context(data, some_encryption(block))); break;
      case 3: built.clear_slot(slot(), block); break;
      case 4: built.flip_active_bit(block); break;
      case 5: built.corrupt_data(block); break;
      case 6: built.corrupt_slot_byte(slot(), block, random.below(48)); break;
      case 7: built.set_slot_tag(slot(), block, static_cast<unsigned>(random.below(3))); break;
      default: built.set_slot_byte(slot(), block, 10, 1);
    }
  }
  built.set_numbers(random.below(3), random.below(5));
  if (random.coin()) built.set_dirty(static_cast<unsigned>(random.below(3)));
  if (random.below(8) == 0) built.set_metadata_padding(1);
  if (random.below(8) == 0) built.set_unused_bits(0x80);
  return built;
}

TEST_CASE("raw extents with any damage: the same findings, block by block") {
  std::size_t findings = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TestRegion region({512, 13, 3, random.coin()});
    for (std::uint32_t extent = 0; extent < 3; ++extent) {
      region.put_raw(extent, random_extent(region, random));
    }
    findings += verify(region).reports.findings.size();
    check_same_findings(region);
  }
  CHECK(findings > 1000);
}

TEST_CASE("raw extents of any size: the same findings") {
  for (const std::uint64_t size_bytes : {0U, 1U, 31U, 32U, 4095U, 4096U, 4097U, 4096U + 400U,
                                         4096U + 8U * 96U, 4896U, 4897U, 4898U, 6000U, 100'000U}) {
    CAPTURE(size_bytes);
    TestRegion region;
    RawExtentBuilder built = region.raw().write_all(A).set_numbers(1, 4);
    region.put_raw(0, built.resize(size_bytes));
    region.put_raw(1);
    check_same_findings(region);
  }
}

TEST_CASE("a file that ends as extent version 3 does is still one") {
  TestRegion region;
  RawExtentBuilder built = region.raw().set_version(3).set_numbers(7, 9);
  const Bytes metadata(built.bytes().end() - 32, built.bytes().end());
  for (const std::size_t size_bytes : {32U, 3000U, 5000U, 9000U}) {
    Bytes file = Random(1).bytes(size_bytes);
    std::copy(metadata.begin(), metadata.end(), file.end() - 32);
    region.put_file("00/000/000", file);
    region.put_raw(1);
    CHECK(names_of(verify(region).reports.findings) == "unknown_version");
    check_same_findings(region);
  }
}

TEST_CASE("what may be data is not carried, and that is told") {
  TestRegion region;
  region.put_raw_everywhere();
  const Bytes data = Random(1).bytes(10'000);
  region.put_file("00/000/000", data);
  const Bundled bundled = bundle(region);
  REQUIRE(bundled.not_carried.size() == 1);
  CHECK(bundled.not_carried[0].starts_with("00/000/000: too long, and without metadata"));
  for (std::size_t at = 0; at + 16 <= data.size(); at += 16) {
    REQUIRE(std::search(bundled.bytes.begin(), bundled.bytes.end(),
                        data.begin() + static_cast<std::ptrdiff_t>(at),
                        data.begin() + static_cast<std::ptrdiff_t>(at) + 16) ==
            bundled.bytes.end());
  }
}

TEST_CASE("names, kinds and sizes of everything else: the same findings") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  region.put_raw(3);  // one that region.json does not count
  for (const char* directory : {"00/000/000.copy", "00/000/000.replace", "00/000/001.completed",
                                "00/000/notes", "00/00x", "0B/001", "empty"}) {
    region.make_directory(directory);
  }
  for (const char* name : {"seed.db", "readme", "region.json.tmp", "00/readme", "00/000/readme",
                           "00/000/new\nline", "00/000/002.db-wal", "00/000/002.db-shm",
                           "00/000/002.db-journal", "00/000/000.copy/000", "0B/001/00A"}) {
    region.put_file(name, std::string_view("text"));
  }
  region.put_file("00/000/000.replace/000", region.raw().write_all(A).bytes());
  check_same_findings(region);
  MemoryFileSystem memory;
  BundleFile(bundle(region).bytes).make(memory, "/r");
  CHECK(memory.exists("/r/00/000/000.copy/000"));
  CHECK(memory.content_of("/r/readme") == Bytes(4));
}

TEST_CASE("replacements that cannot be put in place: the same findings") {
  TestRegion region({512, 8, 2});
  region.put_raw_everywhere();
  region.make_directory("00/000/000.replace");
  SUBCASE("empty") {}
  SUBCASE("too short") { region.put_file("00/000/000.replace/000", std::string_view("x")); }
  SUBCASE("of another version") {
    region.put_file("00/000/000.replace/000", region.raw().set_version(3).bytes());
  }
  SUBCASE("damaged metadata") {
    region.put_file("00/000/000.replace/000", region.raw().set_dirty(7).bytes());
  }
  SUBCASE("of the other format") {
    region.put_file("00/000/000.replace/000", Bytes(4096));
    region.put_file("00/000/000.replace/000.db", std::string_view(""));
  }
  SUBCASE("a directory in it") { region.make_directory("00/000/000.replace/000"); }
  check_same_findings(region);
}

TEST_CASE("what only a disk has becomes something else that should not be there") {
  TestRegion region({512, 8, 4});
  region.put_raw_everywhere();
  region.remove("00/000/000");
  region.put_fifo("00/000/000");
  region.remove("00/000/001");
  region.put_symbolic_link("00/000/001", "/etc/passwd");
  region.put_symbolic_link("00/000/002.replace", "/etc");
  region.put_symbolic_link("00/readme", "/etc/passwd");
  check_same_findings(region);
}

TEST_CASE("a file with several names is told, and nothing of it is carried") {
  TestRegion region;
  region.put_raw_everywhere();
  region.put_hard_link("other", region.path_of(0));
  const Bundled bundled = bundle(region);
  std::vector<std::string> told = bundled.not_carried;
  std::sort(told.begin(), told.end());
  CHECK(told == std::vector<std::string>{"00/000/000: a file with several names",
                                         "other: a file with several names"});
}

TEST_CASE("the mark of a region half made, beside a region.json, is told and not carried") {
  TestRegion region;
  region.put_raw_everywhere();
  region.put_file("region.json.incomplete", std::string_view("{"));
  const Bundled bundled = bundle(region);
  CHECK(bundled.not_carried ==
        std::vector<std::string>{"region.json.incomplete: a region that is made of the bundle "
                                 "has one of its own"});
  MemoryFileSystem memory;
  BundleFile(bundled.bytes).make(memory, "/r");
  CHECK_FALSE(memory.exists("/r/region.json.incomplete"));
}

TEST_CASE("databases that can be read: the same findings, of their blocks and data files") {
  for (const bool encrypted : {false, true}) {
    TestRegion region({512, 12, 3, encrypted});
    for (std::uint32_t extent = 0; extent < 3; ++extent) {
      const auto writer = region.make_sqlite(extent);
      for (std::uint64_t block = 1; block < 9; ++block) {
        writer->write(block, region.data_for(block),
                      block % 2 == 0 ? std::optional(some_encryption(block)) : std::nullopt);
      }
      writer->flush(1, 5);
      if (extent > 0) {
        writer->write(3, region.data_for(3, 1));
        writer->write(4, region.data_for(4, 1), std::nullopt, /*data_arrives=*/false);
        writer->write(10, region.data_for(10, 1), std::nullopt, /*data_arrives=*/false);
      }
      writer->close_cleanly();
    }
    Bytes data = region.file("00/000/001");
    data[2 * 512] ^= std::byte{1};   // a row, and other data
    data[3 * 512] ^= std::byte{1};   // two rows, and other data
    data[11 * 512] ^= std::byte{1};  // no row, and data
    region.put_file("00/000/001", data);
    std::filesystem::resize_file(region.path_of(2), 7 * 512);
    check_same_findings(region);
  }
}

TEST_CASE("what opening a database finds is told where it is not carried") {
  TestRegion region({512, 12, 1});
  region.put_sqlite_with(0, "UPDATE metadata SET value = 2 WHERE name = 'dirty'");
  CHECK(bundle(region).not_carried ==
        std::vector<std::string>{
            "00/000/000.db: sqlite_odd_dirty: of a database only the rows are carried"});
}

TEST_CASE("databases that cannot be read are carried as they are, but not where they are blinded") {
  TestRegion region({512, 12, 1});
  region.put_sqlite(0, 12);
  SUBCASE("empty") { region.put_file("00/000/000.db", std::string_view()); }
  SUBCASE("cut") { std::filesystem::resize_file(region.path_of(0, ExtentPart::db), 8192); }
  SUBCASE("not one") { region.put_file("00/000/000.db", std::string_view("not a database")); }
  SUBCASE("with a hot journal") {
    region.put_file("00/000/000.db-journal", std::string_view("\xd9\xd5\x05\xf9"));
  }
  SUBCASE("without a data file") { region.remove("00/000/000"); }
  const auto expected = places_of(verify(region).reports.findings);
  const Bundled plain = bundle(region);
  CHECK(plain.not_carried.empty());
  MemoryFileSystem memory;
  BundleFile(plain.bytes).make(memory, "/r");
  CHECK(places_in(memory, "/r") == expected);
  const bool is_empty = region.file("00/000/000.db").empty();
  CHECK(bundle(region, /*blind=*/true).not_carried.empty() == is_empty);
}

// ---- failures of what is read, and of the sink --------------------------------------------------

TEST_CASE("a block that cannot be read is told, and has no finding in the region made") {
  TestRegion region({512, 8, 1});
  region.put_raw(0, region.raw().write_all(A).set_numbers(1, 4));
  MemoryFileSystem disk;
  disk.load(region.path(), "/r");
  HookedFileSystem hooked(disk);
  hooked.hooks.before_read = [](const std::string& path, std::uint64_t offset_bytes) {
    if (path.ends_with("00/000/000") && offset_bytes == 5 * 512) {
      throw SystemError("pread '" + path + "': Input/output error", EIO);
    }
  };
  // Only one by one is the block's own offset read.
  bool is_first = true;
  const auto fail_block = hooked.hooks.before_read;
  hooked.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
    const bool is_chunk = path.ends_with("00/000/000") && offset_bytes == 0 && is_first;
    if (is_chunk) is_first = false;
    if (is_chunk) throw SystemError("pread '" + path + "': Input/output error", EIO);
    fail_block(path, offset_bytes);
  };
  const Bundled bundled = bundle_on(hooked, "/r");
  CHECK(bundled.summary.has_io_errors);
  CHECK(names_of(bundled.findings) == "io_error");
  CHECK(bundled.not_carried == std::vector<std::string>{"00/000/000: cannot be read"});
  MemoryFileSystem memory;
  BundleFile(bundled.bytes).make(memory, "/r");
  CHECK(places_in(memory, "/r").empty());
}

TEST_CASE("a read that fails anywhere is told, and leaves a bundle that a region can be made of") {
  TestRegion region({512, 8, 3});
  region.put_raw_everywhere();
  region.put_sqlite(1, 4);
  region.put_sqlite(2, 4);
  region.put_file("00/000/002.db", std::string_view("not a database"));
  MemoryFileSystem original;
  original.load(region.path(), "/r");
  std::uint64_t failed = 0;
  for (std::uint64_t number = 0;; ++number) {
    const auto disk = original.copy();
    const auto opened = open_region(*disk, "/r", {});
    disk->add_fault({EIO, CallKind::read, "", number});
    const Bundled bundled = [&] {
      Bundled made;
      BundleReporter reporter;
      made.summary = write_bundle(
          *opened.region, {"test", "0"},
          [&](ByteView bytes) { made.bytes.insert(made.bytes.end(), bytes.begin(), bytes.end()); },
          reporter);
      made.findings = std::move(reporter.findings);
      return made;
    }();
    if (disk->faults_hit() == 0) break;
    ++failed;
    // A block of which only a longer read failed is read again.
    if (bundled.summary.has_io_errors) CHECK(names_of(bundled.findings).find("io_error") == 0);
    MemoryFileSystem memory;
    BundleFile(bundled.bytes).make(memory, "/r");
    CHECK(memory.exists("/r/region.json"));
  }
  CHECK(failed > 8);
}

TEST_CASE("what the sink throws ends it, and is no finding") {
  TestRegion region;
  region.put_raw_everywhere();
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  const std::size_t size_bytes = bundle(region).bytes.size();
  for (std::size_t limit = 0; limit < size_bytes; limit += 300) {
    BundleReporter reporter;
    std::size_t taken = 0;
    const BundleSink sink = [&](ByteView bytes) {
      taken += bytes.size();
      if (taken > limit) throw SystemError("write 'b': No space left on device", ENOSPC);
    };
    CHECK(error_of(
              [&] {
                write_bundle(*opened.region, {"test", "0"}, sink, reporter);
              },
              "No space left") == ErrorKind::failed);
    CHECK(reporter.findings.empty());
    CHECK(reporter.not_carried.empty());
  }
}

TEST_CASE("bundling that is stopped is an error, so that nobody takes it for whole") {
  TestRegion region;
  region.put_raw_everywhere();
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, region.path(), {});
  const std::atomic<bool> stop{true};
  BundleOptions options{"test", "0"};
  options.stop = &stop;
  BundleReporter reporter;
  CHECK(error_of([&] {
          write_bundle(
              *opened.region, options, [](ByteView) {}, reporter);
        }) == ErrorKind::stopped);
}

}  // namespace
}  // namespace libregion
