// make-live-region DIR [plain|encrypted]: a SQLite region as a service leaves it that was killed.
//   extent 0   clean, closed: no log
//   extent 1   clean, but what was flushed is only in the log
//   extent 2   dirty: blocks with several rows, a row whose data never arrived
//   extent 3   never written
// The same bytes every time.

#include <cstdio>
#include <cstring>
#include <exception>

#include "libregion/io/posix_file_system.h"
#include "libregion/ops/create.h"
#include "tests/support/live_sqlite_writer.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_count = 64;

class BlockSource {
 public:
  BlockSource(std::uint64_t block_size_bytes, bool encrypted)
      : data_(block_size_bytes), encrypted_(encrypted) {}

  void write_next(LiveSqliteWriter& writer, std::uint64_t block, bool data_arrives = true) {
    random_.fill(data_);
    std::optional<EncryptionContext> encryption;
    if (encrypted_) {
      encryption.emplace();
      random_.fill(encryption->nonce);
      random_.fill(encryption->tag);
    }
    writer.write(block, data_, encryption, data_arrives);
  }

 private:
  Random random_{2023};
  Bytes data_;
  bool encrypted_;
};

void make(const std::string& path, bool encrypted) {
  const Geometry geometry = std::get<Geometry>(Geometry::make(4096, block_count));
  CreateOptions options{
      {geometry, 4, *parse_uuid("c0ffee00-0000-4000-8000-000000000001"), encrypted}};
  options.format = ExtentFormat::sqlite;
  PosixFileSystem file_system;
  create_region(file_system, path, options);

  BlockSource source(geometry.block_size_bytes(), encrypted);
  LiveSqliteWriter first(path + "/00/000/000", geometry);
  for (std::uint64_t block = 0; block < block_count; ++block) source.write_next(first, block);
  first.flush(1, 7);
  first.close_cleanly();

  LiveSqliteWriter second(path + "/00/000/001", geometry);
  for (std::uint64_t block = 0; block < block_count; block += 2) source.write_next(second, block);
  second.flush(1, 9);
  second.die();

  LiveSqliteWriter third(path + "/00/000/002", geometry);
  for (std::uint64_t block = 0; block < 48; ++block) source.write_next(third, block);
  third.flush(1, 9);
  for (std::uint64_t block = 10; block < 30; ++block) source.write_next(third, block);
  for (std::uint64_t block = 20; block < 25; ++block) source.write_next(third, block);
  source.write_next(third, 5, /*data_arrives=*/false);
  third.die();
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  const bool usage_is_right =
      argc == 2 ||
      (argc == 3 && (std::strcmp(argv[2], "plain") == 0 || std::strcmp(argv[2], "encrypted") == 0));
  if (!usage_is_right) {
    (void)std::fprintf(stderr, "usage: make-live-region DIR [plain|encrypted]\n");
    return 2;
  }
  try {
    libregion::make(argv[1], argc == 3 && std::strcmp(argv[2], "encrypted") == 0);
    return 0;
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "make-live-region: %s\n", error.what());
    return 1;
  }
}
