#include "libregion/io/durable.h"

#include <algorithm>

namespace libregion {
namespace {

bool all_on_device(std::span<File* const> files, std::uint64_t device) {
  return std::all_of(files.begin(), files.end(),
                     [&](const File* file) { return file->status().device == device; });
}

}  // namespace

void sync_files(Directory& root, std::span<File* const> files) {
  if (files.size() > few_files_max && all_on_device(files, root.status().device) &&
      root.sync_file_system()) {
    return;
  }
  for (File* file : files) file->sync();
}

void replace_file(Directory& directory, std::string_view name, std::string_view temporary_name,
                  ByteView content) {
  if (directory.status_of(temporary_name)) directory.remove_file(temporary_name);
  const auto replaced = directory.status_of(name);
  const auto file = directory.create_file(
      temporary_name, replaced ? std::optional(replaced->ownership) : std::nullopt);
  file->write(0, content);
  // Before the rename: else the name could be durable before what it names.
  file->sync();
  directory.rename(temporary_name, name);
  directory.sync();
}

}  // namespace libregion
