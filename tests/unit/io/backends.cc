#include "tests/unit/io/backends.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "libregion/io/file_descriptor.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {

namespace fs = std::filesystem;

namespace {

class MemoryBackend : public Backend {
 public:
  MemoryBackend() { memory_.add_directory(root_path()); }

  [[nodiscard]] std::string name() const override { return "memory"; }
  [[nodiscard]] FileSystem& file_system() override { return memory_; }
  [[nodiscard]] std::string root_path() const override { return "/place"; }

  void add_directory(const std::string& name) override { memory_.add_directory(path_of(name)); }
  void add_file(const std::string& name, const std::string& content) override {
    memory_.add_file(path_of(name), as_byte_view(content));
  }
  void add_symbolic_link(const std::string& name, const std::string& target) override {
    memory_.add_symbolic_link(path_of(name), target);
  }
  void add_hard_link(const std::string& existing, const std::string& name) override {
    memory_.add_hard_link(path_of(existing), path_of(name));
  }
  void add_fifo(const std::string& name) override { memory_.add_other(path_of(name), "a FIFO"); }
  void add_socket(const std::string& name) override {
    memory_.add_other(path_of(name), "a socket or a FIFO");
  }
  [[nodiscard]] bool exists(const std::string& name) const override {
    return memory_.tree(root_path()).count(name) != 0;
  }
  [[nodiscard]] std::string content_of(const std::string& name) const override {
    return to_text(memory_.content_of(path_of(name)));
  }

 private:
  MemoryFileSystem memory_;
};

class PosixBackend : public Backend {
 public:
  explicit PosixBackend(const PosixOptions& options) : options_(options), posix_(options) {}

  [[nodiscard]] std::string name() const override {
    return std::string("posix") + (options_.use_openat2 ? ", openat2" : "") +
           (options_.use_syncfs ? ", syncfs" : "") + (options_.use_leases ? ", leases" : "") +
           (options_.use_ranges ? ", ranges" : "") +
           (options_.use_unnamed_files ? ", unnamed files" : "") +
           (options_.use_mappings ? ", mappings" : "");
  }
  [[nodiscard]] FileSystem& file_system() override { return posix_; }
  [[nodiscard]] std::string root_path() const override { return place_.path(); }
  [[nodiscard]] bool has_leases() const override { return options_.use_leases; }
  [[nodiscard]] bool has_ranges() const override { return options_.use_ranges; }

  void add_directory(const std::string& name) override { fs::create_directory(path_of(name)); }
  void add_file(const std::string& name, const std::string& content) override {
    std::ofstream(path_of(name), std::ios::binary) << content;
  }
  void add_symbolic_link(const std::string& name, const std::string& target) override {
    fs::create_symlink(target, path_of(name));
  }
  void add_hard_link(const std::string& existing, const std::string& name) override {
    fs::create_hard_link(path_of(existing), path_of(name));
  }
  void add_fifo(const std::string& name) override {
    REQUIRE(::mkfifo(path_of(name).c_str(), 0600) == 0);
  }
  void add_socket(const std::string& name) override {
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = path_of(name);
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(&address.sun_path[0], path.c_str(), path.size() + 1);
    REQUIRE(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
  }
  [[nodiscard]] bool exists(const std::string& name) const override {
    return fs::symlink_status(path_of(name)).type() != fs::file_type::not_found;
  }
  [[nodiscard]] std::string content_of(const std::string& name) const override {
    std::ifstream file(path_of(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  PosixOptions options_;
  TemporaryDirectory place_;
  PosixFileSystem posix_;
};

void run(Backend& backend, const std::function<void(Backend&)>& test) {
  INFO("backend: ", backend.name());
  test(backend);
}

}  // namespace

std::unique_ptr<Directory> Backend::open_root() {
  return expect_opened(file_system().open_directory(root_path()), root_path());
}

std::unique_ptr<File> Backend::open_file(const std::string& name, Access access) {
  return expect_opened(open_root()->open_file(name, access), path_of(name));
}

void on_every_posix_backend(const std::function<void(Backend&)>& test) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    PosixOptions options;
    options.use_openat2 = (bits & 1U) != 0;
    options.use_syncfs = (bits & 2U) != 0;
    options.use_leases = (bits & 4U) != 0;
    options.use_ranges = (bits & 8U) != 0;
    // How files are opened, made and looked at has nothing to do with each other.
    options.use_unnamed_files = !options.use_openat2;
    options.use_mappings = options.use_openat2;
    PosixBackend backend(options);
    run(backend, test);
  }
}

void on_every_backend(const std::function<void(Backend&)>& test) {
  MemoryBackend backend;
  run(backend, test);
  on_every_posix_backend(test);
}

Failure failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const SystemError& error) {
    return {true, error.what(), error.errno_value(), error.kind()};
  } catch (const Error& error) {
    return {true, error.what(), 0, error.kind()};
  }
  return {};
}

template <class T>
Refusal refusal_of(Opened<T> opened) {
  REQUIRE(std::holds_alternative<Refusal>(opened));
  return std::get<Refusal>(std::move(opened));
}

template Refusal refusal_of<File>(Opened<File> opened);
template Refusal refusal_of<Directory>(Opened<Directory> opened);

}  // namespace libregion
