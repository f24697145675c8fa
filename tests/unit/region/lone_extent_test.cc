// Files of an extent without a region: which geometry they can have, and reading them as a region.

#include "libregion/region/lone_extent.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/region/leaf.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

Geometry geometry(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks) {
  return std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks));
}

std::uint64_t file_bytes(std::uint64_t block_size, std::uint64_t block_count) {
  return block_count * (block_size + 96) + (block_count + 7) / 8 + 32;
}

TEST_CASE("a raw extent's size tells its geometry") {
  for (std::uint64_t block_size = 512; block_size <= 32768; block_size *= 2) {
    for (const std::uint64_t block_count : {1U, 2U, 7U, 8U, 9U, 13U, 100U, 133U, 8192U, 16384U}) {
      CAPTURE(block_size);
      CAPTURE(block_count);
      if (block_size * block_count > Geometry::extent_data_bytes_max) continue;
      const std::uint64_t size = file_bytes(block_size, block_count);
      const auto found = raw_geometries(size);
      // Every one of them has this size, and the right one is among them.
      CHECK(std::count(found.begin(), found.end(), geometry(block_size, block_count)) == 1);
      for (const Geometry& each : found) {
        CHECK(file_bytes(each.block_size_bytes(), each.extent_size_blocks()) == size);
      }
      CHECK(raw_geometries(file_bytes(4096, 16384) + 1).empty());
    }
  }
  CHECK(raw_geometries(file_bytes(4096, 16384)) == std::vector{geometry(4096, 16384)});
  for (const std::uint64_t size : {0U, 1U, 32U, 33U, 608U, 640U})
    CHECK(raw_geometries(size).empty());
  CHECK(raw_geometries(~std::uint64_t{0}).empty());
}

TEST_CASE("sizes that several geometries have are told all of them") {
  std::uint64_t ambiguous_count = 0;
  std::uint64_t wrong_count = 0;
  for (std::uint64_t size = 600; size < 200'000; ++size) {
    const auto found = raw_geometries(size);
    std::size_t expected = 0;
    for (std::uint64_t block_size = 512; block_size <= 32768; block_size *= 2) {
      for (std::uint64_t count = size / (block_size + 97); count <= size / (block_size + 96);
           ++count) {
        if (count > 0 && file_bytes(block_size, count) == size) ++expected;
      }
    }
    if (found.size() != expected) ++wrong_count;
    if (found.size() > 1) ++ambiguous_count;
  }
  CHECK(wrong_count == 0);
  CHECK(ambiguous_count > 0);
}

struct Place {
  TemporaryDirectory directory;
  PosixFileSystem file_system;

  std::string put(const std::string& name, ByteView content) const {
    const std::string path = directory.path() + "/" + name;
    write_whole_file(path, content);
    return path;
  }
  std::optional<LoneExtent> find(const std::string& path) {
    return find_lone_extent(file_system, path);
  }
};

TEST_CASE("a raw extent's file under any name") {
  Place place;
  TestRegion region({512, 12, 1});
  const std::string path =
      place.put("copy of replica 2", region.raw().write_all().set_numbers(4, 7).bytes());
  const auto found = place.find(path);
  REQUIRE(found.has_value());
  CHECK_FALSE(found->is_sqlite);
  CHECK_FALSE(found->extent.has_value());
  REQUIRE(found->geometries == std::vector{region.geometry()});
  const Region lone =
      open_lone_extent(place.file_system, *found, found->geometries[0], ExtentId{0x5067D}, {});
  CHECK(is_lone_extent(lone.definition));
  CHECK(lone.definition.extent_count == 0x5067E);
  const Leaf leaf = Leaf::open(lone, leaf_of(ExtentId{0x5067D}));
  CHECK(leaf.findings().empty());
  CHECK(leaf.extents().size() == 1);
  const auto opened =
      open_extent(*leaf.directory(), ExtentId{0x5067D}, leaf.parts_of(ExtentId{0x5067D}),
                  region.geometry(), [&](File& file) { lone.use->claim(file); });
  REQUIRE(opened.reader != nullptr);
  CHECK(opened.findings.empty());
  CHECK(opened.reader->metadata()->flush_number == 7);
}

TEST_CASE("a SQLite extent: its database and log stand beside it under the same name") {
  Place place;
  TestRegion region({512, 12, 1});
  const auto writer = region.make_sqlite(0);
  writer->write(3, region.data_for(3));
  writer->die();
  const std::string path = place.put("x", region.file("00/000/000"));
  for (const char* suffix : {".db", ".db-wal", ".db-shm"}) {
    place.put(std::string("x") + suffix, region.file(std::string("00/000/000") + suffix));
  }
  const auto before = snapshot_of(place.directory.path());
  const auto found = place.find(path);
  REQUIRE(found.has_value());
  CHECK(found->is_sqlite);
  // Blocks and nothing else: any size of block that divides it.
  CHECK(found->geometries == std::vector{geometry(512, 12), geometry(1024, 6), geometry(2048, 3)});
  const Region lone =
      open_lone_extent(place.file_system, *found, region.geometry(), ExtentId{0}, {});
  const Leaf leaf = Leaf::open(lone, LeafId{});
  const auto opened = open_extent(*leaf.directory(), ExtentId{0}, leaf.parts_of(ExtentId{0}),
                                  region.geometry(), [](File&) {});
  REQUIRE(opened.reader != nullptr);
  CHECK(names_of(opened.findings) == "sqlite_hot_wal");
  std::size_t row_count = 0;
  opened.reader->read_blocks({3, 1},
                             [&](const BlockRecord& record) { row_count = record.slots.size(); });
  CHECK(row_count == 1);
  CHECK(snapshot_of(place.directory.path()) == before);
}

