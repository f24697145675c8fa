// A region of raw extents at work, at "/r": written and flushed through one writer as the service
// does that serves it (region/region_writer.h), killed and opened again, step by step; what it has
// promised of each extent is kept along.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libregion/region/region_writer.h"
#include "tests/crash/extent_session.h"

namespace libregion {

enum class ServiceStep : std::uint8_t {
  write_1,           // in the middle of the second extent
  write_3,           // from the first extent into the second
  write_10,          // over as many extents as that takes
  write_straddling,  // blocks of the last extent whose slots lie in two sectors
  write_unwritten,   // all blocks, only where nothing was written
  rewrite,           // what was written last
  flush,
  flush_first,  // up to the first extent
  kill,         // what was written can still be read, and nothing makes it durable
  kill_flush,   // the same in a flush, when the first extents are clean and nobody was told
};
inline constexpr std::array service_steps = {ServiceStep::write_1,
                                             ServiceStep::write_3,
                                             ServiceStep::write_10,
                                             ServiceStep::write_straddling,
                                             ServiceStep::write_unwritten,
                                             ServiceStep::rewrite,
                                             ServiceStep::flush,
                                             ServiceStep::flush_first,
                                             ServiceStep::kill,
                                             ServiceStep::kill_flush};
std::string_view service_step_name(ServiceStep step);

struct ServiceShape {
  Geometry geometry;
  std::uint32_t extent_count = 3;
  [[nodiscard]] std::uint64_t block_count() const {
    return extent_count * geometry.extent_size_blocks();
  }
};

class ServiceSession {
 public:
  // Every extent is at first as an extent by itself is.
  ServiceSession(const ServiceShape& shape, ExtentStart start, const ExtentProtocol& protocol);
  // Goes on with what a crash has left, of which this is promised.
  struct Left {
    std::unique_ptr<MemoryFileSystem> disk;
    std::vector<ExtentPromise> promises;
  };
  ServiceSession(const ServiceShape& shape, ExtentStart start, const ExtentProtocol& protocol,
                 Left left);

  static std::string path_of(std::uint32_t extent);
  [[nodiscard]] const std::vector<ExtentPromise>& promises() const { return promises_; }
  [[nodiscard]] MemoryFileSystem& disk() { return *disk_; }

  // Called before each call of the step, with its number in the log, and once after the step.
  using Observe = std::function<void(std::uint64_t number)>;
  void run(ServiceStep step, const Observe& observe = nullptr);

  // What each sync of the log is for, by number, but for those of one extent's writer.
  [[nodiscard]] const std::vector<std::pair<std::uint64_t, std::string>>& labelled_syncs() const {
    return labelled_syncs_;
  }

 private:
  void perform(ServiceStep step);
  void before_call(ServiceStep step, std::uint64_t number, const Call& call);
  RegionWriter& writer();
  void write(BlockRange range, WriteMode mode);
  void promise(BlockRange range, const SentBlocks& sent, WriteMode mode);
  void flush(std::optional<ExtentId> limit);

  ServiceShape shape_;
  RawLayout layout_;
  RegionWriterOptions options_;
  std::unique_ptr<MemoryFileSystem> disk_;
  std::vector<ExtentPromise> promises_;
  std::unique_ptr<RegionWriter> writer_;
  bool is_encrypted_ = false;
  bool is_opening_ = false;
  bool has_cleared_dirty_ = false;  // in the flush that is going on
  std::uint64_t next_version_ = 2;
  std::uint64_t next_flush_ = 1;
  BlockRange last_range_;
  std::vector<std::pair<std::uint64_t, std::string>> labelled_syncs_;
};

// The steps that differ in a region of this shape.
std::vector<ServiceStep> steps_for(const ServiceShape& shape);

}  // namespace libregion
