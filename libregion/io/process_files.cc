#include "libregion/io/process_files.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

#include "libregion/base/text.h"

namespace libregion {
namespace {

namespace fs = std::filesystem;

std::string command_of(const fs::path& process) {
  std::ifstream file(process / "comm");
  std::string command;
  std::getline(file, command);
  return printable(command);
}

bool has_matching_file(const fs::path& process,
                       const std::function<bool(const fs::path&)>& matches) {
  std::error_code ignored;  // The process may end, or be another user's, at any moment.
  for (fs::directory_iterator link(process / "fd", ignored), end; link != end;
       link.increment(ignored)) {
    if (matches(link->path())) return true;
  }
  return false;
}

std::vector<FileUser> find_users(const std::function<bool(const fs::path&)>& matches) {
  std::vector<FileUser> users;
  std::error_code ignored;
  for (fs::directory_iterator process("/proc", ignored), end; process != end;
       process.increment(ignored)) {
    const auto id = parse_decimal(process->path().filename().string());
    if (!id || *id == static_cast<std::uint64_t>(::getpid())) continue;
    if (has_matching_file(process->path(), matches)) {
      users.push_back({*id, command_of(process->path())});
    }
  }
  return users;
}

}  // namespace

std::vector<FileUser> processes_with_file_open(std::uint64_t device, std::uint64_t inode) {
  return find_users([&](const fs::path& link) {
    struct stat found {};
    return ::stat(link.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == inode;
  });
}

std::optional<std::vector<FileUser>> processes_with_files_open_below(const std::string& path) {
  std::error_code problem;
  const std::string prefix = fs::canonical(path, problem).string() + "/";
  if (problem || !fs::exists("/proc/self/fd", problem)) return std::nullopt;
  return find_users([&](const fs::path& link) {
    std::error_code ignored;
    return fs::read_symlink(link, ignored).string().starts_with(prefix);
  });
}

}  // namespace libregion
