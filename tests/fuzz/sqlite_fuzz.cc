// A SQLite extent: three bytes that say how large its blocks are and how many, four for the size of
// the database (little-endian), the database, and its write-ahead log. The data file is of the
// right size; the bytes of each block are its number.

#include <algorithm>

#include "libregion/format/sqlite_wal.h"
#include "tests/fuzz/fuzz_region.h"
#include "tests/fuzz/fuzz_target.h"

namespace libregion {
namespace {

constexpr std::size_t size_field_bytes = 4;
constexpr std::size_t header_bytes = FuzzGeometry::bytes + size_field_bytes;

struct SqliteInput {
  Bytes header;
  Bytes database;
  Bytes log;

  static SqliteInput from(ByteView input) {
    std::size_t database_bytes = 0;
    for (std::size_t i = 0; i < size_field_bytes; ++i) {
      database_bytes |= std::to_integer<std::size_t>(input[FuzzGeometry::bytes + i]) << 8 * i;
    }
    const ByteView rest = input.subspan(header_bytes);
    database_bytes = std::min(database_bytes, rest.size());
    const auto bytes = [](ByteView view) { return Bytes(view.begin(), view.end()); };
    return {bytes(input.first(header_bytes)), bytes(rest.first(database_bytes)),
            bytes(rest.subspan(database_bytes))};
  }

  [[nodiscard]] Bytes joined() const {
    Bytes bytes = header;
    for (std::size_t i = 0; i < size_field_bytes; ++i) {
      bytes[FuzzGeometry::bytes + i] = static_cast<std::byte>(database.size() >> 8 * i);
    }
    bytes.insert(bytes.end(), database.begin(), database.end());
    bytes.insert(bytes.end(), log.begin(), log.end());
    return bytes;
  }
};

Bytes data_file(const FuzzGeometry& geometry) {
  Bytes data;
  for (std::uint64_t block = 0; block < geometry.block_count; ++block) {
    data.insert(data.end(), geometry.block_size_bytes, static_cast<std::byte>(block));
  }
  return data;
}

// ---- a log whose checksums are right ------------------------------------------------------------

class LogMender {
 public:
  explicit LogMender(Bytes& log) : log_(log), big_endian_(log[3] == std::byte{0x83}) {}

  void mend() {
    add(0, 24);
    put(24);
    const std::size_t page_bytes = number_at(8, true);
    if (page_bytes < 512 || page_bytes > 65536) return;
    const std::size_t frame_bytes = wal_frame_header_bytes + page_bytes;
    for (std::size_t at = wal_header_bytes; at + frame_bytes <= log_.size(); at += frame_bytes) {
      std::copy_n(log_.begin() + 16, 8, log_.begin() + static_cast<std::ptrdiff_t>(at) + 8);
      add(at, 8);
      add(at + wal_frame_header_bytes, page_bytes);
      put(at + 16);
    }
  }

 private:
  [[nodiscard]] std::uint32_t number_at(std::size_t at, bool big_endian) const {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      number |= std::to_integer<std::uint32_t>(log_[at + i]) << 8 * (big_endian ? 3 - i : i);
    }
    return number;
  }
  void add(std::size_t at, std::size_t size_bytes) {
    for (const std::size_t end = at + size_bytes / 8 * 8; at < end; at += 8) {
      first_ += number_at(at, big_endian_) + second_;
      second_ += number_at(at + 4, big_endian_) + first_;
    }
  }
  void put(std::size_t at) {
    for (std::size_t i = 0; i < 4; ++i) {
      log_[at + i] = static_cast<std::byte>(first_ >> 8 * (3 - i));
      log_[at + 4 + i] = static_cast<std::byte>(second_ >> 8 * (3 - i));
    }
  }

  Bytes& log_;
  bool big_endian_;
  std::uint32_t first_ = 0;
  std::uint32_t second_ = 0;
};

// Changes one page, so that the rest stays a database.
void mutate_page(Bytes& database, Random& random) {
  constexpr std::size_t page_bytes = 512;
  if (database.size() < page_bytes) return mutate(database, database.size());
  const std::size_t at = random.below(database.size() / page_bytes) * page_bytes;
  const auto page = MutableByteView(database).subspan(at, page_bytes);
  // Most of what a page says is at its beginning; the first begins with the database's header.
  const std::size_t skipped = at == 0 && random.below(4) != 0 ? 100 : 0;
  const std::size_t length =
      random.coin() ? std::min<std::size_t>(16, page_bytes - skipped) : page_bytes - skipped;
  const auto part = page.subspan(skipped, length);
  Bytes changed(part.begin(), part.end());
  mutate(changed, length);
  std::copy(changed.begin(), changed.end(), part.begin());
}

}  // namespace
}  // namespace libregion

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  using namespace libregion;
  if (size_bytes < header_bytes) return 0;
  const ByteView bytes = fuzz_input(data, size_bytes);
  const SqliteInput input = SqliteInput::from(bytes);
  const FuzzGeometry geometry = FuzzGeometry::of(bytes);
  FuzzRegion region(geometry);
  region.put("000", data_file(geometry));
  region.put("000.db", input.database);
  if (!input.log.empty()) region.put("000.db-wal", input.log);
  region.run_everything(size_bytes);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size_bytes,
                                    std::size_t size_bytes_max, unsigned seed) {
  using namespace libregion;
  if (size_bytes < header_bytes) return LLVMFuzzerMutate(data, size_bytes, size_bytes_max);
  Random random(seed);
  SqliteInput input = SqliteInput::from(fuzz_input(data, size_bytes));
  const std::size_t room = size_bytes_max - size_bytes;
  switch (random.below(8)) {
    case 0: mutate(input.header, input.header.size()); break;
    case 1: mutate(input.database, input.database.size() + room); break;
    case 2:
    case 3:
    case 4: mutate(input.log, input.log.size() + room); break;
    default: mutate_page(input.database, random);
  }
  input.header.resize(header_bytes);
  if (input.log.size() >= wal_header_bytes && random.below(4) != 0) LogMender(input.log).mend();
  return give_back(input.joined(), data, size_bytes_max);
}
