#include "tests/crash/system/region_calls.h"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace libregion {
namespace {

// Where a call says what it is about.
enum class Shape : std::uint8_t {
  descriptor,  // the first argument
  target,      // copies: the third argument
  name,        // a directory's descriptor, and a path
  link,        // the same of what is new, behind those of what is there
  open,        // as for a name, and flags
  open_how,    // the same, and a struct open_how
  path,        // a path alone
};

struct KnownCall {
  unsigned number = 0;
  const char* name = "";
  Shape shape = Shape::descriptor;
  bool changes = false;
  std::optional<unsigned> length_argument = std::nullopt;
};

constexpr std::array known_calls{
    KnownCall{SYS_pwrite64, "pwrite", Shape::descriptor, true, 2},
    KnownCall{SYS_write, "write", Shape::descriptor, true, 2},
    KnownCall{SYS_writev, "writev", Shape::descriptor, true},
    KnownCall{SYS_pwritev, "pwritev", Shape::descriptor, true},
    KnownCall{SYS_pwritev2, "pwritev2", Shape::descriptor, true},
    KnownCall{SYS_copy_file_range, "copy_file_range", Shape::target, true, 4},
    KnownCall{SYS_sendfile, "sendfile", Shape::descriptor, true, 3},
    KnownCall{SYS_ftruncate, "ftruncate", Shape::descriptor, true},
    KnownCall{SYS_truncate, "truncate", Shape::path, true},
    KnownCall{SYS_fallocate, "fallocate", Shape::descriptor, true},
    KnownCall{SYS_fsync, "fsync", Shape::descriptor, true},
    KnownCall{SYS_fdatasync, "fdatasync", Shape::descriptor, true},
    KnownCall{SYS_syncfs, "syncfs", Shape::descriptor, true},
    KnownCall{SYS_sync_file_range, "sync_file_range", Shape::descriptor, true},
    KnownCall{SYS_unlinkat, "unlinkat", Shape::name, true},
    KnownCall{SYS_unlink, "unlink", Shape::path, true},
    KnownCall{SYS_rmdir, "rmdir", Shape::path, true},
    KnownCall{SYS_renameat, "renameat", Shape::name, true},
    KnownCall{SYS_renameat2, "renameat2", Shape::name, true},
    KnownCall{SYS_rename, "rename", Shape::path, true},
    KnownCall{SYS_mkdirat, "mkdirat", Shape::name, true},
    KnownCall{SYS_mkdir, "mkdir", Shape::path, true},
    KnownCall{SYS_linkat, "linkat", Shape::link, true},
    KnownCall{SYS_link, "link", Shape::path, true},
    KnownCall{SYS_symlinkat, "symlinkat", Shape::descriptor, true},
    KnownCall{SYS_symlink, "symlink", Shape::path, true},
    KnownCall{SYS_fchmod, "fchmod", Shape::descriptor, true},
    KnownCall{SYS_fchmodat, "fchmodat", Shape::name, true},
    KnownCall{SYS_chmod, "chmod", Shape::path, true},
    KnownCall{SYS_fchown, "fchown", Shape::descriptor, true},
    KnownCall{SYS_fchownat, "fchownat", Shape::name, true},
    KnownCall{SYS_chown, "chown", Shape::path, true},
    KnownCall{SYS_utimensat, "utimensat", Shape::name, true},
    KnownCall{SYS_creat, "creat", Shape::path, true},
    // These change something only with some flags: see changes_something.
    KnownCall{SYS_open, "open", Shape::path, true},
    KnownCall{SYS_openat, "openat", Shape::open, true},
    KnownCall{SYS_openat2, "openat2", Shape::open_how, true},

    KnownCall{SYS_pread64, "pread", Shape::descriptor, false, 2},
    KnownCall{SYS_read, "read", Shape::descriptor, false, 2},
    KnownCall{SYS_preadv2, "preadv2", Shape::descriptor, false},
    KnownCall{SYS_lseek, "lseek", Shape::descriptor, false},
    KnownCall{SYS_fstat, "fstat", Shape::descriptor, false},
    KnownCall{SYS_newfstatat, "fstatat", Shape::name, false},
    KnownCall{SYS_statx, "statx", Shape::name, false},
    KnownCall{SYS_stat, "stat", Shape::path, false},
    KnownCall{SYS_lstat, "lstat", Shape::path, false},
    KnownCall{SYS_fstatfs, "fstatfs", Shape::descriptor, false},
    KnownCall{SYS_statfs, "statfs", Shape::path, false},
    KnownCall{SYS_getdents64, "getdents64", Shape::descriptor, false},
    KnownCall{SYS_flock, "flock", Shape::descriptor, false},
    KnownCall{SYS_fcntl, "fcntl", Shape::descriptor, false},
    KnownCall{SYS_fadvise64, "fadvise64", Shape::descriptor, false},
    KnownCall{SYS_close, "close", Shape::descriptor, false},
};

bool opens(const KnownCall& call) {
  return call.number == SYS_open || call.number == SYS_openat || call.number == SYS_openat2;
}

std::size_t read_memory(pid_t thread, std::uint64_t address, void* target, std::size_t size_bytes) {
  const iovec to{target, size_bytes};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address in another process
  const iovec from{reinterpret_cast<void*>(address), size_bytes};
  const ssize_t count = ::process_vm_readv(thread, &to, 1, &from, 1, 0);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

// A text in another process's memory. It may lie near the end of what can be read there.
std::string text_at(pid_t thread, std::uint64_t address) {
  constexpr std::uint64_t page_bytes = 4096;
  std::string text;
  while (text.size() < PATH_MAX) {
    std::array<char, page_bytes> part{};
    const std::uint64_t in_page = page_bytes - address % page_bytes;
    const std::size_t count = read_memory(thread, address, part.data(), in_page);
    const std::string_view read(part.data(), count);
    const std::size_t end = read.find('\0');
    text += read.substr(0, end);
    if (count == 0 || end != std::string_view::npos) break;
    address += count;
  }
  return text;
}

// What a link of /proc says; empty where there is none.
std::string link_target(const std::string& link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string path_of_descriptor(pid_t thread, std::uint64_t descriptor) {
  const std::string process = "/proc/" + std::to_string(thread);
  const int number = static_cast<int>(descriptor);
  if (number == AT_FDCWD) return link_target(process + "/cwd");
  return link_target(process + "/fd/" + std::to_string(number));
}

std::string path_of_name(pid_t thread, std::uint64_t directory, std::uint64_t address) {
  const std::string name = text_at(thread, address);
  // A file that is opened again by its descriptor.
  constexpr std::string_view own_descriptors = "/proc/self/fd/";
  if (name.starts_with(own_descriptors)) {
    return link_target("/proc/" + std::to_string(thread) + "/fd/" +
                       name.substr(own_descriptors.size()));
  }
  if (name.starts_with('/')) return name;
  const std::string path = path_of_descriptor(thread, directory);
  return name.empty() || name == "." ? path : path + "/" + name;
}

std::string path_of(pid_t thread, const user_regs_struct& registers, Shape shape) {
  switch (shape) {
    case Shape::descriptor: return path_of_descriptor(thread, registers.rdi);
    case Shape::target: return path_of_descriptor(thread, registers.rdx);
    case Shape::link: return path_of_name(thread, registers.rdx, registers.r10);
    case Shape::name:
    case Shape::open:
    case Shape::open_how: return path_of_name(thread, registers.rdi, registers.rsi);
    case Shape::path:
      return path_of_name(thread, static_cast<std::uint64_t>(AT_FDCWD), registers.rdi);
  }
  return {};
}

bool changes_something(pid_t thread, const user_regs_struct& registers, const KnownCall& call) {
  if (!opens(call)) return call.changes;
  std::uint64_t flags = call.number == SYS_open ? registers.rsi : registers.rdx;
  if (call.number == SYS_openat2) {
    open_how how{};
    read_memory(thread, registers.rdx, &how, sizeof how);
    flags = how.flags;
  }
  return (flags & (O_CREAT | O_TRUNC)) != 0;
}

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

}  // namespace

std::vector<unsigned> numbers_of_calls(CallSet set) {
  std::vector<unsigned> numbers;
  for (const KnownCall& call : known_calls) {
    if (call.changes || set == CallSet::all) numbers.push_back(call.number);
  }
  return numbers;
}

std::optional<RegionCall> region_call_of(pid_t thread, const user_regs_struct& registers,
                                         CallSet set, const std::string& directory) {
  const auto* const known =
      std::find_if(known_calls.begin(), known_calls.end(),
                   [&](const KnownCall& call) { return call.number == registers.orig_rax; });
  if (known == known_calls.end()) return std::nullopt;
  const std::string path = path_of(thread, registers, known->shape);
  if (!is_below(path, directory)) return std::nullopt;
  if (set == CallSet::changing && !changes_something(thread, registers, *known)) {
    return std::nullopt;
  }
  return RegionCall{known->name, path, known->length_argument};
}

}  // namespace libregion
