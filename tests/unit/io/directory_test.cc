// An open directory: making, listing, renaming and removing what is in it; locks and syncs.

#include <cerrno>
#include <filesystem>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/posix_file_system.h"
#include "libregion/io/system_extras.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

std::map<std::string, FileKind> entries_of(const Directory& directory) {
  std::map<std::string, FileKind> entries;
  directory.list([&](const DirectoryEntry& entry) { entries[entry.name] = entry.kind; });
  return entries;
}

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

// ---- making -------------------------------------------------------------------------------------

TEST_CASE("a file that is made is empty, and open for reading and writing") {
  on_every_backend([](Backend& backend) {
    const auto file = backend.open_root()->create_file("file", std::nullopt);
    CHECK(file->status().size_bytes == 0);
    CHECK(file->status().link_count == 1);
    CHECK(file->path() == backend.path_of("file"));
    file->write(0, as_byte_view("data"));
    CHECK(to_text(file->read(0, 4)) == "data");
    CHECK(backend.content_of("file") == "data");
  });
}

TEST_CASE("a file is never made through an existing name") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "precious");
    backend.add_directory("sub");
    backend.add_symbolic_link("link", "file");
    backend.add_fifo("fifo");
    const auto root = backend.open_root();
    for (const char* name : {"file", "sub", "link", "fifo"}) {
      const Failure failure = failure_of([&] { root->create_file(name, std::nullopt); });
      CHECK(failure.message == "create '" + backend.path_of(name) + "': File exists");
      CHECK(failure.errno_value == EEXIST);
    }
    CHECK(backend.content_of("file") == "precious");
  });
}

TEST_CASE("a file is never made through a link that leads nowhere") {
  on_every_backend([](Backend& backend) {
    backend.add_symbolic_link("link", "target");
    const auto root = backend.open_root();
    CHECK(failure_of([&] { root->create_file("link", std::nullopt); }).errno_value == EEXIST);
    CHECK_FALSE(backend.exists("target"));
  });
}

TEST_CASE("a directory is made, and not where there is a name already") {
  on_every_backend([](Backend& backend) {
    backend.add_symbolic_link("link", "target");
    const auto root = backend.open_root();
    root->make_directory("sub", std::nullopt);
    CHECK(root->status_of("sub")->kind == FileKind::directory);
    CHECK(failure_of([&] { root->make_directory("sub", std::nullopt); }).message ==
          "mkdir '" + backend.path_of("sub") + "': File exists");
    CHECK(failure_of([&] { root->make_directory("link", std::nullopt); }).errno_value == EEXIST);
  });
}

TEST_CASE("without an ownership a file gets mode 0644, a directory 0755, under the umask") {
  const auto check_modes = [](std::uint32_t file_mode, std::uint32_t directory_mode) {
    on_every_posix_backend([&](Backend& backend) {
      const auto root = backend.open_root();
      CHECK(root->create_file("file", std::nullopt)->status().ownership.mode == file_mode);
      root->make_directory("sub", std::nullopt);
      CHECK(root->status_of("sub")->ownership.mode == directory_mode);
    });
  };
  SUBCASE("an open one") {
    const Umask umask(0);
    check_modes(0644, 0755);
  }
  SUBCASE("a strict one") {
    const Umask umask(027);
    check_modes(0640, 0750);
  }
}

TEST_CASE("with an ownership the mode is taken over, whatever the umask") {
  const Umask umask(077);
  on_every_backend([](Backend& backend) {
    const auto root = backend.open_root();
    const Ownership own{::getuid(), ::getgid(), 0664};
    CHECK(root->create_file("file", own)->status().ownership.mode == 0664);
    CHECK(root->status_of("file")->ownership.mode == 0664);
    root->make_directory("sub", Ownership{::getuid(), ::getgid(), 02775});
    CHECK(root->status_of("sub")->ownership.mode == 02775);
  });
}

TEST_CASE("root gives what it makes to the owner of what stands beside it") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can give files away");
    return;
  }
  on_every_backend([](Backend& backend) {
    const auto root = backend.open_root();
    const Ownership theirs{12345, 23456, 0640};
    root->create_file("file", theirs);
    root->make_directory("sub", Ownership{12345, 23456, 0750});
    for (const char* name : {"file", "sub"}) {
      CHECK(root->status_of(name)->ownership.user == 12345);
      CHECK(root->status_of(name)->ownership.group == 23456);
    }
    CHECK(root->status_of("file")->ownership.mode == 0640);
    CHECK(root->status_of("sub")->ownership.mode == 0750);
  });
}

