// A region that is read and written as the service that serves it does: its extents are open, all
// at once, as long as this object lives. No tool overwrites live blocks with this; it is for who
// serves a region, for tests and benchmarks.
//
// Opening, and what a crash leaves at each step:
//   1. every extent opened and claimed, pending replacements looked at
//          what is in use, missing, a SQLite extent (region-migrate makes them raw) or about to be
//          replaced by what it cannot become is refused: nothing was changed
//   2. each leaf directory synced         a .db that is gone stays gone
//   3. .copy and .completed removed, replacements put in place (region/staging.h)
//   4. every file synced, every slot decided (extent/raw_extent_writer.h)
//          a damaged extent is refused here; what was done to others, Crucible would have done
//   5. .db-wal and .db-shm beside raw extents removed, the directory synced
//          what an interrupted migration left; a crash leaves some of them
// The extents stay open, so that others see the region in use; the leases on them are given up, so
// that nobody waits for a service.
//
// Writing: each extent's part by itself, in ascending order, in the order of raw_extent_writer.h. A
// crash leaves any of them done or not.
//
// Flushing, all dirty extents up to a limit at once (clean ones are left alone, and keep the
// numbers of the last flush in which they were dirty):
//   posix  the first half of each; one sync; the second half of each; one sync
//   zfs    bits and metadata of each; one sync
// A crash leaves each extent flushed or dirty, and never flushed without its data. The flush is
// done when the last sync has succeeded; then what is scattered is defragmented.
// A sync that fails is final: see io/failed_sync.h.

#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libregion/extent/raw_extent_writer.h"
#include "libregion/region/region.h"

namespace libregion {

struct RegionWriterOptions {
  RawWriterOptions extents = {};
  std::uint64_t lock_wait_seconds = 0;
  const std::atomic<bool>* stop = nullptr;  // ends the waiting with Error (stopped)
};

// Neighbouring blocks, counted over the region. Data is a whole number of blocks, one context for
// each.
struct RegionWrite {
  std::uint64_t first_region_block = 0;
  ByteView data;
  std::span<const SentContext> contexts;
};

struct FlushNumbers {
  std::uint64_t gen_number = 0;
  std::uint64_t flush_number = 0;
};

// For one thread at a time.
class RegionWriter {
 public:
  // `file_system` must outlive the writer. Throws Error: not_a_region, in_use, stopped; failed
  // where the region cannot be served.
  static std::unique_ptr<RegionWriter> open(FileSystem& file_system, const std::string& path,
                                            const RegionWriterOptions& options);

  [[nodiscard]] const RegionDefinition& definition() const { return region_.definition; }
  [[nodiscard]] std::uint64_t block_count() const;
  [[nodiscard]] const RawExtentWriter& extent(ExtentId extent) const;

  // Throws Error where the blocks are not in the region, or a hash is not that of its data; then
  // nothing was written.
  void write(const RegionWrite& write, WriteMode mode = WriteMode::always);

  // Reads blocks into `data`, a whole number of blocks, and their contexts: nullopt for a block
  // that was never written.
  std::vector<std::optional<BlockContext>> read(std::uint64_t first_region_block,
                                                MutableByteView data);

  // Extents beyond the limit stay as they are.
  void flush(const FlushNumbers& numbers, std::optional<ExtentId> extent_limit = std::nullopt);

 private:
  // What of a range of the region is in one extent.
  struct Part {
    RawExtentWriter* extent = nullptr;
    BlockRange blocks;
    std::uint64_t first_index = 0;  // of its blocks among those of the range
  };

  RegionWriter(Region region, std::vector<std::unique_ptr<RawExtentWriter>> extents)
      : region_(std::move(region)), extents_(std::move(extents)) {}

  [[nodiscard]] std::vector<Part> parts_of(std::uint64_t first_region_block,
                                           std::uint64_t data_bytes) const;
  [[nodiscard]] std::vector<RawExtentWriter*> dirty_extents(std::uint64_t extent_count) const;
  void sync(const std::vector<RawExtentWriter*>& extents);

  Region region_;
  std::vector<std::unique_ptr<RawExtentWriter>> extents_;  // by their numbers
};

}  // namespace libregion
