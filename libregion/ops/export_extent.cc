#include "libregion/ops/export_extent.h"

#include <algorithm>
#include <iterator>

#include "libregion/base/text.h"
#include "libregion/extent/chunk.h"
#include "libregion/extent/open_extent.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/image_writer.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

bool is_error(const Finding& finding) {
  return finding_info(finding.id).severity == Severity::error;
}

class ExtentExport {
 public:
  ExtentExport(const Region& region, const Leaf& leaf, ExtentId extent, const ExtentPlace& place,
               ImageTarget& image, const ExportOptions& options, const std::atomic<bool>& is_ended,
               Reporter& reporter)
      : region_(region),
        geometry_(region.definition.geometry),
        leaf_(leaf),
        extent_(extent),
        place_(place),
        image_(image),
        options_(options),
        is_ended_(is_ended),
        reporter_(reporter),
        writer_(image, {place.source, place.target_offset_bytes},
                options.records != nullptr && options.records->wants_hashes()) {
    summary_.extent_count = 1;
    summary_.image_bytes = place.source.length_bytes;
  }

  ExportSummary run() {
    open();
    if (goes_on()) copy();
    report();
    return summary_;
  }

 private:
  // ---- what is wrong ----------------------------------------------------------------------------

  // Of the extent as a whole, or of what cannot be read of it.
  void hold(Finding finding) {
    if (is_error(finding) && options_.on_bad == OnBad::stop) summary_.ended_at_bad = true;
    held_.push_back(std::move(finding));
  }
  void hold(std::vector<Finding> findings) {
    for (Finding& finding : findings) hold(std::move(finding));
  }

  [[nodiscard]] Finding finding_of(FindingId id) const {
    return Finding{id, extent_, extent_path(extent_)};
  }

  // Neighbouring blocks that cannot be read for the same reason are one finding.
  void hold_unreadable(std::uint64_t block, const Error& error) {
    summary_.has_io_errors = true;
    const FindingId id = unreadable_finding_id(error);
    if (!held_.empty() && held_.back().id == id && held_.back().blocks &&
        held_.back().blocks->end() == block) {
      ++held_.back().blocks->count;
      held_.back().length_bytes += geometry_.block_size_bytes();
      return;
    }
    Finding finding = finding_of(id);
    finding.blocks = BlockRange{block, 1};
    finding.offset_bytes = geometry_.block_offset_bytes(block);
    finding.length_bytes = geometry_.block_size_bytes();
    finding.found = error.what();
    hold(std::move(finding));
  }

  [[nodiscard]] bool goes_on() {
    const bool is_stopped = options_.walk.stop != nullptr && *options_.walk.stop;
    if (is_stopped || is_ended_ || image_.is_closed()) summary_.stopped = true;
    return summary_.is_whole();
  }

  // ---- opening ----------------------------------------------------------------------------------

  void open() {
    if (leaf_.is_unreadable()) {
      // The finding of the directory has said it.
      summary_.has_io_errors = true;
      summary_.ended_at_bad = options_.on_bad == OnBad::stop;
      return;
    }
    const ExtentParts parts = leaf_.parts_of(extent_);
    hold(pending_findings(extent_, parts));
    if (!parts.has(ExtentPart::data) && !parts.has(ExtentPart::db)) {
      hold(finding_of(FindingId::missing_extent));
      return;
    }
    try {
      OpenedExtent opened = open_extent(*leaf_.directory(), extent_, parts, geometry_,
                                        [&](File& file) { region_.use->claim_with_holes(file); });
      reader_ = std::move(opened.reader);
      files_ = std::move(opened.files);
      hold(std::move(opened.findings));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      summary_.has_io_errors = true;
      Finding finding = finding_of(unreadable_finding_id(error));
      finding.found = error.what();
      hold(std::move(finding));
    }
    if (reader_ != nullptr && reader_->metadata() && reader_->metadata()->dirty) {
      hold(finding_of(FindingId::dirty_extent));
    }
  }

  // Whether anything but the data is of interest.
  [[nodiscard]] bool needs_reader() const { return options_.check || wants_contexts(); }
  [[nodiscard]] bool wants_contexts() const {
    return options_.records != nullptr && options_.records->wants_contexts();
  }

  // The data file without its contexts; nullptr where it has none, or none in a known place.
  [[nodiscard]] const File* data_file() const {
    if (reader_ != nullptr) return reader_->files().front();
    const bool is_unknown = std::any_of(held_.begin(), held_.end(), [](const Finding& finding) {
      return finding.id == FindingId::unknown_version;
    });
    if (is_unknown) return nullptr;
    const std::string name = "/" + extent_file_name(extent_);
    const auto found = std::find_if(files_.begin(), files_.end(),
                                    [&](const auto& file) { return file->path().ends_with(name); });
    return found == files_.end() ? nullptr : found->get();
  }

