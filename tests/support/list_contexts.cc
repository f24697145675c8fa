// list-contexts DIR: what a region says of every block, one a line:
//   extent,block,kind,hash,nonce,tag,on_disk_hash,data_xxh64
// The same lines for a SQLite extent and for the raw one it becomes.

#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/extent/open_extent.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/region/leaf.h"

namespace libregion {
namespace {

std::string describe(const BlockRecord& record) {
  const BlockContext* context = record.context();
  if (context == nullptr) return "empty,,,,";
  const auto& encryption = context->encryption;
  return fmt::format("{},{},{},{},{}", encryption ? "encrypted" : "unencrypted",
                     hash_text(context->hash), encryption ? to_hex(encryption->nonce) : "",
                     encryption ? to_hex(encryption->tag) : "", hash_text(context->on_disk_hash));
}

void list(const std::string& path) {
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, path, {});
  if (!opened.region) throw std::runtime_error("not a region");
  const RegionDefinition& definition = opened.region->definition;
  for (std::uint32_t number = 0; number < definition.extent_count; ++number) {
    const ExtentId extent{number};
    const Leaf leaf = Leaf::open(*opened.region, leaf_of(extent));
    const OpenedExtent opened_extent = open_extent(*leaf.directory(), extent, leaf.parts_of(extent),
                                                   definition.geometry, [](File&) {});
    if (opened_extent.reader == nullptr) throw std::runtime_error("an extent that cannot be read");
    opened_extent.reader->read_blocks({0, opened_extent.reader->readable_blocks()},
                                      [&](const BlockRecord& record) {
                                        fmt::print("{},{},{},{}\n", number, record.block,
                                                   describe(record), hash_text(record.data_hash));
                                      });
  }
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fprintf(stderr, "usage: list-contexts DIR\n");
    return 2;
  }
  try {
    libregion::list(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "list-contexts: %s\n", error.what());
    return 1;
  }
}
