// What MemoryFileSystem has beside the seam: its log, its faults, its crashes. Tests rely on it.

#include "tests/support/memory_file_system.h"

#include <cerrno>
#include <fstream>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/crash_model.h"
#include "tests/support/region_builder.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

std::unique_ptr<Directory> open_root(MemoryFileSystem& memory) {
  return expect_opened(memory.open_directory("/"), "/");
}

std::unique_ptr<File> open_writable(MemoryFileSystem& memory, const std::string& name) {
  return expect_opened(open_root(memory)->open_file(name, Access::read_write), name);
}

TEST_CASE("every change and every sync is in the log, in order, and nothing else is") {
  MemoryFileSystem memory;
  memory.add_file("/there", as_byte_view("0123"));
  const auto root = open_root(memory);
  const auto file = root->create_file("a", std::nullopt);
  file->write(512, as_byte_view("data"));
  file->resize(100);
  (void)file->read(0, 4);
  (void)root->status_of("there");
  file->sync();
  root->rename("a", "b");
  root->make_directory("sub", std::nullopt);
  root->remove_directory("sub");
  root->remove_file("there");
  root->sync();
  CHECK(root->sync_file_system());
  CHECK(describe(memory.log()) ==
        "0: create '/a'\n"
        "1: pwrite '/a' at 512, 4 bytes\n"
        "2: ftruncate '/a' at 100\n"
        "3: fsync '/a'\n"
        "4: rename '/a' to 'b'\n"
        "5: mkdir '/sub'\n"
        "6: rmdir '/sub'\n"
        "7: unlink '/there'\n"
        "8: fsync '/'\n"
        "9: syncfs '/'\n");
  CHECK(memory.changes().size() == 7);
}

TEST_CASE("a call that fails is in the log, as one that failed") {
  MemoryFileSystem memory;
  const Failure failure = failure_of([&] { open_root(memory)->remove_file("none"); });
  CHECK(failure.errno_value == ENOENT);
  CHECK(describe(memory.log()) == "0: unlink '/none' (failed)\n");
}

// ---- faults -------------------------------------------------------------------------------------

// Which of ten writes to "a" and "b" in turn fail: "a" gets 0, 2, 4 ...
std::string failing_writes(const Fault& fault) {
  MemoryFileSystem memory;
  memory.add_file("/a", {});
  memory.add_file("/b", {});
  const auto a = open_writable(memory, "a");
  const auto b = open_writable(memory, "b");
  memory.add_fault(fault);
  std::string failed;
  for (int i = 0; i < 10; ++i) {
    const Failure failure = failure_of([&] { (i % 2 == 0 ? a : b)->write(0, as_byte_view("x")); });
    if (failure.errno_value == fault.errno_value) failed += std::to_string(i);
  }
  return failed;
}

TEST_CASE("a fault hits the call of its number, once or from then on") {
  CHECK(failing_writes({EIO, std::nullopt, "", 3, false}) == "3");
  CHECK(failing_writes({ENOSPC, std::nullopt, "", 7, true}) == "789");
}

TEST_CASE("a fault of a path or a kind counts the calls that fit") {
  CHECK(failing_writes({EIO, std::nullopt, "/b", 1, false}) == "3");
  CHECK(failing_writes({EIO, std::nullopt, "/b", 0, true}) == "13579");
  CHECK(failing_writes({EIO, CallKind::write, "", 4, false}) == "4");
  CHECK(failing_writes({EIO, CallKind::resize, "", 0, true}).empty());
}

TEST_CASE("reads and opens fail only where a fault names them") {
  MemoryFileSystem memory;
  memory.add_file("/a", as_byte_view("0123"));
  const auto root = open_root(memory);
  const auto file = open_writable(memory, "a");
  memory.add_fault({EIO, std::nullopt, "", 0, true});
  CHECK_NOTHROW((void)file->read(0, 4));
  memory.add_fault({EIO, CallKind::read, "", 1});
  CHECK_NOTHROW((void)file->read(0, 4));
  CHECK(failure_of([&] { (void)file->read(2, 1); }).message ==
        "pread '/a' at 2: Input/output error");
  memory.add_fault({EACCES, CallKind::open, "/a"});
  CHECK(failure_of([&] { (void)root->open_file("a", Access::read); }).message ==
        "openat '/a': Permission denied");
}

