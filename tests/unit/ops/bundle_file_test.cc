// A bundle as a file: whole or not at all.

#include "libregion/ops/bundle_file.h"

#include <doctest/doctest.h>

#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/bundled_region.h"
#include "tests/unit/ops/fault_driver.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

BundleSummary write_file(MemoryFileSystem& memory, bool replace = true,
                         const std::atomic<bool>* stop = nullptr) {
  const auto opened = open_region(memory, region_path, {});
  REQUIRE(opened.region);
  BundleOptions options{"test", "0"};
  options.stop = stop;
  ReportCollector reporter;
  return write_bundle_file(memory, *opened.region, options, {"/out/b.tar", replace}, reporter);
}

void write_over(MemoryFileSystem& memory) { write_file(memory); }

// A region, and a bundle of another time.
struct BundleCase {
  BundleCase() {
    const TestRegion region = region_of_all_members();
    expected = bundle_of(region);
    before.load(region.path(), region_path);
    before.add_file("/out/b.tar", as_byte_view("old"));
    before.settle();
    region_before = before.tree(region_path);
  }
  // Old or new, the first not where it had finished.
  [[nodiscard]] std::string old_or_new(const MemoryFileSystem& left, bool finished) const {
    if (left.tree(region_path) != region_before) return "the region is another";
    const Bytes found = left.content_of("/out/b.tar");
    if (found == expected || (!finished && to_text(ByteView(found)) == "old")) return {};
    return "neither old nor new: " + std::to_string(found.size()) + " bytes";
  }
  // That, and the next run writes it.
  [[nodiscard]] std::string can_go_on(MemoryFileSystem& left, bool finished) const {
    if (std::string problem = old_or_new(left, finished); !problem.empty()) return problem;
    write_file(left);
    if (left.tree("/out").size() != 1) return "something else stays";
    return old_or_new(left, true);
  }
  MemoryFileSystem before;
  Tree region_before;
  Bytes expected;
};

TEST_CASE("bundle file: holds the bundle, and nothing else is made") {
  const BundleCase tested;
  const auto memory = tested.before.copy();
  const BundleSummary summary = write_file(*memory);
  CHECK(summary.bundle_bytes == tested.expected.size());
  CHECK(tested.old_or_new(*memory, true) == "");
  CHECK(memory->tree("/out").size() == 1);
}

TEST_CASE("bundle file: one that is there is left as it is, unless it may be replaced") {
  const BundleCase tested;
  const auto memory = tested.before.copy();
  CHECK(error_of([&] { write_file(*memory, false); }, "'/out/b.tar' exists: --force") ==
        ErrorKind::failed);
  CHECK(to_text(memory->content_of("/out/b.tar")) == "old");
  CHECK(memory->tree("/out").size() == 1);
}

TEST_CASE("bundle file: a stop leaves what was there") {
  const BundleCase tested;
  const auto memory = tested.before.copy();
  const std::atomic<bool> stop{true};
  CHECK(error_of([&] { write_file(*memory, true, &stop); }) == ErrorKind::stopped);
  CHECK(to_text(memory->content_of("/out/b.tar")) == "old");
  CHECK(memory->tree("/out").size() == 1);
}

TEST_CASE("bundle file: after a crash at any call it is as it was, or new and whole") {
  const BundleCase tested;
  const Examine examine = remembering(
      [&](MemoryFileSystem& left, bool finished) { return tested.can_go_on(left, finished); });
  CHECK(first_problem(tested.before, write_over, examine) == "");
}

TEST_CASE("bundle file: without any one of its syncs a crash could leave half of it") {
  const BundleCase tested;
  const Examine examine = remembering(
      [&](MemoryFileSystem& left, bool finished) { return tested.old_or_new(left, finished); });
  CHECK(needless_syncs(tested.before, write_over, examine) == "");
}

TEST_CASE("bundle file: a call that fails is named, and the file is old or new") {
  const BundleCase tested;
  const ExamineFault examine = [&](MemoryFileSystem& memory, const Fault& fault, const Call& call) {
    const Outcome outcome = outcome_of([&](std::vector<std::string>*) { write_file(memory); });
    if (std::string problem = unnamed(outcome, call); !problem.empty()) return problem;
    if (is_sync(call.kind)) {
      std::string problem = what_follows_failed_sync(memory.log(), fault.first);
      if (!problem.empty()) return problem;
    }
    memory.restart();
    return tested.can_go_on(memory, false);
  };
  CHECK(first_problem_with_faults(tested.before, write_over, examine) == "");
}

}  // namespace
}  // namespace libregion
