// The system calls of an operation, and nothing else: what no implementation can do without.

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "libregion/format/extent_names.h"
#include "libregion/format/raw_layout.h"
#include "libregion/io/file_descriptor.h"
#include "libregion/ops/parallel.h"
#include "tests/bench/commands.h"

namespace libregion::bench {
namespace {

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::system_error(errno, std::generic_category(), what);
}

FileDescriptor open_at(int directory, const std::string& name, int flags) {
  FileDescriptor file(::openat(directory, name.c_str(), flags | O_CLOEXEC, 0600));
  require(file.is_open(), "openat");
  return file;
}

void write_at(const FileDescriptor& file, ByteView bytes, std::uint64_t offset_bytes) {
  const auto offset = static_cast<off_t>(offset_bytes);
  require(::pwrite(file.number(), bytes.data(), bytes.size(), offset) ==
              static_cast<ssize_t>(bytes.size()),
          "pwrite");
}

void read_at(const FileDescriptor& file, MutableByteView bytes, std::uint64_t offset_bytes) {
  const auto offset = static_cast<off_t>(offset_bytes);
  require(::pread(file.number(), bytes.data(), bytes.size(), offset) ==
              static_cast<ssize_t>(bytes.size()),
          "pread");
}

void resize(const FileDescriptor& file, std::uint64_t size_bytes) {
  require(::ftruncate(file.number(), static_cast<off_t>(size_bytes)) == 0, "ftruncate");
}

std::uint64_t size_of(const FileDescriptor& file) {
  struct stat status {};
  require(::fstat(file.number(), &status) == 0, "fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

// Calls `visit` with the leaf directory of each extent, and the extent.
template <class Visit>
void for_each_extent(const Arguments& arguments, Visit visit) {
  FileDescriptor leaf;
  for (std::uint32_t number = 0; number < arguments.number("extents", 1); ++number) {
    const ExtentId extent{number};
    if (number % extents_per_leaf == 0) {
      leaf = open_at(AT_FDCWD, arguments.word(0) + "/" + leaf_directory_path(leaf_of(extent)),
                     O_RDONLY | O_DIRECTORY);
    }
    visit(leaf.number(), extent);
  }
}

void sync_file_system_of(const Arguments& arguments) {
  const FileDescriptor root = open_at(AT_FDCWD, arguments.word(0), O_RDONLY | O_DIRECTORY);
  require(::syncfs(root.number()) == 0, "syncfs");
}

RawLayout layout_from(const Arguments& arguments) {
  return RawLayout(std::get<Geometry>(Geometry::make(4096, arguments.number("blocks", 16'384))));
}

}  // namespace

void create_floor(const Arguments& arguments) {
  const std::uint64_t extents = arguments.number("extents", 1);
  const std::string& path = arguments.word(0);
  require(::mkdir(path.c_str(), 0700) == 0 && ::mkdir((path + "/00").c_str(), 0700) == 0, "mkdir");
  for (std::uint32_t first = 0; first < extents; first += extents_per_leaf) {
    const std::string leaf = path + "/" + leaf_directory_path(leaf_of(ExtentId{first}));
    require(::mkdir(leaf.c_str(), 0700) == 0, "mkdir");
  }
  const std::uint64_t file_bytes = layout_from(arguments).file_bytes();
  const Bytes end(metadata_bytes, std::byte{1});
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    const FileDescriptor file = open_at(leaf, extent_file_name(extent), O_RDWR | O_CREAT | O_EXCL);
    resize(file, file_bytes);
    write_at(file, end, file_bytes - end.size());
  });
  sync_file_system_of(arguments);
}

void migrate_floor(const Arguments& arguments) {
  const RawLayout layout = layout_from(arguments);
  Bytes database;
  const Bytes slots(layout.slot_array_bytes(), std::byte{1});
  const Bytes tail(layout.tail_bytes(), std::byte{1});
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    const FileDescriptor db = open_at(leaf, extent_file_name(extent, ExtentPart::db), O_RDONLY);
    database.resize(size_of(db));
    read_at(db, database, 0);
    const FileDescriptor file = open_at(leaf, extent_file_name(extent), O_RDWR);
    resize(file, layout.file_bytes());
    write_at(file, slots, layout.slot_array_offset_bytes(ContextSlot::A));
    write_at(file, tail, layout.bits_offset_bytes());
  });
  sync_file_system_of(arguments);
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    require(::unlinkat(leaf, extent_file_name(extent, ExtentPart::db).c_str(), 0) == 0, "unlinkat");
  });
  sync_file_system_of(arguments);
}

void defragment_floor(const Arguments& arguments) {
  const RawLayout layout = layout_from(arguments);
  Bytes slots(2 * layout.slot_array_bytes());
  Bytes tail(layout.tail_bytes());
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    const FileDescriptor file = open_at(leaf, extent_file_name(extent), O_RDWR);
    read_at(file, slots, layout.slot_array_offset_bytes(ContextSlot::A));
    read_at(file, tail, layout.bits_offset_bytes());
    write_at(file, ByteView(slots).first(layout.slot_array_bytes()),
             layout.slot_array_offset_bytes(ContextSlot::B));
  });
  sync_file_system_of(arguments);
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    const FileDescriptor file = open_at(leaf, extent_file_name(extent), O_RDWR);
    write_at(file, tail, layout.bits_offset_bytes());
  });
  sync_file_system_of(arguments);
}

void read_floor(const Arguments& arguments) {
  constexpr std::size_t request_bytes = std::size_t{1} << 20;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments.word(0))) {
    if (entry.is_regular_file() && entry.path().extension().empty()) files.push_back(entry.path());
  }
  for_each_in_parallel(8, files.size(), [&](std::size_t i) {
    FileDescriptor file(::open(files[i].c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    // A file system that is memory cannot be read past it.
    if (!file.is_open()) file = open_at(AT_FDCWD, files[i], O_RDONLY);
    // Direct reads go to whole pages.
    Bytes buffer(2 * request_bytes);
    void* start = buffer.data();
    std::size_t room_bytes = buffer.size();
    require(std::align(4096, request_bytes, start, room_bytes) != nullptr, "align");
    ssize_t count = 1;
    for (off_t offset = 0; count > 0; offset += count) {
      count = ::pread(file.number(), start, request_bytes, offset);
      require(count >= 0, "pread");
    }
  });
}

void dump_floor(const Arguments& arguments) {
  Bytes end(metadata_bytes);
  for_each_extent(arguments, [&](int leaf, ExtentId extent) {
    const FileDescriptor file = open_at(leaf, extent_file_name(extent), O_RDONLY);
    read_at(file, end, size_of(file) - end.size());
  });
}

}  // namespace libregion::bench
