// Who else uses a region: locks between these tools, leases against everybody else.

#include "libregion/region/region_use.h"

#include <chrono>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/region/region.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"
#include "tests/unit/region/other_process.h"

namespace libregion {
namespace {

constexpr UseOptions reader = {Access::read, false, 0};
constexpr UseOptions writer = {Access::read_write, false, 0};
constexpr UseOptions live_reader = {Access::read, true, 0};

// What opening the region says: "" or the message that it is in use.
std::string in_use(const TestRegion& region, const UseOptions& options) {
  PosixFileSystem file_system;
  try {
    const OpenedRegion opened = open_region(file_system, region.path(), options);
    CHECK(opened.region.has_value());
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::in_use);
    return error.what();
  }
}

// What claiming the file of extent 0 says.
std::string claim(const TestRegion& region, const UseOptions& options,
                  const PosixOptions& system = {}) {
  PosixFileSystem file_system(system);
  try {
    const auto opened = open_region(file_system, region.path(), options);
    REQUIRE(opened.region);
    const auto file =
        expect_opened(opened.region->root->open_file("00/000/000", options.access), "000");
    opened.region->use->claim(*file);
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::in_use);
    return error.what();
  }
}

std::string process_text(const OtherProcess& other) {
  return "(process " + std::to_string(other.id()) + ")";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- the lock on the directory ------------------------------------------------------------------

TEST_CASE("a file that is open elsewhere for a moment only is waited for, unasked") {
  TestRegion region;
  region.put_raw_everywhere();
  const int number = ::open(region.path_of(0).c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(number >= 0);
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ::close(number);
  });
  CHECK(claim(region, writer).empty());
  closer.join();
}

TEST_CASE("readers share a region; a writer has it alone") {
  TestRegion region;
  SUBCASE("another reader") {
    const auto other = lock_elsewhere(region.path(), LOCK_SH);
    CHECK(in_use(region, reader) == "");
    CHECK(in_use(region, live_reader) == "");
    CHECK(contains(in_use(region, writer), process_text(*other)));
  }
  SUBCASE("another writer") {
    const auto other = lock_elsewhere(region.path(), LOCK_EX);
    CHECK(contains(in_use(region, reader), process_text(*other)));
    CHECK(contains(in_use(region, writer), process_text(*other)));
  }
  CHECK(in_use(region, writer) == "");
}

TEST_CASE("whoever has a region is named, be it one or several, or nobody that can be seen") {
  const auto message_with = [](std::vector<FileUser> users) {
    MemoryFileSystem memory;
    memory.add_directory("/r");
    const auto root = expect_opened(memory.open_directory("/r"), "/r");
    const RegionUse use(memory, *root, writer);
    memory.set_users(std::move(users));
    const auto other = expect_opened(memory.open_directory("/r"), "/r");
    try {
      const RegionUse second(memory, *other, writer);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::in_use);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message_with({}) == "'/r' is in use");
  CHECK(message_with({{7, "one"}}) == "'/r' is in use by one (process 7)");
  CHECK(message_with({{7, "one"}, {8, "two"}}) ==
        "'/r' is in use by one (process 7), two (process 8)");
}

TEST_CASE("the lock is held as long as the region is open, and named by its path") {
  TestRegion region;
  PosixFileSystem file_system;
  {
    const auto opened = open_region(file_system, region.path(), reader);
    CHECK_THROWS(lock_elsewhere(region.path(), LOCK_EX));
    CHECK(lock_elsewhere(region.path(), LOCK_SH) != nullptr);
    CHECK(contains(in_use(region, writer), "'" + region.path() + "' is in use"));
  }
  {
    const auto opened = open_region(file_system, region.path(), writer);
    CHECK_THROWS(lock_elsewhere(region.path(), LOCK_SH));
  }
  CHECK(lock_elsewhere(region.path(), LOCK_EX) != nullptr);
}

TEST_CASE("a region without a usable definition is not kept locked") {
  TestRegion region;
  region.remove("region.json");
  PosixFileSystem file_system;
  CHECK_FALSE(open_region(file_system, region.path(), writer).region.has_value());
  CHECK(lock_elsewhere(region.path(), LOCK_EX) != nullptr);
}

TEST_CASE("who may wait gets the region once it is free") {
  TestRegion region;
  auto other = lock_elsewhere(region.path(), LOCK_EX);
  std::thread freeing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    other->let_go();
  });
  CHECK(in_use(region, {Access::read_write, false, 30}) == "");
  freeing.join();
}

