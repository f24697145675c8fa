#include <ctime>
#include <stdexcept>

#include <fmt/format.h>

#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/sqlite_walk.h"
#include "tests/bench/commands.h"
#include "tests/support/random.h"

namespace libregion::bench {
namespace {

constexpr int repetitions = 20;

double cpu_seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Bytes build_database(std::uint64_t row_count, bool encrypted) {
  Random random(3);
  SlotArray contexts(row_count);
  for (std::uint64_t block = 0; block < row_count; ++block) {
    BlockContext context{random.next(), std::nullopt, random.next(), 0};
    if (encrypted) context.encryption = EncryptionContext{};
    contexts.set(block, context);
  }
  Bytes image = build_sqlite_image({false, 1, 1, sqlite_ext_version, 0, 0}, contexts);
  image[18] = image[19] = std::byte{1};  // without a log, as it is in memory
  return image;
}

}  // namespace

void read_rows(const Arguments& arguments) {
  const std::uint64_t row_count = arguments.number("count", 16'384);
  const bool with_sqlite = arguments.text("reader", "walk") == "sqlite";
  const Bytes image = build_database(row_count, arguments.number("encrypted", 0) != 0);
  const Geometry geometry = std::get<Geometry>(Geometry::make(4096, row_count));
  double least = 1e9;
  for (int i = 0; i < repetitions; ++i) {
    const double start = cpu_seconds();
    const SqliteTables tables = with_sqlite ? read_tables_with_sqlite(image, ExtentId{0}, geometry)
                                            : read_sqlite_tables(image, ExtentId{0}, geometry);
    least = std::min(least, cpu_seconds() - start);
    if (!tables.rows || tables.rows->size() != row_count) throw std::runtime_error("rows are lost");
  }
  fmt::print("seconds={:.9f}\n", least);
}

}  // namespace libregion::bench