TEST_CASE("a write that fails has written its first half") {
  MemoryFileSystem memory;
  memory.add_file("/a", as_byte_view("......"));
  memory.add_fault({ENOSPC, CallKind::write});
  const Failure failure =
      failure_of([&] { open_writable(memory, "a")->write(1, as_byte_view("1234")); });
  CHECK(failure.message == "pwrite '/a' at 1: No space left on device");
  CHECK(to_text(memory.content_of("/a")) == ".12...");
}

TEST_CASE("space is taken by what is written where nothing was, and given back") {
  MemoryFileSystem memory;
  memory.add_file("/a", {});
  memory.set_free_bytes(1024);
  const auto root = open_root(memory);
  const auto file = open_writable(memory, "a");
  file->resize(1 << 20);  // a hole
  CHECK(root->free_bytes() == 1024);
  file->write(5000, as_byte_view("x"));
  CHECK(root->free_bytes() == 512);
  file->write(5000, as_byte_view("y"));
  CHECK(root->free_bytes() == 512);
  CHECK(failure_of([&] { file->write(0, Bytes(513)); }).errno_value == ENOSPC);
  file->resize(4096);
  CHECK(root->free_bytes() == 1024);
  file->write(0, Bytes(1024));
  CHECK(root->free_bytes() == 0);
  root->remove_file("a");
  CHECK(root->free_bytes() == 1024);
}

// ---- crashes ------------------------------------------------------------------------------------

TEST_CASE("from a crash on no call happens") {
  MemoryFileSystem memory;
  const auto root = open_root(memory);
  memory.crash_at(2);
  root->make_directory("a", std::nullopt);
  root->sync();
  CHECK_THROWS_AS(root->make_directory("b", std::nullopt), SimulatedCrash);
  CHECK_THROWS_AS(root->sync(), SimulatedCrash);
  CHECK(memory.log().size() == 2);
  CHECK(memory.tree("/").size() == 1);
}

TEST_CASE("a watcher sees what a crash at each call would leave") {
  MemoryFileSystem memory;
  const auto root = open_root(memory);
  std::string seen;
  memory.watch([&](std::uint64_t number, const Call& call) {
    const auto left = after_crash(memory, CrashModel::ordered, 0);
    seen += std::to_string(number) + " " + describe(call) + ": " +
            std::to_string(left->tree("/").size()) + "\n";
  });
  root->make_directory("a", std::nullopt);
  root->make_directory("b", std::nullopt);
  root->sync();
  CHECK(seen == "0 mkdir '/a': 0\n1 mkdir '/b': 1\n2 fsync '/': 2\n");
}

TEST_CASE("after a restart everything is as it was, and works again") {
  MemoryFileSystem memory;
  const auto root = open_root(memory);
  memory.crash_at(1);
  root->make_directory("a", std::nullopt);
  CHECK_THROWS_AS(root->make_directory("b", std::nullopt), SimulatedCrash);
  memory.restart();
  CHECK(memory.log().empty());
  CHECK_NOTHROW(root->make_directory("b", std::nullopt));
  CHECK(memory.tree("/").size() == 2);
}

// ---- trees --------------------------------------------------------------------------------------

TEST_CASE("a tree is everything below a directory") {
  MemoryFileSystem memory;
  memory.add_file("/r/00/000/000", as_byte_view("data"));
  const Tree tree = memory.tree("/r");
  CHECK(tree.size() == 3);
  CHECK(tree.at("00").kind == FileKind::directory);
  CHECK(to_text(tree.at("00/000/000").content) == "data");
  CHECK(memory.tree("/none").empty());
}

