#include "libregion/io/posix_file.h"

#include <limits>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "libregion/base/assert.h"
#include "libregion/base/error.h"
#include "libregion/base/work_places.h"
#include "libregion/io/mapped_window.h"
#include "libregion/io/posix_status.h"
#include "libregion/io/system_extras.h"

namespace libregion {
namespace {

// To look for less than this in memory first would take longer than it saves.
constexpr std::size_t large_read_bytes = std::size_t{64} << 10;

off_t to_off_t(std::uint64_t offset_bytes) {
  LIBREGION_ASSERT(offset_bytes <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()));
  return static_cast<off_t>(offset_bytes);
}

bool is_on_read_only_file_system(int descriptor) {
  struct statvfs found {};
  return ::fstatvfs(descriptor, &found) == 0 && (found.f_flag & ST_RDONLY) != 0;
}

class PosixFile : public File {
 public:
  PosixFile(FileDescriptor descriptor, std::string path, const PosixOptions& options,
            std::shared_ptr<FailedSync> failed_sync)
      : descriptor_(std::move(descriptor)),
        path_(std::move(path)),
        options_(options),
        failed_sync_(std::move(failed_sync)) {
    // What was read ahead would look as if it had been in the page cache before.
    if (options_.rate_limit != nullptr) disable_read_ahead(descriptor_.number());
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileStatus status() const override {
    return to_file_status(stat_of(descriptor_.number(), path_));
  }

  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    const bool is_limited = options_.rate_limit != nullptr;
    if (!is_limited && target.size() < large_read_bytes) return read_plainly(offset_bytes, target);
    const std::size_t cached = read_cached_bytes(descriptor_.number(), offset_bytes, target);
    const std::size_t rest =
        read_from_disk(offset_bytes + cached, target.subspan(cached, target.size() - cached));
    if (is_limited) {
      // What is in the page cache already stays there, and nothing else does.
      drop_cached_bytes(descriptor_.number(), offset_bytes + cached, rest);
      options_.rate_limit->spend(cached + rest);
    }
    return cached + rest;
  }

  // While the disk is waited for, others work.
  std::size_t read_from_disk(std::uint64_t offset_bytes, MutableByteView target) const {
    if (target.empty()) return 0;
    const Absence absence;
    return read_plainly(offset_bytes, target);
  }

  std::size_t read_plainly(std::uint64_t offset_bytes, MutableByteView target) const {
    std::size_t done = 0;
    while (done < target.size()) {
      const ssize_t count = retry_on_interrupt([&] {
        return ::pread(descriptor_.number(), target.data() + done, target.size() - done,
                       to_off_t(offset_bytes + done));
      });
      if (count < 0) throw_system_error(errno, {"pread", path_, offset_bytes + done});
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  [[nodiscard]] ByteView view(ByteRange range) const override {
    if (!options_.use_mappings || options_.rate_limit != nullptr) return {};
    return window_.view(descriptor_.number(), range);
  }
  [[nodiscard]] bool has_torn_view() const override { return window_.is_torn(); }
  void end_view() const override { window_.unmap(); }

  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    const std::uint64_t size_bytes = status().size_bytes;
    if (offset_bytes >= size_bytes) return std::nullopt;
    const ByteRange all{offset_bytes, size_bytes - offset_bytes};
    if (!options_.use_ranges) return all;
    const std::int64_t first = seek_in_file(descriptor_.number(), Seek::data, offset_bytes);
    if (first < 0 && errno == ENXIO) return std::nullopt;
    if (first < 0 && errno == EINVAL) return all;
    if (first < 0) throw_system_error(errno, {"lseek", path_, offset_bytes});
    const auto data_bytes = static_cast<std::uint64_t>(first);
    const std::int64_t end = seek_in_file(descriptor_.number(), Seek::hole, data_bytes);
    if (end < 0) throw_system_error(errno, {"lseek", path_, data_bytes});
    return ByteRange{data_bytes, static_cast<std::uint64_t>(end) - data_bytes};
  }

  void copy_to(File& target, const FileCopy& copy) const override {
    FileCopy rest = copy;
    const auto* posix_target = dynamic_cast<const PosixFile*>(&target);
    // The system would copy as fast as it can.
    const bool may_use_system = options_.use_ranges && options_.rate_limit == nullptr;
    while (posix_target != nullptr && may_use_system && rest.source.length_bytes > 0) {
      const std::int64_t count = retry_on_interrupt([&] {
        return copy_between_files(descriptor_.number(), posix_target->descriptor_.number(), rest);
      });
      if (count <= 0) break;
      rest.source.offset_bytes += static_cast<std::uint64_t>(count);
      rest.source.length_bytes -= static_cast<std::uint64_t>(count);
      rest.target_offset_bytes += static_cast<std::uint64_t>(count);
    }
    // What the system cannot copy, or failed at, is read and written: that succeeds, or tells which
    // of the two files is at fault, and where.
    File::copy_to(target, rest);
  }

  void write(std::uint64_t offset_bytes, ByteView source) override {
    if (options_.rate_limit != nullptr) options_.rate_limit->spend(source.size());
    std::size_t done = 0;
    while (done < source.size()) {
      const ssize_t count = retry_on_interrupt([&] {
        return ::pwrite(descriptor_.number(), source.data() + done, source.size() - done,
                        to_off_t(offset_bytes + done));
      });
      // A write of nothing is no progress, and would be repeated for ever.
      if (count <= 0) {
        throw_system_error(count < 0 ? errno : EIO, {"pwrite", path_, offset_bytes + done});
      }
      done += static_cast<std::size_t>(count);
    }
  }

  void will_sync(ByteRange range) override {
    begin_to_write(descriptor_.number(), range.offset_bytes, range.length_bytes);
  }

  void resize(std::uint64_t size_bytes) override {
    const int result =
        retry_on_interrupt([&] { return ::ftruncate(descriptor_.number(), to_off_t(size_bytes)); });
    if (result != 0) throw_system_error(errno, {"ftruncate", path_, size_bytes});
  }

  void sync() override {
    failed_sync_->refuse_after({"fsync", path_});
    if (::fsync(descriptor_.number()) == 0) return;
    const int errno_value = errno;
    // A file system that cannot be written to has nothing to sync, and may not know how to.
    const bool is_refused = errno_value == EINVAL || errno_value == EROFS;
    if (is_refused && is_on_read_only_file_system(descriptor_.number())) return;
    failed_sync_->fail(errno_value, {"fsync", path_});
  }

  Grant take_lease(Access against) override {
    if (!options_.use_leases) return Grant::unsupported;
    const Grant grant = take_file_lease(descriptor_.number(), against);
    if (grant == Grant::granted) lease_ = against;
    return grant;
  }
  [[nodiscard]] bool lease_is_broken() const override {
    return lease_ && file_lease_is_broken(descriptor_.number(), *lease_);
  }
  void release_lease() override {
    if (lease_) release_file_lease(descriptor_.number());
    lease_.reset();
  }

 private:
  FileDescriptor descriptor_;
  std::string path_;
  PosixOptions options_;
  std::shared_ptr<FailedSync> failed_sync_;
  std::optional<Access> lease_;
  mutable MappedWindow window_;
};

}  // namespace

std::unique_ptr<File> make_posix_file(FileDescriptor descriptor, std::string path,
                                      const PosixOptions& options,
                                      std::shared_ptr<FailedSync> failed_sync) {
  return std::make_unique<PosixFile>(std::move(descriptor), std::move(path), options,
                                     std::move(failed_sync));
}

}  // namespace libregion
