#include "libregion/ops/extent_visit.h"

#include <algorithm>
#include <mutex>

#include "libregion/extent/open_extent.h"

namespace libregion {
namespace {

// After a chunk that could not be read, so many blocks are tried one by one.
constexpr std::uint64_t single_blocks_max = 1024;
// So much of an extent is read before its progress is told.
constexpr std::uint64_t watched_step_bytes = std::uint64_t{8} << 20;

}  // namespace

void read_past_errors(ExtentReader& reader, BlockRange range,
                      const std::function<void(const BlockRecord&)>& visit,
                      const std::function<void(std::uint64_t block, const Error&)>& skip) {
  std::uint64_t next = range.first;
  // What the visit throws is no failure to read.
  bool visit_failed = false;
  const auto count_and_visit = [&](const BlockRecord& record) {
    visit_failed = true;
    visit(record);
    visit_failed = false;
    next = record.block + 1;
  };
  // Returns the end of the blocks that are to be tried one by one.
  const auto read = [&](BlockRange now) {
    try {
      reader.read_blocks(now, count_and_visit);
      return next;
    } catch (const Error& error) {
      if (visit_failed || error.kind() != ErrorKind::failed) throw;
      if (now.count == 1) skip(next++, error);
      return std::min(range.end(), next + single_blocks_max);
    }
  };
  while (next < range.end()) {
    const std::uint64_t single_end = read({next, range.end() - next});
    while (next < single_end) (void)read({next, 1});
  }
}

void for_each_step(const WatchedRange& range, const std::function<void(BlockRange)>& read) {
  const std::uint64_t step_blocks = watched_step_bytes >> range.shift;
  const std::uint64_t end = range.blocks.end();
  for (std::uint64_t next = range.blocks.first; next < end;) {
    const BlockRange step{next, std::min(end - next, step_blocks)};
    read(step);
    if (range.progress != nullptr) range.progress->advance(0, step.count << range.shift);
    next = step.end();
  }
}

void VisitTotals::add(const VisitTotals& part) {
  extent_count += part.extent_count;
  block_count += part.block_count;
  read_bytes += part.read_bytes;
  has_io_errors |= part.has_io_errors;
  has_changed |= part.has_changed;
}

void ExtentVisit::add_read(std::uint64_t length_bytes) {
  totals_.read_bytes += length_bytes;
  if (progress_ != nullptr) progress_->advance(0, length_bytes);
}

void ExtentVisit::report(FindingId id, std::string found) {
  Finding finding{id, extent_, extent_path(extent_)};
  finding.found = std::move(found);
  report({finding});
}

void ExtentVisit::report(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) reporter_.finding(finding);
  finding_count_ += findings.size();
}

bool ExtentVisit::can_be_opened() {
  if (leaf_.is_unreadable()) {
    // The finding of the directory has said it.
    totals_.has_io_errors = true;
    return false;
  }
  if (parts().has(ExtentPart::data) || parts().has(ExtentPart::db)) return true;
  report(FindingId::missing_extent);
  return false;
}

ExtentReader* ExtentVisit::open() {
  if (!can_be_opened()) return nullptr;
  OpenedExtent opened;
  guard([&] {
    opened = open_extent(*leaf_.directory(), extent_, parts(), region_.definition.geometry,
                         [&](File& file) { region_.use->claim_with_holes(file); });
  });
  report(opened.findings);
  reader_ = std::move(opened.reader);
  files_ = std::move(opened.files);
  if (reader_ != nullptr && reader_->metadata() && reader_->metadata()->dirty) {
    report(FindingId::dirty_extent);
  }
  return reader_.get();
}

const File* ExtentVisit::open_raw_file() {
  if (!can_be_opened()) return nullptr;
  ExtentSummary summary;
  guard([&] {
    summary = read_extent_summary(*leaf_.directory(), extent_, parts(), region_.definition.geometry,
                                  [&](File& file) { region_.use->claim(file); });
  });
  report(summary.findings);
  files_ = std::move(summary.files);
  const bool is_raw = format_of(parts()) == ExtentFormat::raw;
  return is_raw && !files_.empty() ? files_.front().get() : nullptr;
}

void ExtentVisit::guard(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    totals_.has_io_errors = true;
    report(unreadable_finding_id(error), error.what());
  }
}

void ExtentVisit::report_extent(std::vector<ReportField> fields) {
  ExtentRecord record{extent_, extent_path(extent_), "unknown"};
  if (reader_ != nullptr) {
    record.format = format_name(reader_->format());
    record.metadata = reader_->metadata();
  }
  record.fields = std::move(fields);
  record.fields.push_back({"findings", finding_count_});
  reporter_.extent(record);
}

void ExtentVisit::check_lease() {
  const auto is_broken = [](const auto& file) { return file->lease_is_broken(); };
  bool was_opened = std::any_of(files_.begin(), files_.end(), is_broken);
  if (reader_ != nullptr) {
    const auto files = reader_->files();
    was_opened |= std::any_of(files.begin(), files.end(), is_broken);
  }
  if (!was_opened) return;
  totals_.has_changed = true;
  report(FindingId::changed_while_read);
}

VisitTotals visit_extents(const Region& region, const WalkOptions& walk, Progress* progress,
                          Reporter& reporter, const std::function<void(ExtentVisit&)>& visit) {
  VisitTotals total;
  std::mutex mutex;
  const bool finished =
      walk_extents(region, walk, reporter, [&](const Leaf& leaf, ExtentId extent, Reporter& turn) {
        ExtentVisit one(region, leaf, extent, turn, progress);
        visit(one);
        one.check_lease();
        if (progress != nullptr) progress->advance(1, 0);
        const std::lock_guard lock(mutex);
        total.add(one.totals());
      });
  total.stopped = !finished;
  return total;
}

}  // namespace libregion
