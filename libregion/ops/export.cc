#include "libregion/ops/export.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/paths.h"
#include "libregion/ops/export_extent.h"

namespace libregion {
namespace {

// The whole walk ends where one extent does.
struct Ended {};

// Shows the records what they want, in the order of the extents, before it passes it on.
class RecordingReporter : public Reporter {
 public:
  RecordingReporter(ExportRecords* records, Reporter& inner) : records_(records), inner_(inner) {}
  void extent(const ExtentRecord& record) override {
    if (records_ != nullptr) records_->add(record);
    inner_.extent(record);
  }
  void finding(const Finding& finding) override { inner_.finding(finding); }
  void block(const BlockReport& report) override { records_->add(report); }
  void record(const OtherRecord& record) override { inner_.record(record); }

 private:
  ExportRecords* records_;
  Reporter& inner_;
};

ByteRange wanted_range(const RegionDefinition& definition, const ExportOptions& options) {
  // At most 2^32 extents of 2^29 bytes: the product fits.
  const std::uint64_t size_bytes = options.walk.extents.count_of(definition.extent_count) *
                                   definition.geometry.extent_data_bytes();
  if (options.offset_bytes > size_bytes) {
    throw Error(ErrorKind::usage, fmt::format("the image has {} bytes, none at {}", size_bytes,
                                              options.offset_bytes));
  }
  const std::uint64_t rest_bytes = size_bytes - options.offset_bytes;
  if (options.length_bytes.value_or(0) > rest_bytes) {
    throw Error(ErrorKind::usage,
                fmt::format("the image has {} bytes, not {} from {} on", size_bytes,
                            *options.length_bytes, options.offset_bytes));
  }
  return {options.offset_bytes, options.length_bytes.value_or(rest_bytes)};
}

class Export {
 public:
  Export(const Region& region, ImageTarget& image, const ExportOptions& options, Reporter& reporter)
      : region_(region),
        image_(image),
        options_(options),
        reporter_(options.records, reporter),
        extent_bytes_(region.definition.geometry.extent_data_bytes()),
        range_(wanted_range(region.definition, options)) {}

  ExportSummary run() {
    require_other_file();
    image_.start(range_.length_bytes);
    if (options_.records != nullptr) {
      options_.records->begin(region_.definition, {options_.walk.extents, range_});
    }
    if (range_.length_bytes > 0) walk();
    if (total_.is_whole()) finish();
    return total_;
  }

 private:
  // Standard output may be anything.
  void require_other_file() const {
    const auto written = image_.identity();
    if (!written || !has_file_below(*region_.root, *written)) return;
    throw Error(ErrorKind::usage,
                fmt::format("'{}': the image would be written over the region", region_.path));
  }

  void walk() {
    const std::uint64_t first = range_.offset_bytes / extent_bytes_;
    const std::uint64_t last = (range_.end_bytes() - 1) / extent_bytes_;
    WalkOptions walk = options_.walk;
    walk.extents = walk.extents.slice(first, last - first + 1, region_.definition.extent_count);
    if (!image_.is_seekable()) walk.go_in_order();
    if (options_.progress != nullptr) {
      options_.progress->start(last - first + 1, range_.length_bytes);
    }
    try {
      const bool finished = walk_extents(
          region_, walk, reporter_,
          [&](const Leaf& leaf, ExtentId extent, Reporter& turn) { visit(leaf, extent, turn); });
      if (!finished) total_.stopped = true;
    } catch (const Ended&) {
      // The summary says why.
    }
  }

  void visit(const Leaf& leaf, ExtentId extent, Reporter& turn) {
    const ExportSummary part =
        export_extent(region_, leaf, extent, place_of(extent), image_, options_, is_ended_, turn);
    if (options_.progress != nullptr) options_.progress->advance(1, 0);
    {
      const std::lock_guard lock(mutex_);
      add(part);
    }
    if (part.is_whole()) return;
    is_ended_ = true;
    throw Ended{};
  }

  [[nodiscard]] ExtentPlace place_of(ExtentId extent) const {
    const std::uint64_t begin = options_.walk.extents.count_of(extent.value) * extent_bytes_;
    const std::uint64_t first = std::max(begin, range_.offset_bytes);
    const std::uint64_t end = std::min(begin + extent_bytes_, range_.end_bytes());
    return {{first - begin, end - first}, first - range_.offset_bytes};
  }

  void add(const ExportSummary& part) {
    total_.extent_count += part.extent_count;
    total_.block_count += part.block_count;
    total_.bad_count += part.bad_count;
    total_.image_bytes += part.image_bytes;
    total_.data_bytes += part.data_bytes;
    total_.has_io_errors |= part.has_io_errors;
    total_.has_changed |= part.has_changed;
    total_.ended_at_bad |= part.ended_at_bad;
    // An extent that was left because another one ended the export was not stopped by anyone.
    total_.stopped |= part.stopped && !is_ended_;
  }

  void finish() {
    if (options_.records != nullptr) options_.records->end();
    try {
      make_durable();
    } catch (const SystemError&) {
      // A failed sync is final: whatever the others are, they stay as they are.
      image_.leave();
      if (options_.records != nullptr) options_.records->leave();
      throw;
    }
  }

  void make_durable() {
    if (options_.records != nullptr) options_.records->sync();
    image_.sync();
    if (options_.records != nullptr) options_.records->commit();
    image_.commit();
  }

  const Region& region_;
  ImageTarget& image_;
  const ExportOptions& options_;
  RecordingReporter reporter_;
  std::uint64_t extent_bytes_;
  ByteRange range_;
  std::atomic<bool> is_ended_{false};
  std::mutex mutex_;
  ExportSummary total_;
};

}  // namespace

std::uint64_t exported_bytes(const RegionDefinition& definition, const ExportOptions& options) {
  return wanted_range(definition, options).length_bytes;
}

ExportSummary export_region(const Region& region, ImageTarget& image, const ExportOptions& options,
                            Reporter& reporter) {
  return Export(region, image, options, reporter).run();
}

}  // namespace libregion
