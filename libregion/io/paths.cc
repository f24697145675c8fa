#include "libregion/io/paths.h"

#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>

#include "libregion/base/error.h"

namespace libregion {
namespace {

bool is_same_file(const FileStatus& left, const FileStatus& right) {
  return left.device == right.device && left.inode == right.inode;
}

}  // namespace

SplitPath split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool is_below(FileSystem& file_system, const Directory& directory, const std::string& path) {
  const auto status_at = [&](const std::string& place) {
    return expect_opened(file_system.open_directory(place), place)->status();
  };
  const FileStatus searched = directory.status();
  std::string place = split_path(path).directory;
  FileStatus here = status_at(place);
  while (!is_same_file(here, searched)) {
    place += "/..";
    const FileStatus above = status_at(place);
    if (is_same_file(above, here)) return false;  // the root
    here = above;
  }
  return true;
}

bool has_file_below(const Directory& directory, const FileStatus& file) {
  bool found = false;
  directory.list([&](const DirectoryEntry& entry) {
    if (found) return;
    if (entry.kind == FileKind::directory) {
      found = has_file_below(*open_directory_in(directory, entry.name), file);
    } else if (const auto status = directory.status_of(entry.name)) {
      found = is_same_file(*status, file);
    }
  });
  return found;
}

std::string follow_links(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISLNK(found.st_mode)) return path;
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return path;
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) throw_system_error(errno, {"realpath", path});
  return real.get();
}

}  // namespace libregion
