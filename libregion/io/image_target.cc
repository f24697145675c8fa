#include "libregion/io/image_target.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/io/file_descriptor.h"
#include "libregion/io/paths.h"
#include "libregion/io/staged_file.h"

namespace libregion {
namespace {

constexpr std::size_t zeros_bytes = std::size_t{512} << 10;

// Calls write(offset, bytes) with zeros until the range is full.
template <class Write>
void write_in_zeros(ByteRange range, const Write& write) {
  static const Bytes zeros(zeros_bytes);
  while (range.length_bytes > 0) {
    const std::uint64_t count = std::min<std::uint64_t>(zeros_bytes, range.length_bytes);
    write(range.offset_bytes, ByteView(zeros).first(count));
    range = {range.offset_bytes + count, range.length_bytes - count};
  }
}

[[noreturn]] void throw_no_room(const std::string& path, std::uint64_t expected_bytes,
                                std::uint64_t found_bytes) {
  throw Error(ErrorKind::failed,
              fmt::format("'{}': no room for the image: expected {} bytes ({}), found {}", path,
                          expected_bytes, human_size(expected_bytes), found_bytes));
}

class FileTarget : public ImageTarget {
 public:
  FileTarget(FileSystem& file_system, const std::string& path, const ImageTargetOptions& options)
      : staged_(file_system, path, options.replace), sparse_(options.sparse) {}

  [[nodiscard]] bool is_seekable() const override { return true; }
  [[nodiscard]] bool skips_zeros() const override { return sparse_; }
  [[nodiscard]] bool copies_files() const override { return true; }

  void start(std::uint64_t size_bytes) override {
    // How much of a sparse image takes space is known only at its end.
    if (!sparse_ && staged_.free_bytes() < size_bytes) {
      throw_no_room(staged_.path(), size_bytes, staged_.free_bytes());
    }
    staged_.file().resize(size_bytes);
  }
  void write(std::uint64_t offset_bytes, ByteView source) override {
    staged_.file().write(offset_bytes, source);
  }
  void write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) override {
    if (sparse_) return;
    write_in_zeros({offset_bytes, length_bytes}, [&](std::uint64_t offset, ByteView zeros) {
      staged_.file().write(offset, zeros);
    });
  }
  void copy_from(const File& source, const FileCopy& copy) override {
    source.copy_to(staged_.file(), copy);
  }

  void sync() override { staged_.sync(); }
  void commit() override { staged_.commit(); }
  void leave() override { staged_.leave(); }

 private:
  StagedFile staged_;
  bool sparse_;
};

std::optional<FileStatus> identity_of(int descriptor, const std::string& path) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) throw_system_error(errno, {"fstat", path});
  if (!S_ISREG(found.st_mode)) return std::nullopt;
  FileStatus status;
  status.device = found.st_dev;
  status.inode = found.st_ino;
  return status;
}

void sync_descriptor(int descriptor, const std::string& path) {
  // EINVAL and EROFS: a pipe or a terminal, of which nothing can be synced.
  if (::fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS) return;
  throw_system_error(errno, {"fsync", path});
}

class DeviceTarget : public ImageTarget {
 public:
  DeviceTarget(const std::string& path, bool is_zero) : path_(path), is_zero_(is_zero) {
    // Of a block device O_EXCL means: nobody has it mounted, or has opened it like this.
    descriptor_ = FileDescriptor(
        retry_on_interrupt([&] { return ::open(path.c_str(), O_WRONLY | O_EXCL | O_CLOEXEC); }));
    if (descriptor_.is_open()) return;
    if (errno != EBUSY) throw_system_error(errno, {"open", path_});
    throw Error(ErrorKind::in_use,
                describe_failure({"open", path_}, "the device is mounted or otherwise in use"));
  }

  [[nodiscard]] bool is_seekable() const override { return true; }
  [[nodiscard]] bool skips_zeros() const override { return is_zero_; }

  void start(std::uint64_t size_bytes) override {
    const off_t end = ::lseek(descriptor_.number(), 0, SEEK_END);
    if (end < 0) throw_system_error(errno, {"lseek", path_});
    const auto found_bytes = static_cast<std::uint64_t>(end);
    if (found_bytes < size_bytes) throw_no_room(path_, size_bytes, found_bytes);
  }
  void write(std::uint64_t offset_bytes, ByteView source) override {
    std::size_t done = 0;
    while (done < source.size()) {
      const ssize_t count = retry_on_interrupt([&] {
        return ::pwrite(descriptor_.number(), source.data() + done, source.size() - done,
                        static_cast<off_t>(offset_bytes + done));
      });
      if (count <= 0) {
        throw_system_error(count < 0 ? errno : EIO, {"pwrite", path_, offset_bytes + done});
      }
      done += static_cast<std::size_t>(count);
    }
  }
  void write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) override {
    if (is_zero_) return;
    write_in_zeros({offset_bytes, length_bytes},
                   [&](std::uint64_t offset, ByteView zeros) { write(offset, zeros); });
  }

  void sync() override { sync_descriptor(descriptor_.number(), path_); }
  void commit() override {}

 private:
  std::string path_;
  bool is_zero_;
  FileDescriptor descriptor_;
};

