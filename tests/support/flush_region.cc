// flush-region DIR posix|zfs GEN_NUMBER FLUSH_NUMBER: opens a region as the service that serves it
// does, and flushes it.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "libregion/io/posix_file_system.h"
#include "libregion/region/region_writer.h"

namespace libregion {
namespace {

void flush(const std::string& path, std::string_view ordering, const FlushNumbers& numbers) {
  PosixFileSystem file_system;
  RegionWriterOptions options;
  options.extents.ordering = ordering == "zfs" ? WriteOrdering::zfs : WriteOrdering::posix;
  RegionWriter::open(file_system, path, options)->flush(numbers);
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  if (argc != 5) {
    (void)std::fprintf(stderr, "usage: flush-region DIR posix|zfs GEN_NUMBER FLUSH_NUMBER\n");
    return 2;
  }
  try {
    libregion::flush(argv[1], argv[2],
                     {std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10)});
    return 0;
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "flush-region: %s\n", error.what());
    return 1;
  }
}