TEST_CASE("the number of the extent, where its name says so") {
  Place place;
  TestRegion region({512, 12, 1});
  region.put_raw(0);
  CHECK(place.find(region.path_of(0))->extent == ExtentId{0});
  CHECK(place.find(place.put("67D", region.raw().bytes()))->extent == ExtentId{0x67D});
  CHECK_FALSE(place.find(place.put("67d", region.raw().bytes()))->extent.has_value());
  CHECK_FALSE(place.find(place.put("67D.copy", region.raw().bytes()))->extent.has_value());
}

TEST_CASE("what is no extent's file has no geometry") {
  Place place;
  TestRegion region({512, 12, 1});
  CHECK(place.find(place.put("dirty 2", region.raw().set_dirty(2).bytes()))->geometries.empty());
  CHECK(place.find(place.put("long", region.raw().resize(8000).bytes()))->geometries.empty());
  CHECK(place.find(place.put("short", Bytes(5)))->geometries.empty());
  CHECK(place.find(place.put("empty", {}))->geometries.empty());
}

TEST_CASE("a directory, or nothing, is left to others") {
  Place place;
  CHECK_FALSE(place.find(place.directory.path()).has_value());
  CHECK_FALSE(place.find(place.directory.path() + "/").has_value());
  CHECK_FALSE(place.find(place.directory.path() + "/none").has_value());
  CHECK_FALSE(place.find(".").has_value());
  CHECK_FALSE(place.find("/").has_value());
  CHECK_FALSE(place.find(place.directory.path() + "/..").has_value());
}

TEST_CASE("a name that a region's last extent and one more would have is none") {
  Place place;
  std::filesystem::create_directories(place.directory.path() + "/FF/FFF");
  // As a region would have it, it has a number that no region can count to.
  CHECK(place.find(place.put("FF/FFF/FFF", Bytes(5)))->extent == ExtentId{0xFFF});
  CHECK(place.find(place.put("FF/FFF/FFE", Bytes(5)))->extent == ExtentId{0xFFFFFFFE});
  MemoryFileSystem memory;
  memory.add_file("/67D", Bytes(5));
  CHECK(find_lone_extent(memory, "/67D")->extent == ExtentId{0x67D});
}

TEST_CASE("a relative path says as much as it holds") {
  Place place;
  std::filesystem::create_directories(place.directory.path() + "/00/001");
  place.put("00/001/002", Bytes(5));
  place.put("012", Bytes(5));
  place.put("12", Bytes(5));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(place.directory.path());
  const auto extent_of = [&](const std::string& path) { return place.find(path)->extent; };
  CHECK(extent_of("00/001/002") == ExtentId{0x1002});
  CHECK(extent_of("012") == ExtentId{0x12});
  CHECK_FALSE(extent_of("12").has_value());
  std::filesystem::current_path(before);
}

TEST_CASE("a SQLite extent without data has no geometry") {
  Place place;
  place.put("x.db", Bytes(5));
  const auto found = place.find(place.put("x", {}));
  CHECK(found->is_sqlite);
  CHECK(found->geometries.empty());
}

TEST_CASE("there is nothing in it but the extent") {
  Place place;
  TestRegion region({512, 12, 1});
  place.put("00", Bytes(1));
  const auto found = place.find(place.put("000", region.raw().bytes()));
  const Region lone =
      open_lone_extent(place.file_system, *found, region.geometry(), ExtentId{5}, {});
  CHECK(lone.root->path() == place.directory.path());
  CHECK_FALSE(lone.root->status_of("00").has_value());
  CHECK(std::holds_alternative<Refusal>(lone.root->open_file("000", Access::read)));
  CHECK(std::holds_alternative<Refusal>(lone.root->open_directory("00/001")));
  lone.root->list([](const DirectoryEntry& entry) { FAIL(entry.name); });
  const Leaf leaf = Leaf::open(lone, LeafId{});
  const Directory& directory = *leaf.directory();
  CHECK(directory.status_of("005").has_value());
  CHECK_FALSE(directory.status_of("000").has_value());
  CHECK(std::holds_alternative<Refusal>(directory.open_file("000", Access::read)));
  CHECK(std::holds_alternative<Refusal>(directory.open_directory("005.replace")));
  CHECK(Leaf::open(lone, leaf_of(ExtentId{0x1000})).directory() == nullptr);
}

TEST_CASE("nothing is changed through it") {
  Place place;
  TestRegion region({512, 12, 1});
  const auto found = place.find(place.put("x", region.raw().bytes()));
  const Region lone =
      open_lone_extent(place.file_system, *found, region.geometry(), ExtentId{0}, {});
  const Leaf leaf = Leaf::open(lone, LeafId{});
  const auto refused = [](const std::function<void()>& change) {
    CHECK_THROWS_AS(change(), const Error&);
  };
  for (Directory* directory : {lone.root.get(), leaf.directory()}) {
    refused([&] { directory->remove_file("000"); });
    refused([&] { directory->remove_directory("000"); });
    refused([&] { directory->rename("000", "001"); });
    refused([&] { directory->make_directory("001", std::nullopt); });
    refused([&] { (void)directory->create_file("001", std::nullopt); });
    refused([&] { directory->sync(); });
    refused([&] { (void)directory->sync_file_system(); });
    refused([&] { directory->take_ownership({}); });
  }
  refused([&] { (void)leaf.directory()->open_file("000", Access::read_write); });
}

}  // namespace
}  // namespace libregion
