#include "libregion/io/file_system.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"

namespace libregion {

void throw_refusal(const Refusal& refusal, const std::string& path) {
  const bool links = refusal.reason == Refusal::Reason::several_links;
  throw Error(ErrorKind::failed,
              describe_failure({"open", path}, fmt::format("expected {}, found {}",
                                                           links ? "one name"
                                                                 : "a file or "
                                                                   "directory",
                                                           refusal.found)));
}

void File::read(std::uint64_t offset_bytes, MutableByteView target) const {
  const std::size_t found_bytes = read_up_to(offset_bytes, target);
  if (found_bytes == target.size()) return;
  throw Error(ErrorKind::failed,
              describe_failure({"pread", path(), offset_bytes},
                               fmt::format("the file ended: expected {} bytes, found {}",
                                           target.size(), found_bytes)));
}

Bytes File::read(std::uint64_t offset_bytes, std::uint64_t length_bytes) const {
  Bytes bytes(length_bytes);
  read(offset_bytes, bytes);
  return bytes;
}

void File::copy_to(File& target, const FileCopy& copy) const {
  constexpr std::uint64_t chunk_bytes = std::uint64_t{512} << 10;
  Bytes chunk(std::min(chunk_bytes, copy.source.length_bytes));
  for (std::uint64_t done = 0; done < copy.source.length_bytes;) {
    const std::uint64_t count = std::min(chunk_bytes, copy.source.length_bytes - done);
    const MutableByteView part = MutableByteView(chunk).first(count);
    read(copy.source.offset_bytes + done, part);
    target.write(copy.target_offset_bytes + done, part);
    done += count;
  }
}

std::unique_ptr<File> open_file_in(const Directory& directory, const std::string& path,
                                   Access access) {
  return expect_opened(directory.open_file(path, access), directory.path() + "/" + path);
}

std::unique_ptr<Directory> open_directory_in(const Directory& directory, const std::string& path) {
  return expect_opened(directory.open_directory(path), directory.path() + "/" + path);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

}  // namespace libregion
