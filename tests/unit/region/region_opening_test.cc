// Opening a region for writing: what interrupted repairs and migrations left is finished, and what
// cannot be served is refused before anything is changed.

#include "libregion/region/region_opening.h"

#include <cerrno>
#include <filesystem>

#include "tests/unit/region/region_writer_workshop.h"
#include "tests/unit/region/staged_repair.h"

namespace libregion {
namespace {

std::unique_ptr<RegionWriter> open_writer(const TestRegion& region) {
  static PosixFileSystem file_system;
  return RegionWriter::open(file_system, region.path(), {});
}

// Why it is refused; nothing is changed.
std::string why_refused(const TestRegion& region, ErrorKind kind = ErrorKind::failed) {
  const auto before = region.snapshot();
  const std::string message = failure_of(kind, [&] { open_writer(region); });
  CHECK(region.snapshot() == before);
  // Without the directory's name.
  const std::size_t at = message.find(region.path());
  return at == std::string::npos ? message : std::string(message).erase(at, region.path().size());
}

TEST_CASE("replacement: copy cleaned, completed cleaned") {
  const TestRegion region = raw_region();
  for (const char* name : {"00/000/000.copy", "00/000/001.completed"}) {
    region.make_directory(name);
    region.put_file(name + std::string("/000"), std::string_view("half a file"));
  }
  const Bytes data = region.file(data_name);
  open_writer(region);
  CHECK_FALSE(region.has("00/000/000.copy"));
  CHECK_FALSE(region.has("00/000/001.completed"));
  CHECK(region.file(data_name) == data);
}

TEST_CASE("replacement: replayed, over an extent that is there and for one that is not") {
  const TestRegion source = raw_region(ContextSlot::A);
  for (const bool is_there : {true, false}) {
    CAPTURE(is_there);
    const TestRegion region = raw_region();
    put_replacement(region, source);
    if (!is_there) region.remove(data_name);
    const auto writer = open_writer(region);
    CHECK(region.file(data_name) == source.file(data_name));
    CHECK_FALSE(region.has(replace));
    CHECK_FALSE(region.has("00/000/000.completed"));
    CHECK(writer->extent(ExtentId{0}).active_slot(0) == ContextSlot::A);
  }
}

TEST_CASE("replacement: not replayed read-only") {
  const TestRegion region = raw_region();
  put_replacement(region, raw_region(ContextSlot::A));
  const auto before = region.snapshot();
  PosixFileSystem file_system;
  CHECK(open_region(file_system, region.path(), {Access::read}).region);
  CHECK(region.snapshot() == before);
}

TEST_CASE("a log that an interrupted migration left goes, once the extent is known to be sound") {
  TestRegion region = raw_region();
  for (const char* name : {"00/000/000.db-wal", "00/000/001.db-shm"}) {
    region.put_file(name, std::string_view("anything"));
  }
  open_writer(region);
  CHECK_FALSE(region.has("00/000/000.db-wal"));
  CHECK_FALSE(region.has("00/000/001.db-shm"));

  region.put_file("00/000/000.db-wal", std::string_view("anything"));
  region.put_raw(1, region.raw().resize(100));
  CHECK(why_refused(region).find("wrong size") != std::string::npos);
}

TEST_CASE("a SQLite extent has to be migrated first") {
  const TestRegion region = sqlite_region(4);
  CHECK(why_refused(region) == "'/00/000/000.db': a SQLite extent: it has to be migrated first");
}

TEST_CASE("a SQLite replacement has to be put in place and migrated first") {
  const TestRegion source = sqlite_region(4);
  const TestRegion region = raw_region();
  put_replacement(region, source);
  region.remove(data_name);
  CHECK(why_refused(region) ==
        "'/00/000/000.replace': a SQLite extent: it has to be migrated first");
}

TEST_CASE("a replacement of the other format, or that cannot be used, is refused") {
  const TestRegion region = raw_region();
  put_replacement(region, sqlite_region(4));
  CHECK(why_refused(region).find("expected raw files, found sqlite files") != std::string::npos);
  const TestRegion other = raw_region();
  other.make_directory(replace);
  CHECK(why_refused(other).find("expected a data file 000, found none") != std::string::npos);
}

TEST_CASE("what cannot be served is refused by name") {
  TestRegion missing = raw_region();
  missing.remove("00/000/001");
  CHECK(why_refused(missing).find("'/00/000/001': the extent's file is missing") == 0);

  TestRegion no_leaf = raw_region();
  std::filesystem::remove_all(no_leaf.path_of("00"));
  CHECK(why_refused(no_leaf).find("'/00/000/000': the extent's file is missing") == 0);

  TestRegion linked = raw_region();
  linked.put_hard_link("elsewhere", linked.path_of("00/000/001"));
  CHECK(why_refused(linked).find("'/00/000/001': ") == 0);

  TestRegion undefined = raw_region();
  undefined.remove("region.json");
  CHECK(why_refused(undefined, ErrorKind::not_a_region).find("'/region.json': ") == 0);

  TestRegion lost = raw_region();
  lost.put_raw(1, lost.raw()
                      .write_all()
                      .set_slot_byte(ContextSlot::B, 3, 10, 1)
                      .set_slot(ContextSlot::A, 3, plain_context(lost.data_for(3, 1)))
                      .set_dirty());
  CHECK(why_refused(lost).find("missing context slot for block 3") != std::string::npos);
}

TEST_CASE("a directory that cannot be read is refused with the reason, and nothing else") {
  const TestRegion region = raw_region();
  MemoryFileSystem memory;
  memory.load(region.path(), "/r");
  memory.add_fault({EIO, CallKind::open, "/r/00/000"});
  const std::string message =
      failure_of(ErrorKind::failed, [&] { RegionWriter::open(memory, "/r", {}); });
  CHECK(message.find(": found openat '/r/00/000': Input/output error") != std::string::npos);
  CHECK(memory.log().empty());
}

TEST_CASE("while a service has a region nobody else gets it, and nobody waits for its files") {
  const TestRegion region = raw_region();
  const auto writer = open_writer(region);
  PosixFileSystem file_system;
  CHECK_THROWS_AS(open_region(file_system, region.path(), {Access::read}), Error);
  const auto root = expect_opened(file_system.open_directory(region.path()), region.path());
  const auto file = open_file_in(*root, data_name, Access::read);
  CHECK(file->read(0, 1).size() == 1);
}

TEST_CASE("a region that somebody has a file of open is not served, and not changed") {
  const auto memory = empty_region(2, 8);
  memory->open_elsewhere("/r/00/000/001", Access::read);
  const auto failure =
      failure_of(ErrorKind::in_use, [&] { (void)RegionWriter::open(*memory, "/r", {}); });
  CHECK(failure.find("'/r/00/000/001' is in use") == 0);
  CHECK(describe(memory->log()) == "");
}

TEST_CASE("unused bits that were set are not written back") {
  TestRegionOptions options;
  options.extent_size_blocks = 12;
  TestRegion region(options);
  region.put_raw(0, region.raw().write_all().set_unused_bits(0xF0));
  region.put_raw(1);
  const auto writer = open_writer(region);
  writer->write(SentBlocks({0, 1}, 5).write());
  writer->flush({1, 1});
  const Bytes content = region.file(data_name);
  CHECK((content[content.size() - metadata_bytes - 1] & std::byte{0xF0}) == std::byte{0});
}

TEST_CASE("extents of several leaf directories are each found, up to the last") {
  TestRegionOptions options;
  options.extent_size_blocks = 1;
  options.extent_count = 4098;
  const TestRegion made(options);
  MemoryFileSystem memory;
  memory.load(made.path(), "/r");
  const Bytes empty = RawExtentBuilder(512, 1).bytes();
  for (std::uint32_t extent = 0; extent < options.extent_count; ++extent) {
    memory.add_file("/r/" + extent_path(ExtentId{extent}), empty);
  }
  const auto writer = RegionWriter::open(memory, "/r", {});
  writer->write(SentBlocks({4094, 4}, 1).write());
  writer->flush({1, 1});
  for (const char* path : {"/r/00/000/FFE", "/r/00/000/FFF", "/r/00/001/000", "/r/00/001/001"}) {
    CHECK(memory.content_of(path) != empty);
  }
  CHECK(memory.content_of("/r/00/000/FFD") == empty);
}

}  // namespace
}  // namespace libregion
