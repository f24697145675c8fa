// Making things durable: which syncs are made, in which order, and what a crash leaves.

#include "libregion/io/durable.h"

#include <cerrno>
#include <set>

#include <doctest/doctest.h>

#include "tests/support/crash_model.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

constexpr std::uint64_t seeds = 64;

std::unique_ptr<Directory> open_root(MemoryFileSystem& memory) {
  return expect_opened(memory.open_directory("/r"), "/r");
}

// ---- sync_files ---------------------------------------------------------------------------------

// So many files that were written and not synced.
struct WrittenFiles {
  explicit WrittenFiles(std::size_t count) {
    memory.add_directory("/r");
    root = open_root(memory);
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back(root->create_file(std::to_string(i), std::nullopt));
      files.back()->write(0, as_byte_view("data"));
      pointers.push_back(files.back().get());
    }
    memory.clear_log();
  }

  [[nodiscard]] std::vector<std::string> synced() const {
    std::vector<std::string> calls;
    for (const Call& call : memory.log()) calls.push_back(describe(call));
    return calls;
  }

  MemoryFileSystem memory;
  std::unique_ptr<Directory> root;
  std::vector<std::unique_ptr<File>> files;
  std::vector<File*> pointers;
};

std::vector<std::string> each_synced(std::size_t count) {
  std::vector<std::string> calls;
  for (std::size_t i = 0; i < count; ++i) calls.push_back("fsync '/r/" + std::to_string(i) + "'");
  return calls;
}

TEST_CASE("few files are synced one by one") {
  WrittenFiles written(15);
  sync_files(*written.root, written.pointers);
  CHECK(written.synced() == each_synced(15));
}

TEST_CASE("many files are synced at once") {
  WrittenFiles written(16);
  sync_files(*written.root, written.pointers);
  CHECK(written.synced() == std::vector<std::string>{"syncfs '/r'"});
}

TEST_CASE("many files are synced one by one where the file system cannot be") {
  WrittenFiles written(16);
  written.memory.set_sync_file_system_available(false);
  sync_files(*written.root, written.pointers);
  CHECK(written.synced() == each_synced(16));
}

TEST_CASE("many files are synced one by one where one is on another file system") {
  WrittenFiles written(16);
  written.memory.set_device("/r/7", 99);
  sync_files(*written.root, written.pointers);
  CHECK(written.synced() == each_synced(16));
}

TEST_CASE("no files need no sync") {
  WrittenFiles written(0);
  sync_files(*written.root, written.pointers);
  CHECK(written.synced().empty());
}

TEST_CASE("after a file's sync has failed nothing is synced any more") {
  WrittenFiles written(5);
  written.memory.add_fault({EIO, CallKind::sync_file, "", 2});
  const Failure failure = failure_of([&] { sync_files(*written.root, written.pointers); });
  CHECK(failure.message == "fsync '/r/2': Input/output error");
  CHECK(failure.kind == ErrorKind::failed);
  CHECK(written.synced().size() == 3);
}

TEST_CASE("after the file system's sync has failed nothing is synced any more") {
  WrittenFiles written(16);
  written.memory.add_fault({ENOSPC, CallKind::sync_file_system});
  const Failure failure = failure_of([&] { sync_files(*written.root, written.pointers); });
  CHECK(failure.message == "syncfs '/r': No space left on device");
  CHECK(written.synced().size() == 1);
}

// ---- replace_file -------------------------------------------------------------------------------

// Of several sectors, so that they can be torn.
const std::string old_content(1300, 'o');
const std::string new_content(1700, 'n');

void replace(MemoryFileSystem& memory) {
  replace_file(*open_root(memory), "name", "name.tmp", as_byte_view(new_content));
}

std::unique_ptr<MemoryFileSystem> with_old_content() {
  auto memory = std::make_unique<MemoryFileSystem>();
  memory->add_file("/r/name", as_byte_view(old_content));
  return memory;
}

std::vector<std::string> lines_of(const MemoryFileSystem& memory) {
  std::vector<std::string> lines;
  for (const Call& call : memory.log()) lines.push_back(describe(call));
  return lines;
}

TEST_CASE("a file is replaced by one that was synced before it got the name") {
  const auto memory = with_old_content();
  replace(*memory);
  CHECK(lines_of(*memory) ==
        std::vector<std::string>{"create '/r/name.tmp'", "pwrite '/r/name.tmp' at 0, 1700 bytes",
                                 "fsync '/r/name.tmp'", "rename '/r/name.tmp' to 'name'",
                                 "fsync '/r'"});
  CHECK(to_text(memory->content_of("/r/name")) == new_content);
  CHECK(memory->tree("/r").size() == 1);
}