TEST_CASE("a directory that is there takes over owner and mode") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    const auto sub = open_directory_in(*backend.open_root(), "sub");
    sub->take_ownership({::getuid(), ::getgid(), 0710});
    CHECK(sub->status().ownership.mode == 0710);
    CHECK(backend.open_root()->status_of("sub")->ownership.mode == 0710);
  });
}

TEST_CASE("with an ownership a file is not made through an existing name either") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "precious");
    backend.add_symbolic_link("link", "target");
    const auto root = backend.open_root();
    const Ownership own{::getuid(), ::getgid(), 0644};
    for (const char* name : {"file", "link"}) {
      CHECK(failure_of([&] { root->create_file(name, own); }).message ==
            "create '" + backend.path_of(name) + "': File exists");
    }
    CHECK(backend.content_of("file") == "precious");
    CHECK_FALSE(backend.exists("target"));
  });
}

// ---- looking ------------------------------------------------------------------------------------

TEST_CASE("a listing names each entry with its kind, and neither . nor ..") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    backend.add_directory("sub");
    backend.add_file("sub/below", "");
    backend.add_symbolic_link("link", "sub");
    backend.add_fifo("fifo");
    const std::map<std::string, FileKind> expected{{"file", FileKind::regular},
                                                   {"sub", FileKind::directory},
                                                   {"link", FileKind::symbolic_link},
                                                   {"fifo", FileKind::other}};
    const auto root = backend.open_root();
    CHECK(entries_of(*root) == expected);
    // A second listing begins at the beginning.
    CHECK(entries_of(*root) == expected);
  });
}

TEST_CASE("an empty directory lists nothing") {
  on_every_backend([](Backend& backend) { CHECK(entries_of(*backend.open_root()).empty()); });
}

TEST_CASE("the status of a name is that of the name itself, links are not followed") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "0123");
    backend.add_directory("sub");
    backend.add_symbolic_link("link", "file");
    backend.add_symbolic_link("dangling", "none");
    const auto root = backend.open_root();
    CHECK(root->status_of("file")->kind == FileKind::regular);
    CHECK(root->status_of("file")->size_bytes == 4);
    CHECK(root->status_of("sub")->kind == FileKind::directory);
    CHECK(root->status_of("link")->kind == FileKind::symbolic_link);
    CHECK(root->status_of("dangling")->kind == FileKind::symbolic_link);
    CHECK_FALSE(root->status_of("none").has_value());
    CHECK(root->status_of("file")->inode ==
          backend.open_file("file", Access::read)->status().inode);
  });
}

TEST_CASE("the free space is known") {
  on_every_backend([](Backend& backend) {
    const std::uint64_t free_bytes = backend.open_root()->free_bytes();
    CHECK(free_bytes > 0);
    if (backend.name() == "memory") return;
    CHECK(free_bytes <= std::filesystem::space(backend.root_path()).capacity);
  });
}

// ---- changing -----------------------------------------------------------------------------------

TEST_CASE("a rename replaces what has the new name") {
  on_every_backend([](Backend& backend) {
    backend.add_file("old", "old");
    backend.add_file("new", "new");
    const auto root = backend.open_root();
    root->rename("new", "old");
    CHECK(backend.content_of("old") == "new");
    CHECK_FALSE(backend.exists("new"));
  });
}

TEST_CASE("a directory is renamed with what is in it") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("000.replace");
    backend.add_file("000.replace/000", "data");
    backend.open_root()->rename("000.replace", "000.completed");
    CHECK(backend.content_of("000.completed/000") == "data");
    CHECK_FALSE(backend.exists("000.replace"));
  });
}

TEST_CASE("a rename that cannot be done names the source, and changes nothing") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_directory("full");
    backend.add_file("full/below", "");
    backend.add_file("file", "");
    const auto root = backend.open_root();
    CHECK(failure_of([&] { root->rename("none", "file"); }).message ==
          "rename '" + backend.path_of("none") + "': No such file or directory");
    CHECK(failure_of([&] { root->rename("sub", "full"); }).errno_value == ENOTEMPTY);
    CHECK(failure_of([&] { root->rename("file", "sub"); }).errno_value == EISDIR);
    CHECK(failure_of([&] { root->rename("sub", "file"); }).errno_value == ENOTDIR);
    CHECK(entries_of(*root).size() == 3);
  });
}