class StreamTarget : public ImageTarget {
 public:
  StreamTarget(const std::string& path, const std::atomic<bool>* stop)
      : path_(path == "-" ? "standard output" : path), stop_(stop) {
    if (path == "-") return;
    descriptor_ = FileDescriptor(
        retry_on_interrupt([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC); }));
    if (!descriptor_.is_open()) throw_system_error(errno, {"open", path_});
  }

  [[nodiscard]] bool is_terminal() const { return ::isatty(number()) == 1; }
  [[nodiscard]] bool is_seekable() const override { return false; }
  [[nodiscard]] bool skips_zeros() const override { return false; }
  [[nodiscard]] bool is_closed() const override { return is_closed_; }
  [[nodiscard]] std::optional<FileStatus> identity() const override {
    return identity_of(number(), path_);
  }

  void start(std::uint64_t /*size_bytes*/) override {}
  void write(std::uint64_t offset_bytes, ByteView source) override {
    LIBREGION_ASSERT(offset_bytes == offset_bytes_);
    offset_bytes_ += source.size();
    while (!source.empty() && !is_closed_) {
      wait_for_reader();
      const ssize_t count =
          retry_on_interrupt([&] { return ::write(number(), source.data(), source.size()); });
      if (count > 0) {
        source = source.subspan(static_cast<std::size_t>(count));
      } else if (count < 0 && errno == EPIPE) {
        is_closed_ = true;
      } else if (count == 0 || errno != EAGAIN) {
        throw_system_error(count < 0 ? errno : EIO,
                           {"write", path_, offset_bytes_ - source.size()});
      }
    }
  }
  void write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) override {
    write_in_zeros({offset_bytes, length_bytes},
                   [&](std::uint64_t offset, ByteView zeros) { write(offset, zeros); });
  }

  void sync() override {
    if (!is_closed_) sync_descriptor(number(), path_);
  }
  void commit() override {}

 private:
  [[nodiscard]] int number() const {
    return descriptor_.is_open() ? descriptor_.number() : STDOUT_FILENO;
  }

  // A write that waits for a reader goes on after a signal, and would never see that it is to stop.
  void wait_for_reader() const {
    constexpr int look_again_ms = 200;
    struct pollfd output {
      number(), POLLOUT, 0
    };
    int ready = 0;
    while (ready == 0) {
      if (stop_ != nullptr && *stop_) throw Error(ErrorKind::stopped, "stopped on request");
      ready = ::poll(&output, 1, look_again_ms);
      if (ready < 0 && errno == EINTR) ready = 0;
    }
  }

  std::string path_;  // for messages
  const std::atomic<bool>* stop_;
  FileDescriptor descriptor_;  // not open for standard output, which is not ours to close
  std::uint64_t offset_bytes_ = 0;
  bool is_closed_ = false;
};

std::unique_ptr<ImageTarget> make_stream_target(const std::string& path,
                                                const ImageTargetOptions& options) {
  auto target = std::make_unique<StreamTarget>(path, options.stop);
  if (target->is_terminal()) {
    throw Error(ErrorKind::usage,
                "an image is not for a terminal: name a file with --output, or redirect");
  }
  return target;
}

}  // namespace

void ImageTarget::copy_from(const File& /*source*/, const FileCopy& /*copy*/) {
  LIBREGION_ASSERT(copies_files());
}

std::unique_ptr<ImageTarget> make_file_target(FileSystem& file_system, const std::string& path,
                                              const ImageTargetOptions& options) {
  return std::make_unique<FileTarget>(file_system, path, options);
}

std::unique_ptr<ImageTarget> open_image_target(FileSystem& file_system, const std::string& path,
                                               const ImageTargetOptions& options) {
  if (path == "-") return make_stream_target(path, options);
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) throw_system_error(errno, {"stat", path});
    return make_file_target(file_system, path, options);
  }
  if (S_ISBLK(found.st_mode)) {
    return std::make_unique<DeviceTarget>(path, options.target_is_zero);
  }
  // What a symbolic link leads to is replaced, not the link.
  if (S_ISREG(found.st_mode)) return make_file_target(file_system, follow_links(path), options);
  if (S_ISDIR(found.st_mode)) throw_system_error(EISDIR, {"open", path});
  return make_stream_target(path, options);
}

}  // namespace libregion
