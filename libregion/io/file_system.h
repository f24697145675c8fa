// The seam: the only way anything of a region is read or changed. What the library does to a disk
// is the sequence of these calls, so a test that records or disturbs them sees all of it.
//
// Names are relative to an open Directory. A path may have several components where something is
// opened; symbolic links in any of them are refused, and ".." never leads out of the directory.
// Whatever changes a directory takes a single name in that directory.
//
// Every failure throws SystemError, naming operation, path, place and reason. What is not a failure
// but an answer (the file is missing, or is a FIFO) comes back as a Refusal.
//
// A failed sync is final: after it every sync, rename and removal is refused with a SystemError
// that names it, in whatever was opened from the same root (FileSystem::open_directory), on any
// thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libregion/format/bytes.h"

namespace libregion {

enum class FileKind : std::uint8_t { regular, directory, symbolic_link, other };

// Owner, group and mode (permission bits only) of what stands beside a file to be made.
struct Ownership {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t mode = 0;
};

struct FileStatus {
  FileKind kind = FileKind::regular;
  std::uint64_t size_bytes = 0;
  std::uint64_t link_count = 1;
  Ownership ownership;
  std::uint64_t device = 0;  // device and inode together name a file
  std::uint64_t inode = 0;
  std::uint64_t allocated_bytes = 0;  // that it takes on disk; holes take none
  std::int64_t change_time_ns = 0;    // of data or status, since 1970, by the system's own clock
};

enum class Access : std::uint8_t { read, read_write };

// An answer to "may I?".
enum class Grant : std::uint8_t { granted, refused, unsupported };

// Why something was not opened.
struct Refusal {
  enum class Reason : std::uint8_t { missing, wrong_kind, several_links };
  Reason reason;
  std::string found;  // "a symbolic link", "2 names"
};

template <class T>
using Opened = std::variant<std::unique_ptr<T>, Refusal>;

[[noreturn]] void throw_refusal(const Refusal& refusal, const std::string& path);

// Where a refusal is a failure of the job: throws Error (failed), naming `path`.
template <class T>
std::unique_ptr<T> expect_opened(Opened<T> opened, const std::string& path) {
  if (const auto* refusal = std::get_if<Refusal>(&opened)) throw_refusal(*refusal, path);
  return std::move(std::get<std::unique_ptr<T>>(opened));
}

// Bytes [offset, offset + length) of a file.
struct ByteRange {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
  bool operator==(const ByteRange&) const = default;
  [[nodiscard]] std::uint64_t end_bytes() const { return offset_bytes + length_bytes; }
};

// What to copy of one file, and to where in another.
struct FileCopy {
  ByteRange source;
  std::uint64_t target_offset_bytes = 0;
};

// An open regular file with one name.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  // For messages.
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual FileStatus status() const = 0;

  // Reads until `target` is full or the file ends; returns the number of bytes read.
  virtual std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const = 0;

  // Fills `target`; a file that ends before is an Error.
  void read(std::uint64_t offset_bytes, MutableByteView target) const;
  [[nodiscard]] Bytes read(std::uint64_t offset_bytes, std::uint64_t length_bytes) const;

  // The bytes of a range, to be looked at where the system has them in memory. They last until the
  // next view of this file, by whichever thread. Empty where they cannot be had so: read them. A
  // byte that cannot be had any more is zero: ask has_torn_view() once they were looked at, and if
  // so read them.
  [[nodiscard]] virtual ByteView view(ByteRange /*range*/) const { return {}; }
  [[nodiscard]] virtual bool has_torn_view() const { return false; }
  // No view of this file is looked at any more: whoever keeps many files open says so.
  virtual void end_view() const {}

  // The first stretch at or behind the offset that may hold anything but zeros; nullopt where there
  // is none before the end. Where the system knows of no holes, all of the file is one stretch.
  // Only of a file that was synced, and that nobody writes to, is what lies between surely zero.
  [[nodiscard]] virtual std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const = 0;

  // Said by who has seen to it that the file was synced and nobody writes to it.
  void trust_holes() { trusts_holes_ = true; }
  [[nodiscard]] bool trusts_holes() const { return trusts_holes_; }