TEST_CASE("a file, a link or a FIFO is removed, and not what a link names") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    backend.add_symbolic_link("link", "file");
    backend.add_fifo("fifo");
    const auto root = backend.open_root();
    root->remove_file("link");
    root->remove_file("fifo");
    CHECK(entries_of(*root).size() == 1);
    CHECK(backend.exists("file"));
    root->remove_file("file");
    CHECK(entries_of(*root).empty());
  });
}

TEST_CASE("removing what is not there, or of another kind, names the path") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.add_file("sub/below", "");
    backend.add_file("file", "");
    const auto root = backend.open_root();
    const auto message = [&](const std::function<void()>& action) {
      return failure_of(action).message;
    };
    const auto quoted = [&](const std::string& name) { return "'" + backend.path_of(name) + "'"; };
    CHECK(message([&] { root->remove_file("none"); }) ==
          "unlink " + quoted("none") + ": No such file or directory");
    CHECK(message([&] { root->remove_file("sub"); }) ==
          "unlink " + quoted("sub") + ": Is a directory");
    CHECK(message([&] { root->remove_directory("none"); }) ==
          "rmdir " + quoted("none") + ": No such file or directory");
    CHECK(message([&] { root->remove_directory("file"); }) ==
          "rmdir " + quoted("file") + ": Not a directory");
    CHECK(message([&] { root->remove_directory("sub"); }) ==
          "rmdir " + quoted("sub") + ": Directory not empty");
    CHECK(backend.exists("sub/below"));
  });
}

TEST_CASE("an empty directory is removed") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    backend.open_root()->remove_directory("sub");
    CHECK_FALSE(backend.exists("sub"));
  });
}

TEST_CASE("a plain name is one that stays in its directory") {
  for (const char* name : {"a", ".a", "..a", "a b", "region.json"}) CHECK(is_plain_name(name));
  for (const char* name : {"", ".", "..", "/", "a/b", "/a", "a/"}) CHECK_FALSE(is_plain_name(name));
}

// ---- locks --------------------------------------------------------------------------------------

TEST_CASE("readers share a directory, a writer has it alone") {
  on_every_backend([](Backend& backend) {
    const auto one = backend.open_root();
    const auto two = backend.open_root();
    CHECK(one->lock(Access::read) == Grant::granted);
    CHECK(two->lock(Access::read) == Grant::granted);
    CHECK(backend.open_root()->lock(Access::read_write) == Grant::refused);
  });
}

TEST_CASE("while a writer has a directory nobody else gets it") {
  on_every_backend([](Backend& backend) {
    const auto one = backend.open_root();
    const auto two = backend.open_root();
    CHECK(one->lock(Access::read_write) == Grant::granted);
    CHECK(two->lock(Access::read) == Grant::refused);
    CHECK(two->lock(Access::read_write) == Grant::refused);
  });
}

TEST_CASE("a lock ends when the directory is closed") {
  on_every_backend([](Backend& backend) {
    CHECK(backend.open_root()->lock(Access::read_write) == Grant::granted);
    CHECK(backend.open_root()->lock(Access::read_write) == Grant::granted);
  });
}

TEST_CASE("a lock is of one directory, not of those around it") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("sub");
    const auto root = backend.open_root();
    const auto sub = expect_opened(root->open_directory("sub"), "sub");
    CHECK(root->lock(Access::read_write) == Grant::granted);
    CHECK(sub->lock(Access::read_write) == Grant::granted);
  });
}

// ---- syncs --------------------------------------------------------------------------------------

TEST_CASE("a directory can be synced") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "");
    CHECK_NOTHROW(backend.open_root()->sync());
  });
}

TEST_CASE("the file system is synced where that reports errors, and otherwise says so") {
  on_every_backend([](Backend& backend) {
    const bool is_posix_with_syncfs = backend.name().find("syncfs") != std::string::npos;
    const bool expected =
        backend.name() == "memory" || (is_posix_with_syncfs && syncfs_reports_errors());
    CHECK(backend.open_root()->sync_file_system() == expected);
  });
}

}  // namespace
}  // namespace libregion