TEST_CASE("a difference of two trees is told in words") {
  const auto tree_of = [](const std::string& name, const std::string& content) {
    MemoryFileSystem memory;
    memory.add_file("/" + name, as_byte_view(content));
    return memory.tree("/");
  };
  CHECK(difference(tree_of("a", "0123"), tree_of("a", "0123")).empty());
  CHECK(difference(tree_of("a", "0123"), tree_of("a", "01x3")) ==
        "a: byte 2: expected 50, found 120");
  CHECK(difference(tree_of("a", "0123"), tree_of("a", "01")) ==
        "a: expected 4 bytes, found 2 bytes");
  CHECK(difference(tree_of("a", "0123"), tree_of("b", "")) == "a: expected 4 bytes, found none");
  CHECK(difference({}, tree_of("b", "")) == "b: expected none, found 0 bytes");
}

TEST_CASE("the fingerprint depends on names, kinds, contents and what is in what") {
  std::vector<MemoryFileSystem> systems(6);
  systems[0].add_file("/a/b", as_byte_view("0"));
  systems[1].add_file("/a/b", as_byte_view("1"));
  systems[2].add_file("/a/c", as_byte_view("0"));
  systems[3].add_directory("/a/b");
  systems[4].add_directory("/a");
  systems[4].add_file("/b", as_byte_view("0"));
  std::set<std::uint64_t> fingerprints;
  for (const MemoryFileSystem& memory : systems) fingerprints.insert(memory.fingerprint());
  CHECK(fingerprints.size() == 6);
  CHECK(systems[0].copy()->fingerprint() == systems[0].fingerprint());
}

TEST_CASE("a copy is another file system with the same in it, names of one file included") {
  MemoryFileSystem memory;
  memory.add_file("/r/a", as_byte_view("0123"));
  memory.add_hard_link("/r/a", "/r/b");
  const auto copy = memory.copy();
  CHECK(difference(memory.tree("/"), copy->tree("/")).empty());
  CHECK(open_root(*copy)->open_file("r/a", Access::read).index() == 1);
  copy->remove("/r/b");
  CHECK(memory.exists("/r/b"));
}

TEST_CASE("a copy knows what is durable, until everything is") {
  MemoryFileSystem memory;
  memory.add_file("/a", {});
  open_root(memory)->rename("a", "b");
  const auto copy = memory.copy();
  CHECK(after_crash(*copy, CrashModel::posix_512, 0)->exists("/a"));
  CHECK(copy->exists("/b"));
  copy->settle();
  CHECK_FALSE(after_crash(*copy, CrashModel::posix_512, 0)->exists("/a"));
  CHECK(after_crash(memory, CrashModel::posix_512, 0)->exists("/a"));
}

TEST_CASE("a real directory can be loaded") {
  const TemporaryDirectory real;
  std::ofstream(real.path() + "/file", std::ios::binary) << std::string("a\0b", 3);
  MemoryFileSystem memory;
  memory.load(real.path(), "/r");
  CHECK(to_text(memory.content_of("/r/file")) == std::string("a\0b", 3));
}

TEST_CASE("a file that another process has open gets no lease, and one it opens loses it") {
  MemoryFileSystem memory;
  memory.add_file("/a", {});
  const auto file = open_writable(memory, "a");
  memory.open_elsewhere("/a", Access::read);
  CHECK(file->take_lease(Access::read_write) == Grant::refused);
  memory.close_elsewhere("/a");
  CHECK(file->take_lease(Access::read_write) == Grant::granted);
  memory.open_elsewhere("/a", Access::read);
  CHECK(file->lease_is_broken());
}

TEST_CASE("several threads use it at once") {
  MemoryFileSystem memory;
  const auto work = [&](const std::string& name) {
    const auto root = open_root(memory);
    const auto file = root->create_file(name, std::nullopt);
    for (std::uint64_t i = 0; i < 200; ++i) file->write(i, as_byte_view("x"));
    file->sync();
  };
  std::thread other(work, "a");
  work("b");
  other.join();
  CHECK(memory.content_of("/a") == memory.content_of("/b"));
  CHECK(memory.log().size() == 2 * (1 + 200 + 1));
}

}  // namespace
}  // namespace libregion