  // ---- copying ----------------------------------------------------------------------------------

  void copy() {
    const std::uint32_t shift = geometry_.shift();
    const std::uint64_t first = place_.source.offset_bytes >> shift;
    const std::uint64_t end =
        (place_.source.end_bytes() + geometry_.block_size_bytes() - 1) >> shift;
    std::uint64_t readable = 0;
    const File* file = data_file();
    if (reader_ != nullptr && needs_reader()) {
      readable = std::clamp(reader_->readable_blocks(), first, end);
      copy_checked(first, readable);
    } else if (file != nullptr && (reader_ != nullptr || options_.on_bad == OnBad::keep)) {
      readable = std::clamp(file->status().size_bytes >> shift, first, end);
      copy_plain(*file, first, readable);
    }
    if (!goes_on()) return;
    const std::uint64_t copied = std::max(readable, first);
    summary_.bad_count += end - copied;
    writer_.zeros({copied << shift, (end - copied) << shift});
    advance(end - copied);
    summary_.block_count = end - first;
  }

  // Chunk by chunk, so that the data of all blocks visited is still there when it is written.
  void copy_checked(std::uint64_t next, std::uint64_t end) {
    BlockCheck check(region_.definition, extent_, *reader_, CheckDepth::everything);
    const BlockChunk chunk(geometry_);
    while (next < end && goes_on()) {
      if (const auto unwritten = reader_->count_unwritten({next, end - next})) {
        writer_.zeros({next << geometry_.shift(), unwritten << geometry_.shift()});
        advance(unwritten);
        next += unwritten;
        continue;
      }
      const BlockRange now{next, chunk.blocks_of({next, end - next})};
      if (copy_blocks(now, check)) copy_one_by_one(now, check);
      hold_block_findings(check);
      advance(now.count);
      next = now.end();
    }
  }

  // Returns why they could not be read; none of them was visited then.
  std::optional<Error> copy_blocks(BlockRange range, BlockCheck& check) {
    try {
      reader_->read_blocks(range, [&](const BlockRecord& record) { visit(record, check); });
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      return error;
    }
    writer_.flush();
    return std::nullopt;
  }

  // So that one bad sector hides no more than its own block.
  void copy_one_by_one(BlockRange range, BlockCheck& check) {
    for (std::uint64_t block = range.first; block < range.end() && goes_on(); ++block) {
      const auto unread = copy_blocks({block, 1}, check);
      if (!unread) continue;
      hold_block_findings(check);
      hold_unreadable(block, *unread);
      ++summary_.bad_count;
      writer_.zeros(range_of(block));
    }
  }

  void visit(const BlockRecord& record, BlockCheck& check) {
    if (summary_.ended_at_bad) return;
    const bool is_good = !options_.check || check.check(record);
    if (!is_good) ++summary_.bad_count;
    if (!is_good && options_.on_bad == OnBad::stop) {
      summary_.ended_at_bad = true;
    } else if (!is_good && options_.on_bad == OnBad::zero) {
      writer_.add_zeros(range_of(record.block));
    } else {
      writer_.add(range_of(record.block).offset_bytes, record.data);
      report_context(record);
    }
  }

  void report_context(const BlockRecord& record) {
    if (!wants_contexts() || record.context() == nullptr) return;
    // Of a block that is not in the image whole the context is of no use.
    const ByteRange range = range_of(record.block);
    const bool is_whole = range.offset_bytes >= place_.source.offset_bytes &&
                          range.end_bytes() <= place_.source.end_bytes();
    if (!is_whole) return;
    BlockReport report;
    report.extent = extent_;
    const std::string file = extent_path(extent_);
    report.file = file;
    report.block = record.block;
    report.region_block = geometry_.region_block(extent_, record.block);
    report.is_raw = reader_->format() == ExtentFormat::raw;
    report.slots = record.slots;
    report.selected = record.selected;
    report.data_hash = record.data_hash;
    reporter_.block(report);
  }

