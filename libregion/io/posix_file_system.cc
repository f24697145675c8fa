#include "libregion/io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/checked.h"
#include "libregion/base/error.h"
#include "libregion/io/failed_sync.h"
#include "libregion/io/file_descriptor.h"
#include "libregion/io/open_beneath.h"
#include "libregion/io/posix_file.h"
#include "libregion/io/posix_status.h"
#include "libregion/io/process_files.h"
#include "libregion/io/system_extras.h"

namespace libregion {

FileDescriptor::~FileDescriptor() {
  // Nothing is lost with an error here: whatever matters was synced before.
  if (is_open()) ::close(number_);
}

namespace {

// Owner first: changing it clears the set-user-id bits that the mode may carry.
void apply_ownership(int descriptor, const std::string& path, const Ownership& ownership) {
  const struct stat found = stat_of(descriptor, path);
  const bool is_theirs = found.st_uid == ownership.user && found.st_gid == ownership.group;
  if (!is_theirs && ::fchown(descriptor, ownership.user, ownership.group) != 0) {
    throw_system_error(errno, {"fchown", path});
  }
  if (::fchmod(descriptor, ownership.mode & posix_permission_bits) != 0) {
    throw_system_error(errno, {"fchmod", path});
  }
}

class PosixDirectory : public Directory {
 public:
  PosixDirectory(FileDescriptor descriptor, std::string path, const PosixOptions& options,
                 std::shared_ptr<FailedSync> failed_sync)
      : descriptor_(std::move(descriptor)),
        path_(std::move(path)),
        options_(options),
        failed_sync_(std::move(failed_sync)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileStatus status() const override {
    return to_file_status(stat_of(descriptor_.number(), path_));
  }

  [[nodiscard]] std::optional<FileStatus> status_of(std::string_view name) const override {
    const std::string plain = plain_name(name);
    struct stat found {};
    if (::fstatat(descriptor_.number(), plain.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
      return to_file_status(found);
    }
    if (errno == ENOENT) return std::nullopt;
    throw_system_error(errno, {"fstatat", path_of(name)});
  }

  void list(const std::function<void(const DirectoryEntry&)>& visit) const override {
    const int copy = ::openat(descriptor_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) throw_system_error(errno, {"openat", path_});
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
    if (stream == nullptr) {
      const int errno_value = errno;
      ::close(copy);
      throw_system_error(errno_value, {"fdopendir", path_});
    }
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string name = static_cast<const char*>(entry->d_name);
      if (name != "." && name != "..") visit({name, kind_of(*entry, name)});
    }
    if (errno != 0) throw_system_error(errno, {"readdir", path_});
  }

  [[nodiscard]] Opened<File> open_file(std::string_view path, Access access) const override {
    auto opened = open_regular_file(path, O_RDONLY);
    if (auto* refusal = std::get_if<Refusal>(&opened)) return std::move(*refusal);
    auto& descriptor = std::get<FileDescriptor>(opened);
    if (access == Access::read) return to_file(std::move(descriptor), path);
    // A file outside that was linked here when it was opened has one name again once this one is
    // gone. What still has its name had it when its names were counted.
    if (has_lost_its_name(descriptor.number())) {
      return Refusal{Refusal::Reason::missing, "a file that was removed meanwhile"};
    }
    // What is refused is not even opened for writing, nor what has taken its place since.
    FileDescriptor writable(open_patiently(
        [&] { return open_again(descriptor.number(), O_RDWR | O_NONBLOCK | O_CLOEXEC); }));
    if (writable.is_open()) return to_file(std::move(writable), path);
    if (errno == EWOULDBLOCK) throw_leased(path_of(path));
    if (errno != ENOENT && errno != ENOSYS) throw_system_error(errno, {"openat", path_of(path)});
    // Without /proc it has to be found by its name once more.
    auto found_again = open_regular_file(path, O_RDWR);
    if (auto* refusal = std::get_if<Refusal>(&found_again)) return std::move(*refusal);
    return to_file(std::move(std::get<FileDescriptor>(found_again)), path);
  }

  [[nodiscard]] Opened<Directory> open_directory(std::string_view path) const override {
    auto opened = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (auto* refusal = std::get_if<Refusal>(&opened)) return std::move(*refusal);
    return std::make_unique<PosixDirectory>(std::move(std::get<FileDescriptor>(opened)),
                                            path_of(path), options_, failed_sync_);
  }

  std::unique_ptr<File> create_file(std::string_view name,
                                    const std::optional<Ownership>& ownership) override {
    return to_file(ownership ? create_owned(name, *ownership) : create_named(name, 0644), name);
  }

  void make_directory(std::string_view name, const std::optional<Ownership>& ownership) override {
    const std::string plain = plain_name(name);
    const mode_t mode = ownership ? 0700 : 0755;
    check(::mkdirat(descriptor_.number(), plain.c_str(), mode), "mkdir", name);
    if (!ownership) return;
    auto opened = open_descriptor(name, O_RDONLY | O_DIRECTORY);
    if (auto* descriptor = std::get_if<FileDescriptor>(&opened)) {
      apply_ownership(descriptor->number(), path_of(name), *ownership);
    } else {
      throw_system_error(ENOTDIR, {"openat", path_of(name)});
    }
  }
  void take_ownership(const Ownership& ownership) override {
    apply_ownership(descriptor_.number(), path_, ownership);
  }

  void remove_file(std::string_view name) override {
    failed_sync_->refuse_after({"unlink", path_of(name)});
    check(::unlinkat(descriptor_.number(), plain_name(name).c_str(), 0), "unlink", name);
  }
  void remove_directory(std::string_view name) override {
    failed_sync_->refuse_after({"rmdir", path_of(name)});
    check(::unlinkat(descriptor_.number(), plain_name(name).c_str(), AT_REMOVEDIR), "rmdir", name);
  }
  void rename(std::string_view source, std::string_view target) override {
    failed_sync_->refuse_after({"rename", path_of(source)});
    check(::renameat(descriptor_.number(), plain_name(source).c_str(), descriptor_.number(),
                     plain_name(target).c_str()),
          "rename", source);
  }

  void sync() override {
    failed_sync_->refuse_after({"fsync", path_});
    if (::fsync(descriptor_.number()) != 0) failed_sync_->fail(errno, {"fsync", path_});
  }
  bool sync_file_system() override {
    if (!options_.use_syncfs || !syncfs_reports_errors()) return false;
    failed_sync_->refuse_after({"syncfs", path_});
    if (sync_whole_file_system(descriptor_.number()) != 0) {
      failed_sync_->fail(errno, {"syncfs", path_});
    }
    return true;
  }

  [[nodiscard]] std::uint64_t free_bytes() const override {
    struct statvfs found {};
    if (::fstatvfs(descriptor_.number(), &found) != 0) {
      throw_system_error(errno, {"fstatvfs", path_});
    }
    return checked_multiply(found.f_bavail, found.f_frsize)
        .value_or(std::numeric_limits<std::uint64_t>::max());
  }

  Grant lock(Access access) override {
    const int operation = (access == Access::read ? LOCK_SH : LOCK_EX) | LOCK_NB;
    if (retry_on_interrupt([&] { return ::flock(descriptor_.number(), operation); }) == 0) {
      return Grant::granted;
    }
    return errno == EWOULDBLOCK ? Grant::refused : Grant::unsupported;
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return fmt::format("{}{}{}", path_, path_.ends_with('/') ? "" : "/", name);
  }

  static std::string plain_name(std::string_view name) {
    LIBREGION_ASSERT(is_plain_name(name));
    return std::string(name);
  }

  void check(int result, std::string_view operation, std::string_view name) const {
    if (result != 0) throw_system_error(errno, {operation, path_of(name)});
  }

  FileDescriptor create_named(std::string_view name, mode_t mode) {
    const std::string plain = plain_name(name);
    FileDescriptor descriptor(retry_on_interrupt([&] {
      return ::openat(descriptor_.number(), plain.c_str(),
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    }));
    if (!descriptor.is_open()) throw_system_error(errno, {"create", path_of(name)});
    return descriptor;
  }

  // Who is stopped on the way leaves no file, or one with its owner: nobody could tell later who
  // it should have been.
  FileDescriptor create_owned(std::string_view name, const Ownership& ownership) {
    if (options_.use_unnamed_files) {
      FileDescriptor unnamed(create_unnamed_file(descriptor_.number()));
      if (unnamed.is_open()) {
        apply_ownership(unnamed.number(), path_of(name), ownership);
        const std::string plain = plain_name(name);
        if (name_file(unnamed.number(), descriptor_.number(), plain.c_str()) == 0) return unnamed;
      }
    }
    // Until the owner is set nobody else may open it.
    FileDescriptor descriptor = create_named(name, 0600);
    apply_ownership(descriptor.number(), path_of(name), ownership);
    return descriptor;
  }

  [[nodiscard]] FileKind kind_of(const dirent& entry, const std::string& name) const {
    switch (entry.d_type) {
      case DT_REG: return FileKind::regular;
      case DT_DIR: return FileKind::directory;
      case DT_LNK: return FileKind::symbolic_link;
      case DT_UNKNOWN: {
        const auto status = status_of(name);
        return status ? status->kind : FileKind::other;
      }
      default: return FileKind::other;
    }
  }

  [[nodiscard]] std::unique_ptr<File> to_file(FileDescriptor descriptor,
                                              std::string_view path) const {
    return make_posix_file(std::move(descriptor), path_of(path), options_, failed_sync_);
  }

  [[nodiscard]] std::variant<FileDescriptor, Refusal> open_regular_file(std::string_view path,
                                                                        int access_flags) const {
    // O_NONBLOCK: a FIFO must not make us wait for its other end.
    auto opened = open_descriptor(path, access_flags | O_NONBLOCK);
    if (std::holds_alternative<Refusal>(opened)) return opened;
    auto& descriptor = std::get<FileDescriptor>(opened);
    const struct stat found = stat_of(descriptor.number(), path_of(path));
    if (!S_ISREG(found.st_mode)) {
      return Refusal{Refusal::Reason::wrong_kind, describe_kind(found.st_mode)};
    }
    if (found.st_nlink != 1) {
      return Refusal{Refusal::Reason::several_links, fmt::format("{} names", found.st_nlink)};
    }
    return opened;
  }

  // Opening a file breaks another's lease on it, so that it comes free if its holder does as the
  // kernel tells him. As open() does; errno is EWOULDBLOCK where it took too long.
  template <class Open>
  [[nodiscard]] int open_patiently(Open open) const {
    int number = -1;
    int errno_value = 0;
    (void)try_patiently(options_.patience, [&] {
      number = retry_on_interrupt(open);
      errno_value = errno;
      return number >= 0 || errno_value != EWOULDBLOCK;
    });
    errno = errno_value;
    return number;
  }

  // What a symbolic link or a socket makes of open is an answer; EIO or EACCES is a failure.
  [[nodiscard]] std::variant<FileDescriptor, Refusal> open_descriptor(std::string_view path,
                                                                      int flags) const {
    const int number = open_patiently([&] {
      return open_beneath(descriptor_.number(), std::string(path), flags, options_.use_openat2);
    });
    if (number >= 0) return FileDescriptor(number);
    switch (errno) {
      case ENOENT: return Refusal{Refusal::Reason::missing, "nothing"};
      case ELOOP: return Refusal{Refusal::Reason::wrong_kind, "a symbolic link"};
      case ENOTDIR: return Refusal{Refusal::Reason::wrong_kind, "no directory"};
      case EISDIR: return Refusal{Refusal::Reason::wrong_kind, "a directory"};
      case ENXIO: return Refusal{Refusal::Reason::wrong_kind, "a socket or a FIFO"};
      case EWOULDBLOCK: throw_leased(path_of(path));
      case EXDEV: return Refusal{Refusal::Reason::wrong_kind, "a way out of the directory"};
      default: throw_system_error(errno, {"openat", path_of(path)});
    }
  }

  FileDescriptor descriptor_;
  std::string path_;
  PosixOptions options_;
  std::shared_ptr<FailedSync> failed_sync_;
};

}  // namespace

PosixFileSystem::PosixFileSystem(const PosixOptions& options) : options_(options) {}

Opened<Directory> PosixFileSystem::open_directory(const std::string& path) {
  FileDescriptor descriptor(
      retry_on_interrupt([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!descriptor.is_open()) {
    if (errno == ENOENT) return Refusal{Refusal::Reason::missing, "nothing"};
    if (errno == ENOTDIR) return Refusal{Refusal::Reason::wrong_kind, "no directory"};
    throw_system_error(errno, {"open", path});
  }
  return std::make_unique<PosixDirectory>(std::move(descriptor), path, options_,
                                          std::make_shared<FailedSync>());
}

std::vector<FileUser> PosixFileSystem::users_of(const FileStatus& file) {
  return processes_with_file_open(file.device, file.inode);
}

std::optional<std::vector<FileUser>> PosixFileSystem::users_below(const std::string& path) {
  return processes_with_files_open_below(path);
}

}  // namespace libregion
