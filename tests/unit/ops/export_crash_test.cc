// Exporting where calls fail, or the machine stops: the image is there whole, or as it was.

#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/unit/ops/crash_driver.h"
#include "tests/unit/ops/exported_region.h"

namespace libregion {
namespace {

ExportFiles all_files() {
  ExportFiles files;
  files.target.replace = true;
  files.records = ExportRecordsOptions{"/out/contexts", ContextsFormat::csv, "/out/manifest", true};
  return files;
}

void run_export(MemoryFileSystem& memory) { export_on(memory, {}, all_files()); }

// With an image of another time, and what a killed run left.
struct BusyPlace : ExportDisk {
  explicit BusyPlace(const TestRegion& region) : ExportDisk(region) {
    memory.add_file("/out/image", as_byte_view("old image"));
    memory.add_file("/out/contexts", as_byte_view("old contexts"));
    memory.add_file("/out/.image.partial", as_byte_view("left behind"));
    memory.settle();
  }
};

TestRegion small_region() {
  TestRegion region;
  region.put_raw_everywhere();
  return region;
}

Tree new_files(const MemoryFileSystem& before) {
  const auto memory = before.copy();
  run_export(*memory);
  return memory->tree("/out");
}

// What is wrong with the files in /out, which are to be old or new.
std::string not_old_or_new(const MemoryFileSystem& left, const Tree& old_tree, const Tree& tree) {
  const Tree found = left.tree("/out");
  for (const auto& [name, entry] : found) {
    if (name.starts_with(".")) continue;
    const auto old_file = old_tree.find(name);
    const bool is_old = old_file != old_tree.end() && old_file->second == entry;
    if (!is_old && tree.at(name) != entry) return name + " is neither old nor new";
  }
  // An image that is new has its contexts and its manifest.
  if (found.count("image") != 0 && found.at("image") == tree.at("image")) {
    for (const char* name : {"contexts", "manifest"}) {
      if (found.count(name) == 0 || found.at(name) != tree.at(name)) {
        return std::string("the image is new, not so ") + name;
      }
    }
  }
  return {};
}

TEST_CASE("export: after a crash at any call the image is as it was, or new and whole") {
  const TestRegion region = small_region();
  const BusyPlace place(region);
  const Tree old_tree = place.memory.tree("/out");
  const Tree expected = new_files(place.memory);
  const Tree region_before = place.memory.tree("/r");
  const Examine examine = [&](MemoryFileSystem& left, bool finished) -> std::string {
    const std::string problem = not_old_or_new(left, old_tree, expected);
    if (!problem.empty()) return problem;
    if (finished && left.tree("/out") != expected) return "finished, but not durable";
    if (left.tree("/r") != region_before) return "the region is another";
    run_export(left);
    return difference(expected, left.tree("/out"));
  };
  CHECK(first_problem(place.memory, run_export, remembering(examine)) == "");
}

TEST_CASE("export: no sync can be left out but one of two of a directory") {
  const TestRegion region = small_region();
  const BusyPlace place(region);
  const Tree old_tree = place.memory.tree("/out");
  const Tree expected = new_files(place.memory);
  const Examine examine = [&](MemoryFileSystem& left, bool finished) -> std::string {
    const std::string problem = not_old_or_new(left, old_tree, expected);
    if (!problem.empty() || !finished) return problem;
    return difference(expected, left.tree("/out"));
  };
  // Of contexts and manifest in one directory the second sync is enough for both.
  CHECK(needless_syncs(place.memory, run_export, remembering(examine)) == "fsync '/out'\n");
}

TEST_CASE("export: a map is there whole or not at all, and none of its syncs can be left out") {
  const TestRegion region = small_region();
  const BusyPlace place(region);
  const Operation run = [](MemoryFileSystem& memory) {
    ExportFiles files;
    files.target.replace = true;
    files.map = true;
    export_on(memory, {}, files);
  };
  const auto undisturbed = place.memory.copy();
  run(*undisturbed);
  const Tree old_tree = place.memory.tree("/out");
  const Tree expected = undisturbed->tree("/out");
  const Examine examine = [&](MemoryFileSystem& left, bool finished) -> std::string {
    const Bytes map = left.content_of(image_path);
    const bool is_old = map == old_tree.at("image").content;
    if (!is_old && map != expected.at("image").content) return "neither old nor new";
    return is_old && finished ? "not durable" : "";
  };
  CHECK(first_problem(place.memory, run, examine) == "");
  CHECK(needless_syncs(place.memory, run, examine) == "");
}

TEST_CASE("export: a call that fails is named; nothing is left, and after a failed sync no call") {
  const TestRegion region = small_region();
  const BusyPlace place(region);
  const Tree old_tree = place.memory.tree("/out");
  const Tree expected = new_files(place.memory);
  const std::vector<Call> log = log_of(place.memory, run_export);
  REQUIRE(log.size() > 10);
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    for (const int errno_value : {EIO, ENOSPC}) {
      for (const bool for_ever : {true, false}) {
        INFO("call ", number, ": ", describe(log[number]));
        const auto memory = place.memory.copy();
        memory->add_fault({errno_value, std::nullopt, "", number, for_ever});
        std::string message;
        try {
          run_export(*memory);
        } catch (const Error& error) {
          message = error.what();
          CHECK(error.kind() == ErrorKind::failed);
        }
        CHECK(message.find("'" + log[number].path + "'") != std::string::npos);
        CHECK(not_old_or_new(*memory, old_tree, expected) == "");
        if (is_sync(log[number].kind)) {
          for (std::uint64_t after = number + 1; after < memory->log().size(); ++after) {
            FAIL_CHECK("after a sync that failed: ", describe(memory->log()[after]));
          }
        }
        memory->restart();
        run_export(*memory);
        CHECK(difference(expected, memory->tree("/out")) == "");
      }
    }
  }
}

TEST_CASE("export: a full disk leaves nothing behind") {
  const TestRegion region = small_region();
  for (const bool sparse : {true, false}) {
    ExportDisk disk(region);
    disk.memory.set_free_bytes(8 * 512);
    ExportFiles files;
    files.target.sparse = sparse;
    std::string message;
    try {
      export_on(disk.memory, {}, files);
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message.find(sparse ? "No space left on device" : "expected 8192 bytes") !=
          std::string::npos);
    CHECK(disk.made() == "");
  }
}

}  // namespace
}  // namespace libregion