  // The data alone, from the stretches that hold any.
  void copy_plain(const File& file, std::uint64_t next, std::uint64_t end) {
    const ByteRange all{next << geometry_.shift(), (end - next) << geometry_.shift()};
    for (std::uint64_t from = all.offset_bytes; from < all.end_bytes() && goes_on();) {
      ByteRange data{from, all.end_bytes() - from};
      if (file.trusts_holes()) {
        data = file.next_data(from).value_or(ByteRange{all.end_bytes(), 0});
        // Whole blocks, so that what cannot be read is told by its block.
        const std::uint64_t mask = geometry_.block_size_bytes() - 1;
        const std::uint64_t data_end = std::min(all.end_bytes(), (data.end_bytes() + mask) & ~mask);
        const std::uint64_t data_begin = std::min(all.end_bytes(), data.offset_bytes & ~mask);
        data = {data_begin, data_end - data_begin};
      }
      writer_.zeros({from, data.offset_bytes - from});
      copy_data(file, data);
      advance((data.end_bytes() - from) >> geometry_.shift());
      from = data.end_bytes();
    }
  }

  void copy_data(const File& file, ByteRange data) {
    constexpr std::uint64_t copied_at_once_bytes = std::uint64_t{8} << 20;
    const bool copies = writer_.can_copy() && file.trusts_holes();
    const std::uint64_t part_bytes = copies ? copied_at_once_bytes : Bytes::size_type{512} << 10;
    for (std::uint64_t from = data.offset_bytes; from < data.end_bytes() && goes_on();) {
      const ByteRange now{from, std::min(part_bytes, data.end_bytes() - from)};
      if (!(copies && writer_.copy(file, now))) read_and_write(file, now);
      from = now.end_bytes();
    }
  }

  void read_and_write(const File& file, ByteRange range) {
    Bytes bytes(range.length_bytes);
    try {
      file.read(range.offset_bytes, bytes);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      const std::uint64_t block_bytes = geometry_.block_size_bytes();
      if (range.length_bytes > block_bytes) {
        for (std::uint64_t at = range.offset_bytes; at < range.end_bytes() && goes_on();
             at += block_bytes) {
          read_and_write(file, {at, block_bytes});
        }
        return;
      }
      hold_unreadable(range.offset_bytes >> geometry_.shift(), error);
      ++summary_.bad_count;
      if (options_.on_bad != OnBad::stop) writer_.zeros(range);
      return;
    }
    writer_.add(range.offset_bytes, bytes);
    writer_.flush();
  }

  [[nodiscard]] ByteRange range_of(std::uint64_t block) const {
    return {geometry_.block_offset_bytes(block), geometry_.block_size_bytes()};
  }

  void advance(std::uint64_t block_count) {
    if (options_.progress == nullptr) return;
    options_.progress->advance(0, block_count << geometry_.shift());
  }

  // ---- reporting --------------------------------------------------------------------------------

  void hold_block_findings(BlockCheck& check) {
    // What they end, visit() has ended.
    std::vector<Finding> findings = check.take_findings();
    std::move(findings.begin(), findings.end(), std::back_inserter(held_));
  }

  [[nodiscard]] bool was_opened_by_others() const {
    const auto is_broken = [](const auto& file) { return file->lease_is_broken(); };
    if (std::any_of(files_.begin(), files_.end(), is_broken)) return true;
    if (reader_ == nullptr) return false;
    const auto files = reader_->files();
    return std::any_of(files.begin(), files.end(), is_broken);
  }

  void report() {
    if (was_opened_by_others()) {
      summary_.has_changed = true;
      held_ = {finding_of(FindingId::changed_while_read)};
    }
    for (const Finding& finding : held_) reporter_.finding(finding);
    summary_.data_bytes = writer_.data_bytes();
    ExtentRecord record{extent_, extent_path(extent_), "unknown"};
    if (reader_ != nullptr) {
      record.format = format_name(reader_->format());
      record.metadata = reader_->metadata();
    }
    record.fields = {{"image_offset", place_.target_offset_bytes},
                     {"bytes", place_.source.length_bytes},
                     {"data_bytes", summary_.data_bytes},
                     {"bad", summary_.bad_count},
                     {"findings", std::uint64_t{held_.size()}}};
    if (const auto hash = writer_.hash()) record.fields.push_back({"xxh64", hash_text(*hash)});
    reporter_.extent(record);
  }

  const Region& region_;
  const Geometry geometry_;
  const Leaf& leaf_;
  ExtentId extent_;
  ExtentPlace place_;
  ImageTarget& image_;
  const ExportOptions& options_;
  const std::atomic<bool>& is_ended_;
  Reporter& reporter_;
  ImageWriter writer_;
  std::unique_ptr<ExtentReader> reader_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<Finding> held_;
  ExportSummary summary_;
};

}  // namespace

ExportSummary export_extent(const Region& region, const Leaf& leaf, ExtentId extent,
                            const ExtentPlace& place, ImageTarget& image,
                            const ExportOptions& options, const std::atomic<bool>& is_ended,
                            Reporter& reporter) {
  return ExtentExport(region, leaf, extent, place, image, options, is_ended, reporter).run();
}

}  // namespace libregion
