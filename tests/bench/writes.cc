#include <chrono>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "libregion/format/integrity.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/ops/create.h"
#include "libregion/region/region_writer.h"
#include "tests/bench/commands.h"
#include "tests/bench/sqlite_backend.h"
#include "tests/support/random.h"

namespace libregion::bench {
namespace {

constexpr std::uint64_t block_size_bytes = 4096;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The high-water mark of this process.
std::uint64_t memory_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmHWM:") continue;
    std::uint64_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes << 10U;
  }
  return 0;
}

struct Workload {
  std::uint64_t write_bytes;
  std::uint64_t write_count;
  std::uint64_t flush_every;
  bool is_random;
  std::uint64_t region_blocks;
};

struct Measured {
  double seconds = 0;
  std::uint64_t memory_start_bytes = 0;  // once the region is open
};

// Calls write(first block, data, hashes) and flush(number) as the workload wants. The same blocks
// and bytes every time.
template <class Write, class Flush>
Measured run(const Workload& workload, Write write, Flush flush) {
  Random random(4);
  const std::uint64_t block_count = workload.write_bytes / block_size_bytes;
  const std::uint64_t place_count = workload.region_blocks / block_count;
  Bytes data = random.bytes(workload.write_bytes);
  std::vector<std::uint64_t> hashes(block_count);
  const std::uint64_t memory_start_bytes = memory_bytes();
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < workload.write_count; ++i) {
    // Every block other than before, without the time it takes to make random bytes.
    for (std::uint64_t block = 0; block < block_count; ++block) {
      const Bytes change = random.bytes(8);
      std::copy(change.begin(), change.end(),
                data.begin() + static_cast<std::ptrdiff_t>(block * block_size_bytes));
    }
    on_disk_hashes(data, block_size_bytes, hashes);
    const std::uint64_t place = workload.is_random ? random.below(place_count) : i % place_count;
    write(place * block_count, data, hashes);
    if ((i + 1) % workload.flush_every == 0) flush(i + 1);
  }
  flush(workload.write_count + 1);
  return {seconds_since(start), memory_start_bytes};
}

Measured run_raw(const std::string& path, const Workload& workload, WriteOrdering ordering) {
  PosixFileSystem file_system;
  RegionWriterOptions options;
  options.extents.ordering = ordering;
  const auto writer = RegionWriter::open(file_system, path, options);
  std::vector<SentContext> contexts;
  return run(
      workload,
      [&](std::uint64_t first, ByteView data, std::span<const std::uint64_t> hashes) {
        contexts.clear();
        for (const std::uint64_t hash : hashes) contexts.push_back({hash, std::nullopt});
        writer->write({first, data, contexts});
      },
      [&](std::uint64_t number) {
        writer->flush({1, number});
      });
}

Measured run_sqlite(const std::string& path, const Workload& workload,
                    const RegionDefinition& definition) {
  SqliteBackend backend(path, definition.geometry, definition.extent_count);
  return run(
      workload,
      [&](std::uint64_t first, ByteView data, std::span<const std::uint64_t> hashes) {
        backend.write(first, data, hashes);
      },
      [&](std::uint64_t number) { backend.flush(number); });
}

}  // namespace

void write_blocks(const Arguments& arguments) {
  const std::string backend = arguments.text("backend", "posix");
  const auto geometry = Geometry::make(block_size_bytes, arguments.number("blocks", 16'384));
  CreateOptions options{{std::get<Geometry>(geometry),
                         static_cast<std::uint32_t>(arguments.number("extents", 8)),
                         *parse_uuid("c0ffee00-0000-4000-8000-000000000003"), false}};
  options.format = backend == "sqlite" ? ExtentFormat::sqlite : ExtentFormat::raw;
  PosixFileSystem file_system;
  create_region(file_system, arguments.word(0), options);
  const Workload workload{
      arguments.number("bytes", block_size_bytes), arguments.number("count", 1000),
      arguments.number("flush-every", 100), arguments.number("random", 0) != 0,
      options.definition.extent_count * options.definition.geometry.extent_size_blocks()};
  Measured measured;
  if (backend == "sqlite") {
    measured = run_sqlite(arguments.word(0), workload, options.definition);
  } else if (backend == "zfs" || backend == "posix") {
    measured = run_raw(arguments.word(0), workload,
                       backend == "zfs" ? WriteOrdering::zfs : WriteOrdering::posix);
  } else {
    throw std::runtime_error("backend is zfs, posix or sqlite");
  }
  fmt::print("seconds={:.9f} memory-start={} memory-end={}\n", measured.seconds,
             measured.memory_start_bytes, memory_bytes());
}

}  // namespace libregion::bench
