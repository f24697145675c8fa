// A file that appears whole or not at all: written under a temporary name beside its own, then
// renamed.
//
// The order of things:
//   1. the temporary file made and written     a crash leaves it behind; the name is as it was
//   2. the file synced
//   3. renamed, the directory synced           a crash leaves the name as it was, or whole
// What a crash left of an earlier run is removed by the next one. After a sync that fails nothing
// is renamed or removed.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libregion/io/file_system.h"

namespace libregion {

class StagedFile {
 public:
  // Throws Error (usage) where the path ends in no name; (failed) where it names something else
  // than a regular file, or one that is there without `replace`; (in_use) where another process
  // is writing it. A new file has owner and mode of what it replaces, else the ownership given,
  // else mode 0644 under the umask.
  StagedFile(FileSystem& file_system, const std::string& path, bool replace,
             const std::optional<Ownership>& ownership = std::nullopt);
  // Removes the temporary file, unless it was committed or a sync has failed.
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] File& file() { return *file_; }
  [[nodiscard]] std::uint64_t free_bytes() const { return directory_->free_bytes(); }

  void sync();
  // After sync(): gives the file its name.
  void commit();
  // The temporary file is left as it is, for the next run to remove.
  void leave() { keeps_temporary_ = true; }

 private:
  // What is there under the file's own name, which may be replaced.
  [[nodiscard]] std::optional<FileStatus> replaced_file() const;
  void remove_leftover();

  std::string path_;
  std::string name_;
  std::string temporary_name_;
  bool replace_;
  bool keeps_temporary_ = false;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
};

}  // namespace libregion
