// Which regions can be replicas of one another, and their extents side by side.

#include "libregion/ops/replica_set.h"

#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/open_replicas.h"

namespace libregion {
namespace {

RegionDefinition definition(std::uint64_t block_size_bytes, std::uint64_t extent_size_blocks,
                            std::uint32_t extent_count, bool encrypted) {
  return {std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks)), extent_count,
          Uuid{}, encrypted};
}

TEST_CASE("what keeps two regions from being replicas is named") {
  const RegionDefinition one = definition(512, 8, 3, false);
  const auto difference_to = [&](const RegionDefinition& other) {
    return find_incompatibility(one, other).value_or("none");
  };
  CHECK(difference_to(one) == "none");
  CHECK(difference_to(definition(1024, 8, 3, false)) == "expected a block size of 512, found 1024");
  CHECK(difference_to(definition(512, 9, 3, false)) == "expected an extent size of 8, found 9");
  CHECK(difference_to(definition(512, 8, 4, false)) == "expected an extent count of 3, found 4");
  const RegionDefinition encrypted = definition(512, 8, 3, true);
  CHECK(difference_to(encrypted) == "expected plain blocks, found encrypted ones");
  CHECK(find_incompatibility(encrypted, one) == "expected encrypted blocks, found plain ones");
}

struct TwoRegions {
  explicit TwoRegions(const TestRegion& a, const TestRegion& b) {
    memory.load(a.path(), "/a");
    memory.load(b.path(), "/b");
  }
  MemoryFileSystem memory;
};

TEST_CASE("a directory is no replica of itself, whatever its number on another device") {
  TestRegion region({512, 8, 1});
  region.put_raw(0);
  TwoRegions two(region, region);
  two.memory.set_device("/b", 7);
  const OpenReplicas open(two.memory, {"/a", "/b"});
  CHECK(ReplicaSet(open.regions()).size() == 2);
  const OpenReplicas same(two.memory, {"/a", "/a"});
  CHECK_THROWS_AS(ReplicaSet(same.regions()), Error);
}

TEST_CASE("extents are opened side by side, in whatever directory and format they are") {
  TestRegion a({512, 1, 4097});
  TestRegion b({512, 1, 4097});
  a.put_raw(0);
  b.put_sqlite(0, 1);
  b.remove("00/000/000");
  b.make_directory("00/001");
  b.put_raw(4096);
  TwoRegions two(a, b);
  const OpenReplicas open(two.memory, {"/a", "/b"});
  const ReplicaSet replicas(open.regions());
  const auto is_open = [&](std::uint32_t extent) {
    std::string text;
    const auto readers = replicas.open(ExtentId{extent},
                                       [](std::size_t, const Error& error) { FAIL(error.what()); });
    for (const auto& reader : readers) text += reader == nullptr ? '-' : 'x';
    return text;
  };
  CHECK(is_open(0) == "x-");  // of the other there is only the database
  CHECK(is_open(1) == "--");
  CHECK(is_open(4096) == "-x");  // the first has no such directory
  CHECK(is_open(0) == "x-");
}

TEST_CASE("an extent that cannot be opened is skipped with the reason") {
  TestRegion region({512, 8, 1});
  region.put_raw(0);
  TwoRegions two(region, region);
  two.memory.add_fault({EIO, CallKind::open, "/b/00/000", 0, true});
  const OpenReplicas open(two.memory, {"/a", "/b"});
  std::string why;
  const auto readers =
      ReplicaSet(open.regions()).open(ExtentId{0}, [&](std::size_t replica, const Error& error) {
        why += std::to_string(replica) + ": " + error.what();
      });
  CHECK(readers[0] != nullptr);
  CHECK(readers[1] == nullptr);
  CHECK(why == "1: openat '/b/00/000': Input/output error");
}

}  // namespace
}  // namespace libregion