TEST_CASE("who may wait gives up when the time is over") {
  TestRegion region;
  const auto other = lock_elsewhere(region.path(), LOCK_EX);
  const auto start = std::chrono::steady_clock::now();
  CHECK(contains(in_use(region, {Access::read, false, 1}), "in use"));
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::seconds(1));
}

// ---- leases on files ----------------------------------------------------------------------------

TEST_CASE("a reader is refused a file that another process has open for writing") {
  TestRegion region;
  region.put_raw_everywhere();
  const auto other = open_elsewhere(region.path_of(0), O_RDWR);
  CHECK(contains(claim(region, reader), process_text(*other)));
  CHECK(contains(claim(region, reader), region.path_of(0)));
  CHECK(contains(claim(region, writer), process_text(*other)));
}

TEST_CASE("who may wait gets a file once nobody has a lease on it any more") {
  TestRegion region;
  region.put_raw_everywhere();
  auto other = lease_elsewhere(region.path_of(0));
  CHECK(contains(claim(region, reader), "a lease on it"));
  CHECK(contains(claim(region, writer), "a lease on it"));
  std::thread freeing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    other->let_go();
  });
  CHECK(claim(region, writer, {.patience = {30}}) == "");
  freeing.join();
}

TEST_CASE("a reader shares a file with other readers, a writer does not") {
  TestRegion region;
  region.put_raw_everywhere();
  const auto other = open_elsewhere(region.path_of(0), O_RDONLY);
  CHECK(claim(region, reader) == "");
  CHECK(contains(claim(region, writer), process_text(*other)));
}

TEST_CASE("a file that nobody has open is had by both") {
  TestRegion region;
  region.put_raw_everywhere();
  const auto other = open_elsewhere(region.path_of(1), O_RDWR);
  CHECK(claim(region, reader) == "");
  CHECK(claim(region, writer) == "");
}

TEST_CASE("a live reader reads what others write") {
  TestRegion region;
  region.put_raw_everywhere();
  const auto other = open_elsewhere(region.path_of(0), O_RDWR);
  CHECK(claim(region, live_reader) == "");
}

TEST_CASE("whoever opens a claimed file later waits, and it shows") {
  TestRegion region;
  region.put_raw_everywhere();
  struct Case {
    UseOptions options;
    int flags = 0;
    bool breaks = false;
  };
  for (const Case& opening : {Case{reader, O_RDONLY, false}, Case{reader, O_RDWR, true},
                              Case{writer, O_RDONLY, true}, Case{writer, O_RDWR, true}}) {
    CAPTURE(opening.breaks);
    PosixFileSystem file_system;
    const auto opened = open_region(file_system, region.path(), opening.options);
    REQUIRE(opened.region);
    auto file =
        expect_opened(opened.region->root->open_file("00/000/000", opening.options.access), "000");
    opened.region->use->claim(*file);
    CHECK_FALSE(file->lease_is_broken());
    OtherProcess other([&] { return ::open(region.path_of(0).c_str(), opening.flags); });
    if (!opening.breaks) other.wait_until_ready();
    for (int i = 0; i < 500 && opening.breaks && !file->lease_is_broken(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    CHECK(file->lease_is_broken() == opening.breaks);
    file.reset();
    if (opening.breaks) other.wait_until_ready();
  }
}

TEST_CASE("which check is made is known once the region is open") {
  TestRegion region;
  PosixFileSystem with_leases;
  PosixFileSystem without({.use_leases = false});
  CHECK(open_region(with_leases, region.path(), reader).region->use->check() == UseCheck::lease);
  CHECK(open_region(without, region.path(), reader).region->use->check() == UseCheck::processes);
  CHECK(open_region(with_leases, region.path(), live_reader).region->use->check() ==
        UseCheck::none);
  CHECK(use_check_name(UseCheck::lease) == "lease");
  CHECK(use_check_name(UseCheck::processes) == "processes");
  CHECK(use_check_name(UseCheck::none) == "none");
}

TEST_CASE("where there are no leases the open files of all processes are looked through") {
  TestRegion region;
  region.put_raw_everywhere();
  const PosixOptions no_leases{.use_leases = false};
  const auto other = open_elsewhere(region.path_of(0), O_RDONLY);
  CHECK(contains(claim(region, reader, no_leases), process_text(*other)));
  CHECK(contains(claim(region, writer, no_leases), process_text(*other)));
  CHECK(claim(region, live_reader, no_leases) == "");
}

TEST_CASE("somebody who holds region.json open for reading does not stop a reader") {
  TestRegion region;
  region.put_raw_everywhere();
  const auto other = open_elsewhere(region.path_of("region.json"), O_RDONLY);
  CHECK(claim(region, reader) == "");
}

}  // namespace
}  // namespace libregion
