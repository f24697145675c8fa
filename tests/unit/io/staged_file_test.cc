// A file that appears whole or not at all, and what is known of paths outside a region.

#include "libregion/io/staged_file.h"

#include <doctest/doctest.h>

#include "libregion/io/paths.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

TEST_CASE("a staged file has its name only once it is committed") {
  on_every_backend([](Backend& backend) {
    {
      StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/false);
      staged.file().write(0, as_byte_view("content"));
      CHECK_FALSE(backend.exists("file"));
      staged.sync();
      CHECK_FALSE(backend.exists("file"));
      staged.commit();
    }
    CHECK(backend.content_of("file") == "content");
    CHECK_FALSE(backend.exists(".file.partial"));
  });
}

TEST_CASE("a staged file that is not committed leaves nothing") {
  on_every_backend([](Backend& backend) {
    backend.add_file("old", "old");
    {
      StagedFile fresh(backend.file_system(), backend.path_of("file"), /*replace=*/false);
      StagedFile other(backend.file_system(), backend.path_of("old"), /*replace=*/true);
      other.file().write(0, as_byte_view("new"));
      CHECK(backend.exists(".file.partial"));
    }
    CHECK_FALSE(backend.exists("file"));
    CHECK_FALSE(backend.exists(".file.partial"));
    CHECK(backend.content_of("old") == "old");
  });
}

TEST_CASE("a file that is there is replaced only where that is asked for") {
  on_every_backend([](Backend& backend) {
    backend.add_file("file", "old");
    const Failure failure = failure_of([&] {
      const StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/false);
    });
    CHECK(failure.kind == ErrorKind::failed);
    CHECK(failure.message == "'" + backend.path_of("file") + "' exists: --force replaces it");
    StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/true);
    staged.sync();
    staged.commit();
    CHECK(backend.content_of("file").empty());
  });
}

TEST_CASE("what is no file is replaced in no case") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("file");
    const Failure failure = failure_of([&] {
      const StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/true);
    });
    CHECK(failure.kind == ErrorKind::failed);
    CHECK(failure.message ==
          "open '" + backend.path_of("file") + "': expected a file, or nothing, found a directory");
  });
}

TEST_CASE("a file that came while another was staged is not replaced either") {
  on_every_backend([](Backend& backend) {
    StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/false);
    staged.sync();
    backend.add_file("file", "of somebody else");
    CHECK(failure_of([&] { staged.commit(); }).happened);
    CHECK(backend.content_of("file") == "of somebody else");
  });
}

TEST_CASE("what is no regular file is never replaced") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("directory");
    backend.add_file("elsewhere", "kept");
    backend.add_symbolic_link("link", "elsewhere");
    backend.add_fifo("fifo");
    for (const char* name : {"directory", "link", "fifo"}) {
      const Failure failure = failure_of([&] {
        const StagedFile staged(backend.file_system(), backend.path_of(name), /*replace=*/true);
      });
      CHECK(failure.happened);
      CHECK(failure.message.find(backend.path_of(name)) != std::string::npos);
      CHECK(backend.exists(name));
    }
    CHECK(backend.content_of("elsewhere") == "kept");
  });
}

TEST_CASE("what a killed run left is removed, what another run is writing is not") {
  on_every_backend([](Backend& backend) {
    backend.add_file(".file.partial", "left behind");
    StagedFile staged(backend.file_system(), backend.path_of("file"), /*replace=*/false);
    CHECK(staged.file().status().size_bytes == 0);
    if (!backend.has_leases()) return;
    const Failure failure = failure_of([&] {
      const StagedFile second(backend.file_system(), backend.path_of("file"), /*replace=*/false);
    });
    CHECK(failure.kind == ErrorKind::in_use);
    CHECK(backend.exists(".file.partial"));
  });
}

TEST_CASE("a path that ends in no name is a usage error") {
  on_every_backend([](Backend& backend) {
    for (const char* name : {"", ".", "..", "sub/"}) {
      const Failure failure = failure_of([&] {
        const StagedFile staged(backend.file_system(), backend.path_of(name), /*replace=*/true);
      });
      CHECK(failure.kind == ErrorKind::usage);
    }
  });
}

TEST_CASE("a path is split at its last slash") {
  CHECK(split_path("a").directory == ".");
  CHECK(split_path("a").name == "a");
  CHECK(split_path("/a").directory == "/");
  CHECK(split_path("/a").name == "a");
  CHECK(split_path("b/c/a").directory == "b/c");
  CHECK(split_path("b/").name.empty());
}

TEST_CASE("whether a path stands below a directory does not depend on how it is written") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("region");
    backend.add_directory("region/00");
    backend.add_directory("other");
    const auto region = open_directory_in(*backend.open_root(), "region");
    for (const char* name : {"region/x", "region/00/x", "other/../region/x", "region/./00/x"}) {
      CHECK(is_below(backend.file_system(), *region, backend.path_of(name)));
    }
    for (const char* name : {"x", "other/x", "region/../x", "region/00/../../other/x"}) {
      CHECK_FALSE(is_below(backend.file_system(), *region, backend.path_of(name)));
    }
    CHECK(failure_of([&] {
            (void)is_below(backend.file_system(), *region, backend.path_of("none/x"));
          }).happened);
  });
}

TEST_CASE("a file is found below a directory by what it is, not by its name") {
  on_every_backend([](Backend& backend) {
    backend.add_directory("region");
    backend.add_directory("region/00");
    backend.add_file("region/00/file", "");
    backend.add_file("elsewhere", "");
    const auto region = open_directory_in(*backend.open_root(), "region");
    const auto status = [&](const char* name) {
      return backend.open_file(name, Access::read)->status();
    };
    CHECK(has_file_below(*region, status("region/00/file")));
    CHECK_FALSE(has_file_below(*region, status("elsewhere")));
  });
}

}  // namespace
}  // namespace libregion
