// Making a region of a bundle where calls fail, or the machine stops: no region, or the whole one.

#include <doctest/doctest.h>

#include "libregion/ops/unbundle.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/bundled_region.h"
#include "tests/unit/ops/fault_driver.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

// Of few and of many files, which are synced in different ways.
struct UnbundleCase {
  explicit UnbundleCase(const Bytes& bytes) {
    write_whole_file(path, bytes);
    expected = tree_after(before, run());
    examine = remembering(
        [this](MemoryFileSystem& left, bool finished) { return whole_or_missing(left, finished); });
  }
  [[nodiscard]] Operation run() const {
    return [this](MemoryFileSystem& memory) {
      InputStream stream(path);
      BundleReader reader(stream);
      create_from_bundle(memory, region_path, reader, {{/*force=*/true}});
    };
  }
  // No region, or the whole one; where there is none, making it again with force makes it.
  std::string whole_or_missing(MemoryFileSystem& left, bool finished) const {
    if (!finished && !left.exists("/r/region.json")) {
      try {
        run()(left);
      } catch (const Error& error) {
        return std::string("cannot be made again: ") + error.what();
      }
    }
    const std::string found = difference(expected, left.tree(region_path));
    return found.empty() ? "" : "other bytes: " + found;
  }
  TemporaryDirectory directory;
  std::string path = directory.path() + "/b.tar";
  MemoryFileSystem before;
  Tree expected;
  Examine examine;
};

TEST_CASE("a crash at any call leaves no region, or the whole one") {
  for (const std::uint32_t extents : {1U, 16U}) {
    CAPTURE(extents);
    const UnbundleCase tested(bundle_of(region_of_all_members(extents)));
    CHECK(first_problem(tested.before, tested.run(), tested.examine,
                        {{CrashModel::ordered, CrashModel::posix_512}, 6}) == "");
  }
}

TEST_CASE("a crash in the second attempt is survived as well") {
  const UnbundleCase tested(bundle_of(region_of_all_members()));
  const CrashOptions few{{CrashModel::posix_512}, 2};
  const Examine crash_again = remembering([&](MemoryFileSystem& left, bool finished) {
    if (finished || left.exists("/r/region.json")) return tested.examine(left, finished);
    return first_problem(left, tested.run(), tested.examine, few);
  });
  CHECK(first_problem(tested.before, tested.run(), crash_again, few) == "");
}

TEST_CASE("without any one of its syncs a crash could leave half a region") {
  const UnbundleCase tested(bundle_of(region_of_all_members()));
  CHECK(needless_syncs(tested.before, tested.run(), tested.examine) == "");
  // After the whole file system all directories are durable; the mark must be so long before.
  const UnbundleCase many(bundle_of(region_of_all_members(16)));
  const std::string needless = needless_syncs(many.before, many.run(), many.examine);
  CHECK(needless ==
        "fsync '/r/00/000/000.replace'\nfsync '/r/00/000'\nfsync '/r/00'\nfsync '/r'\nfsync '/'\n");
}

TEST_CASE("a call that fails is named; what was made is removed, after a failed sync it stays") {
  const UnbundleCase tested(bundle_of(region_of_all_members()));
  const std::vector<Call> log = log_of(tested.before, tested.run());
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    const auto memory = tested.before.copy();
    memory->add_fault({ENOSPC, std::nullopt, {}, number});
    INFO("call ", number, " fails: ", describe(log[number]));
    CHECK(error_of([&] { tested.run()(*memory); }, "'" + log[number].path) == ErrorKind::failed);
    const bool is_final = is_sync(log[number].kind);
    if (is_final) CHECK(what_follows_failed_sync(memory->log(), number) == "");
    if (memory->exists("/r/region.json")) continue;
    CHECK(memory->exists("/r") == is_final);
    memory->restart();
    tested.run()(*memory);
    CHECK(difference(tested.expected, memory->tree(region_path)) == "");
  }
}

}  // namespace
}  // namespace libregion