  // Copies bytes into another file, by the system itself where it can. A file that ends before is
  // an Error. Holes may become zeros that take space.
  virtual void copy_to(File& target, const FileCopy& copy) const;

  virtual void write(std::uint64_t offset_bytes, ByteView source) = 0;
  // Tells the system that these bytes will be synced soon, and may go to disk meanwhile. Nothing
  // depends on it, and nothing is promised: what must be durable is synced.
  virtual void will_sync(ByteRange /*range*/) {}
  virtual void resize(std::uint64_t size_bytes) = 0;

  // Makes data and size durable, not the name. After a failure the data may be gone for good.
  virtual void sync() = 0;

  // Whether anyone else has the file open: granted = nobody has (Access::read_write), or nobody has
  // it open for writing (Access::read; this file must then be open for reading only). While the
  // grant is held others wait when they open the file; see lease_is_broken.
  virtual Grant take_lease(Access against) = 0;
  // Somebody opened the file since and waits for the lease to be given up.
  [[nodiscard]] virtual bool lease_is_broken() const = 0;  // false without a lease
  virtual void release_lease() = 0;

 private:
  bool trusts_holes_ = false;
};

struct DirectoryEntry {
  std::string name;
  FileKind kind;
};

class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  virtual ~Directory() = default;

  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual FileStatus status() const = 0;
  // Of a name in this directory, without following it; nullopt where there is none.
  [[nodiscard]] virtual std::optional<FileStatus> status_of(std::string_view name) const = 0;
  // In no particular order; "." and ".." are left out.
  virtual void list(const std::function<void(const DirectoryEntry&)>& visit) const = 0;

  [[nodiscard]] virtual Opened<File> open_file(std::string_view path, Access access) const = 0;
  [[nodiscard]] virtual Opened<Directory> open_directory(std::string_view path) const = 0;

  // Never through an existing name. Without an ownership: mode 0644 and 0755 under the umask.
  virtual std::unique_ptr<File> create_file(std::string_view name,
                                            const std::optional<Ownership>& ownership) = 0;
  virtual void make_directory(std::string_view name, const std::optional<Ownership>& ownership) = 0;
  // Of this directory: for one that was made, and whose maker was stopped before it had its owner.
  virtual void take_ownership(const Ownership& ownership) = 0;
  virtual void remove_file(std::string_view name) = 0;
  virtual void remove_directory(std::string_view name) = 0;  // must be empty
  virtual void rename(std::string_view source, std::string_view target) = 0;

  // Makes the names in this directory durable.
  virtual void sync() = 0;
  // Makes everything on this directory's file system durable, and reports errors of files written
  // since the directory was opened. False where that cannot be had: sync each file instead.
  virtual bool sync_file_system() = 0;

  [[nodiscard]] virtual std::uint64_t free_bytes() const = 0;

  // Advisory, between processes, until the directory is closed. read: shared; read_write: alone.
  virtual Grant lock(Access access) = 0;
};

// A process that has a file open.
struct FileUser {
  std::uint64_t process_id = 0;
  std::string command;
};

class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  // As the user named it: symbolic links are followed up to here, and no further.
  [[nodiscard]] virtual Opened<Directory> open_directory(const std::string& path) = 0;

  // Other processes that have this file open. Empty where there are none or they cannot be seen.
  [[nodiscard]] virtual std::vector<FileUser> users_of(const FileStatus& file) = 0;
  // Other processes that have anything below this directory open; nullopt where that cannot be
  // found out.
  [[nodiscard]] virtual std::optional<std::vector<FileUser>> users_below(
      const std::string& path) = 0;
};

// What must be there, relative to `directory`. Throws Error (failed) where it is refused.
std::unique_ptr<File> open_file_in(const Directory& directory, const std::string& path,
                                   Access access);
std::unique_ptr<Directory> open_directory_in(const Directory& directory, const std::string& path);

// True for a single name that stays in its directory.
bool is_plain_name(std::string_view name);

}  // namespace libregion
