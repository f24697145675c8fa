// Opening a region with all that interrupted repairs and migrations may have left, with a crash at
// every call: the next open finishes the job, with the same bytes.

#include <doctest/doctest.h>

#include "tests/unit/ops/crash_driver.h"
#include "tests/unit/region/region_writer_workshop.h"
#include "tests/unit/region/staged_repair.h"

namespace libregion {
namespace {

void open_and_close(MemoryFileSystem& memory) { (void)RegionWriter::open(memory, region_path, {}); }

// Extent 0 has a replacement, extent 1 is gone and has one; .copy, .completed and logs beside them.
std::unique_ptr<MemoryFileSystem> before_opening() {
  TestRegionOptions options;
  options.extent_count = 3;
  TestRegion region(options);
  for (const std::uint32_t extent : {0U, 2U}) {
    region.put_raw(extent, region.raw().write_all().set_numbers(3, 4));
  }
  for (const std::uint32_t extent : {0U, 1U}) {
    const std::string directory = extent_path(ExtentId{extent}, ExtentPart::replace);
    region.make_directory(directory);
    region.put_file(directory + "/" + extent_file_name(ExtentId{extent}),
                    region.raw().write_all(ContextSlot::A).set_numbers(5, 6).bytes());
  }
  for (const char* name : {"00/000/000.copy", "00/000/002.completed"}) {
    region.make_directory(name);
    region.put_file(name + std::string("/000"), std::string_view("half a file"));
  }
  region.put_file("00/000/002.db-wal", std::string_view("anything"));
  region.put_file("00/000/002.db-shm", std::string_view("anything"));
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->load(region.path(), region_path);
  return memory;
}

std::string names_in(const Tree& tree) {
  std::string names;
  for (const auto& [name, entry] : tree) {
    if (entry.kind == FileKind::regular) names += name + " ";
  }
  return names;
}

TEST_CASE("opening finishes all that is pending, and another open has nothing to change") {
  const auto memory = before_opening();
  open_and_close(*memory);
  CHECK(names_in(memory->tree(region_path)) == "00/000/000 00/000/001 00/000/002 region.json ");
  memory->clear_log();
  open_and_close(*memory);
  CHECK(describe(memory->changes()) == "");
}

TEST_CASE("a crash at any call of opening is finished by the next, and one in that by a third") {
  const auto before = before_opening();
  const Tree expected = tree_after(*before, open_and_close);
  const Examine finishing = [&](MemoryFileSystem& left, bool finished) {
    if (!finished) open_and_close(left);
    return other_bytes(expected, left);
  };
  const CrashOptions options{{CrashModel::ordered, CrashModel::posix_512}, 12};
  CHECK(first_problem(*before, open_and_close, finishing, options) == "");

  const CrashOptions few{{CrashModel::posix_512}, 3};
  const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
    if (finished) return other_bytes(expected, left);
    return first_problem(left, open_and_close, finishing, few);
  });
  CHECK(first_problem(*before, open_and_close, crash_again, few) == "");
}

TEST_CASE(
    "without any one of the syncs of opening a crash could do damage, but for what was synced "
    "before") {
  const auto before = before_opening();
  const Tree expected = tree_after(*before, open_and_close);
  const Examine finishing = remembering([&](MemoryFileSystem& left, bool finished) -> std::string {
    try {
      if (!finished) open_and_close(left);
    } catch (const Error& error) {
      return error.what();
    }
    return other_bytes(expected, left);
  });
  // The first of the directory, and those of the files before anything is read of them, are for
  // what a killed process has left; of the others' names a later sync of the directory makes
  // durable.
  const std::string leaf = "fsync '/r/00/000'\n";
  CHECK(needless_syncs(*before, open_and_close, finishing, {{CrashModel::posix_512}, 12}) ==
        leaf + leaf + leaf + leaf + leaf +
            "fsync '/r/00/000/000'\nfsync '/r/00/000/001'\nfsync '/r/00/000/002'\n");
}

TEST_CASE("a call of opening that fails is an error, and the next open finishes") {
  const auto before = before_opening();
  const Tree expected = tree_after(*before, open_and_close);
  const std::size_t call_count = log_of(*before, open_and_close).size();
  REQUIRE(call_count > 20);
  for (std::uint64_t number = 0; number < call_count; ++number) {
    CAPTURE(number);
    const auto memory = before->copy();
    Fault fault{EIO};
    fault.first = number;
    memory->add_fault(fault);
    CHECK_THROWS_AS(open_and_close(*memory), SystemError);
    CHECK(memory->faults_hit() == 1);
    memory->restart();
    open_and_close(*memory);
    CHECK(other_bytes(expected, *memory) == "");
  }
}

}  // namespace
}  // namespace libregion
