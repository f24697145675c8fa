#include "libregion/ops/verify.h"

#include <mutex>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/extent_visit.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Findings of one extent that are held back until it is known that nobody changed it meanwhile.
constexpr std::size_t held_findings_max = 4096;

Finding extent_finding(FindingId id, ExtentId extent, ExtentPart part = ExtentPart::data) {
  return Finding{id, extent, extent_path(extent, part)};
}

// Verifies one extent.
class ExtentVerifier {
 public:
  ExtentVerifier(const Region& region, const VerifyOptions& options, const Leaf& leaf,
                 ExtentId extent, Reporter& reporter)
      : region_(region),
        options_(options),
        leaf_(leaf),
        extent_(extent),
        reporter_(reporter),
        parts_(leaf.parts_of(extent)) {}

  VerifySummary run() {
    summary_.extent_count = 1;
    if (leaf_.is_unreadable()) {
      // The finding of the directory has said it.
      summary_.has_io_errors = true;
      report();
      return summary_;
    }
    hold_pending();
    hold(stray_findings(extent_, parts_));
    try {
      open();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      report_unreadable(error);
    }
    if (reader_ != nullptr) check_blocks();
    report();
    return summary_;
  }

 private:
  void hold(std::vector<Finding> findings) {
    std::move(findings.begin(), findings.end(), std::back_inserter(held_));
  }

  // A replacement that Crucible would destroy the extent with is more than a pending one.
  void hold_pending() {
    hold(pending_findings(extent_, parts_));
    if (!parts_.has(ExtentPart::replace)) return;
    try {
      hold(check_replacement(*leaf_.directory(), extent_, parts_, region_.definition.geometry));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      report_unreadable(error);
    }
  }

  void open() {
    if (!parts_.has(ExtentPart::data) && !parts_.has(ExtentPart::db)) {
      hold({extent_finding(FindingId::missing_extent, extent_)});
      return;
    }
    OpenedExtent opened =
        open_extent(*leaf_.directory(), extent_, parts_, region_.definition.geometry,
                    [&](File& file) { region_.use->claim_with_holes(file); });
    hold(std::move(opened.findings));
    reader_ = std::move(opened.reader);
    unread_files_ = std::move(opened.files);
    if (reader_ == nullptr) return;
    if (reader_->metadata() && reader_->metadata()->dirty) {
      hold({extent_finding(FindingId::dirty_extent, extent_)});
    }
  }

  void report_unreadable(const Error& error) {
    summary_.has_io_errors = true;
    Finding finding = extent_finding(unreadable_finding_id(error), extent_);
    finding.found = error.what();
    hold({std::move(finding)});
  }

  void check_blocks() {
    reader_->want_views();
    BlockCheck check(region_.definition, extent_, *reader_, CheckDepth::everything);
    const std::uint64_t readable = reader_->readable_blocks();
    for (const BlockRange& range :
         options_.walk.blocks.in_extent(region_.definition.geometry, extent_)) {
      if (range.first >= readable) break;
      const std::uint64_t end = std::min(range.end(), readable);
      check_range(check, {range.first, end - range.first});
    }
    hold(check.take_findings());
    summary_.written_count = check.written_blocks();
    summary_.data_bytes = summary_.block_count << region_.definition.geometry.shift();
  }

  void check_range(BlockCheck& check, BlockRange range) {
    const auto visit = [&](const BlockRecord& record) {
      check.check(record);
      if (check.finding_count() >= held_findings_max) {
        hold(check.take_findings());
        pass_on_held();
      }
    };
    const auto skip = [&](std::uint64_t block, const Error& error) {
      summary_.has_io_errors = true;
      check.add_unreadable(block, error);
    };
    for_each_step(
        {range, region_.definition.geometry.shift(), options_.progress}, [&](BlockRange step) {
          const std::uint64_t unwritten = reader_->count_unwritten(step);
          if (unwritten == step.count) return;
          read_past_errors(*reader_, {step.first + unwritten, step.count - unwritten}, visit, skip);
        });
    summary_.block_count += range.count;
  }

  [[nodiscard]] bool was_opened_by_others() const {
    const auto is_broken = [](const auto& file) { return file->lease_is_broken(); };
    if (std::any_of(unread_files_.begin(), unread_files_.end(), is_broken)) return true;
    if (reader_ == nullptr) return false;
    const auto files = reader_->files();
    return std::any_of(files.begin(), files.end(), is_broken);
  }

  void pass_on_held() {
    if (was_opened_by_others()) {
      held_ = {extent_finding(FindingId::changed_while_read, extent_)};
      if (summary_.has_changed) held_.clear();
      summary_.has_changed = true;
    }
    for (const Finding& finding : held_) reporter_.finding(finding);
    reported_findings_ += held_.size();
    held_.clear();
  }

  void report() {
    pass_on_held();
    ExtentRecord record{extent_, extent_path(extent_), "unknown"};
    if (reader_ != nullptr) {
      record.format = format_name(reader_->format());
      record.metadata = reader_->metadata();
    }
    record.fields = {{"blocks", summary_.block_count},
                     {"written", summary_.written_count},
                     {"findings", reported_findings_}};
    reporter_.extent(record);
  }

  const Region& region_;
  const VerifyOptions& options_;
  const Leaf& leaf_;
  ExtentId extent_;
  Reporter& reporter_;
  ExtentParts parts_;
  std::unique_ptr<ExtentReader> reader_;
  std::vector<std::unique_ptr<File>> unread_files_;
  std::vector<Finding> held_;
  std::uint64_t reported_findings_ = 0;
  VerifySummary summary_;
};

}  // namespace

void add_to(VerifySummary& total, const VerifySummary& part) {
  total.extent_count += part.extent_count;
  total.block_count += part.block_count;
  total.written_count += part.written_count;
  total.data_bytes += part.data_bytes;
  total.has_io_errors |= part.has_io_errors;
  total.has_changed |= part.has_changed;
}

VerifySummary verify_region(const Region& region, const VerifyOptions& options,
                            Reporter& reporter) {
  VerifySummary total;
  std::mutex mutex;
  const bool finished = walk_extents(
      region, options.walk, reporter, [&](const Leaf& leaf, ExtentId extent, Reporter& turn) {
        const VerifySummary part = ExtentVerifier(region, options, leaf, extent, turn).run();
        if (options.progress != nullptr) options.progress->advance(1, 0);
        const std::lock_guard lock(mutex);
        add_to(total, part);
      });
  total.stopped = !finished;
  if (finished && options.walk.is_everything()) {
    report_surplus(region, reporter, total.has_io_errors);
  }
  return total;
}

}  // namespace libregion