TEST_CASE("a file that was not there is made the same way") {
  MemoryFileSystem memory;
  memory.add_directory("/r");
  replace(memory);
  CHECK(lines_of(memory).size() == 5);
  CHECK(to_text(memory.content_of("/r/name")) == new_content);
}

TEST_CASE("a temporary file that was left over is removed first, not written through") {
  const auto memory = with_old_content();
  memory->add_file("/r/precious", as_byte_view("precious"));
  SUBCASE("a file") { memory->add_file("/r/name.tmp", as_byte_view(std::string(9999, 'x'))); }
  SUBCASE("a link") { memory->add_symbolic_link("/r/name.tmp", "precious"); }
  replace(*memory);
  CHECK(lines_of(*memory).front() == "unlink '/r/name.tmp'");
  CHECK(to_text(memory->content_of("/r/name")) == new_content);
  CHECK(to_text(memory->content_of("/r/precious")) == "precious");
  CHECK(memory->tree("/r").size() == 2);
}

TEST_CASE("a new file has owner and mode of what it replaces") {
  MemoryFileSystem memory;
  memory.add_directory("/r");
  const auto root = open_root(memory);
  root->create_file("name", Ownership{7, 8, 0640});
  replace(memory);
  const auto ownership = root->status_of("name")->ownership;
  CHECK(ownership.user == 7);
  CHECK(ownership.group == 8);
  CHECK(ownership.mode == 0640);
}

// What the name may hold after a crash at any of the calls; "none" where it is not there.
std::set<std::string> contents_after_crashes(const MemoryFileSystem& before,
                                             std::optional<std::uint64_t> ignored_sync) {
  std::set<std::string> contents;
  std::uint64_t number = 0;
  for (bool crashed = true; crashed; ++number) {
    const auto memory = before.copy();
    memory->crash_at(number);
    if (ignored_sync) memory->ignore_sync_at(*ignored_sync);
    crashed = false;
    try {
      replace(*memory);
    } catch (const SimulatedCrash&) {
      crashed = true;
    }
    for (const CrashModel model :
         {CrashModel::ordered, CrashModel::posix_512, CrashModel::posix_512_garbage}) {
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        const auto left = after_crash(*memory, model, seed);
        const bool is_there = left->exists("/r/name");
        const std::string content = is_there ? to_text(left->content_of("/r/name")) : "none";
        contents.insert(crashed ? content : "done: " + content);
      }
    }
  }
  return contents;
}

TEST_CASE("a crash at any call leaves the old content or the new one") {
  const auto memory = with_old_content();
  const std::set<std::string> expected{old_content, new_content, "done: " + new_content};
  CHECK(contents_after_crashes(*memory, std::nullopt) == expected);
  memory->add_file("/r/name.tmp", as_byte_view("left over"));
  CHECK(contents_after_crashes(*memory, std::nullopt) == expected);
}

TEST_CASE("a crash at any call leaves no file, where there was none, or the whole one") {
  MemoryFileSystem memory;
  memory.add_directory("/r");
  CHECK(contents_after_crashes(memory, std::nullopt) ==
        std::set<std::string>{"none", new_content, "done: " + new_content});
}

TEST_CASE("without the file's sync a crash could leave the name with half the content") {
  const auto contents = contents_after_crashes(*with_old_content(), 2);
  CHECK(contents.size() > 3);
}

TEST_CASE("without the directory's sync the new content could be gone again") {
  const auto contents = contents_after_crashes(*with_old_content(), 4);
  CHECK(contents.count("done: " + old_content) == 1);
}

TEST_CASE("a replacement that fails leaves the old content, and can be repeated") {
  for (std::uint64_t number = 0; number < 4; ++number) {
    const auto memory = with_old_content();
    memory->add_fault({EIO, std::nullopt, "", number});
    const Failure failure = failure_of([&] { replace(*memory); });
    CHECK(failure.message.find("'/r/name.tmp'") != std::string::npos);
    CHECK(memory->log().size() == number + 1);
    CHECK(to_text(memory->content_of("/r/name")) == old_content);
    memory->restart();
    replace(*memory);
    CHECK(to_text(memory->content_of("/r/name")) == new_content);
    CHECK(memory->tree("/r").size() == 1);
  }
}

}  // namespace
}  // namespace libregion
