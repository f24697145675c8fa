#include "libregion/io/staged_file.h"

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/paths.h"

namespace libregion {

StagedFile::StagedFile(FileSystem& file_system, const std::string& path, bool replace)
    : path_(path), replace_(replace) {
  const SplitPath split = split_path(path);
  if (!is_plain_name(split.name)) {
    throw Error(ErrorKind::usage, fmt::format("'{}': expected the name of a file", path));
  }
  name_ = split.name;
  temporary_name_ = fmt::format(".{}.partial", name_);
  directory_ = expect_opened(file_system.open_directory(split.directory), split.directory);
  const auto replaced = replaced_file();
  remove_leftover();
  file_ = directory_->create_file(temporary_name_,
                                  replaced ? std::optional(replaced->ownership) : std::nullopt);
}

StagedFile::~StagedFile() {
  if (file_ == nullptr || keeps_temporary_) return;
  try {
    directory_->remove_file(temporary_name_);
  } catch (const Error&) {
    // It is in nobody's way: the next run removes it.
  }
}

std::optional<FileStatus> StagedFile::replaced_file() const {
  const auto found = directory_->status_of(name_);
  if (!found) return std::nullopt;
  if (found->kind != FileKind::regular) {
    const bool is_directory = found->kind == FileKind::directory;
    throw Error(ErrorKind::failed,
                describe_failure({"open", path_},
                                 fmt::format("expected a file, or nothing, found {}",
                                             is_directory ? "a directory" : "something else")));
  }
  if (!replace_) {
    throw Error(ErrorKind::failed, fmt::format("'{}' exists: --force replaces it", path_));
  }
  return found;
}

void StagedFile::remove_leftover() {
  if (!directory_->status_of(temporary_name_)) return;
  {
    const auto leftover = open_file_in(*directory_, temporary_name_, Access::read);
    if (leftover->take_lease(Access::read) == Grant::refused) {
      throw Error(ErrorKind::in_use,
                  fmt::format("'{}': another process is writing it", leftover->path()));
    }
  }
  directory_->remove_file(temporary_name_);
}

void StagedFile::sync() {
  // Should it fail, the failure is final.
  keeps_temporary_ = true;
  file_->sync();
  keeps_temporary_ = false;
}

void StagedFile::commit() {
  // It may have come since.
  (void)replaced_file();
  directory_->rename(temporary_name_, name_);
  keeps_temporary_ = true;
  directory_->sync();
}

}  // namespace libregion
