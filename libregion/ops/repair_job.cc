#include "libregion/ops/repair_job.h"

#include <algorithm>
#include <iterator>

#include "libregion/base/error.h"
#include "libregion/extent/extent_file.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/extent_visit.h"

namespace libregion {
namespace {

// A block as it would be after it was mended.
class MendedBlock {
 public:
  explicit MendedBlock(const BlockRecord& record) : record_(record) {}
  // The copy's views are of this object, or of what the record shows.
  MendedBlock(const MendedBlock&) = delete;
  MendedBlock& operator=(const MendedBlock&) = delete;

  [[nodiscard]] const BlockRecord& record() const { return record_; }

  void select_other() { record_.selected = 1 - *record_.selected; }
  void clear_from(std::size_t first_stray) {
    const std::size_t slot = *record_.selected;
    const SlotView found(record_.slot_bytes[slot]);
    std::copy(found.begin(), found.end(), slot_bytes_.begin());
    std::fill(slot_bytes_.begin() + static_cast<std::ptrdiff_t>(first_stray), slot_bytes_.end(),
              std::byte{0});
    record_.slot_bytes[slot] = slot_bytes_;
  }

 private:
  BlockRecord record_;
  std::array<std::byte, context_slot_bytes> slot_bytes_{};
};

class Examination {
 public:
  Examination(const Region& region, const Directory& leaf, Access access, RepairJob& job)
      : region_(region),
        geometry_(region.definition.geometry),
        layout_(region.definition.geometry),
        leaf_(leaf),
        access_(access),
        job_(job) {}

  void run() {
    try {
      open();
      if (job_.reader != nullptr) examine_blocks();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      job_.has_io_errors = true;
      keep(unreadable_finding(job_.extent, error));
    }
    if (job_.has_io_errors) forget_steps();
  }

 private:
  void keep(Finding finding) { job_.findings.push_back(std::move(finding)); }

  // What cannot be read whole is not changed.
  void forget_steps() {
    job_.patches.clear();
    job_.stray_logs.clear();
    job_.steps.clear();
  }

  // ---- the extent as a whole --------------------------------------------------------------------

  void open() {
    job_.format = format_of(job_.parts);
    if (!job_.parts.has(ExtentPart::data) && !job_.parts.has(ExtentPart::db)) {
      return keep(Finding{FindingId::missing_extent, job_.extent, extent_path(job_.extent)});
    }
    OpenedExtent opened = open_files();
    job_.reader = std::move(opened.reader);
    job_.files = std::move(opened.files);
    if (job_.reader != nullptr) job_.metadata = job_.reader->metadata();
    const bool is_sound = job_.reader != nullptr && !has_error(opened.findings);
    for (Finding& finding : opened.findings) {
      if (!mends(finding)) keep(std::move(finding));
    }
    if (job_.metadata && job_.metadata->dirty) {
      keep(Finding{FindingId::dirty_extent, job_.extent, extent_path(job_.extent)});
    }
    examine_stray_logs(is_sound);
  }

  OpenedExtent open_files() {
    const FileClaim claim = [&](File& file) { claim_with_holes(file); };
    if (job_.format == ExtentFormat::sqlite) {
      return open_extent(leaf_, job_.extent, job_.parts, geometry_, claim);
    }
    OpenedExtent opened;
    auto file =
        open_extent_file(leaf_, job_.extent, ExtentPart::data, access_, claim, opened.findings);
    if (file == nullptr) return opened;
    return RawExtent::open(std::move(file), geometry_, job_.extent, extent_path(job_.extent));
  }

  // What is to be changed was synced before it was opened: a sync that fails must not be taken for
  // damage of the extent.
  void claim_with_holes(File& file) const {
    if (access_ == Access::read) return region_.use->claim_with_holes(file);
    region_.use->claim(file);
    if (region_.use->check() == UseCheck::lease) file.trust_holes();
  }

  bool mends(const Finding& finding) {
    if (finding.id == FindingId::metadata_padding) {
      job_.steps.push_back({RepairKind::metadata_padding});
      job_.patches.push_back({*finding.offset_bytes, Bytes(finding.length_bytes)});
      return true;
    }
    if (finding.id == FindingId::unused_bits_set) {
      // With the bits of all blocks, see patch_bits.
      job_.steps.push_back({RepairKind::unused_bits});
      return true;
    }
    return false;
  }

  // Beside a raw extent that nothing is wrong with they are what an interrupted migration left.
  // Else they may be all that is left of a database.
  void examine_stray_logs(bool is_sound) {
    std::vector<Finding> findings = stray_findings(job_.extent, job_.parts);
    if (!is_sound) {
      for (Finding& finding : findings) keep(std::move(finding));
      return;
    }
    job_.stray_logs = plain_stray_logs(leaf_, job_);
    if (!job_.stray_logs.empty()) job_.steps.push_back({RepairKind::stray_log});
    for (Finding& finding : findings) {
      const bool is_removed = std::any_of(
          job_.stray_logs.begin(), job_.stray_logs.end(),
          [&](ExtentPart part) { return finding.file == extent_path(job_.extent, part); });
      if (!is_removed) keep(std::move(finding));
    }
  }

  // ---- its blocks -------------------------------------------------------------------------------

  [[nodiscard]] RawExtent* raw() const {
    return job_.format == ExtentFormat::raw ? static_cast<RawExtent*>(job_.reader.get()) : nullptr;
  }

  void examine_blocks() {
    BlockCheck check(region_.definition, job_.extent, *job_.reader, CheckDepth::everything);
    if (raw() != nullptr) bits_.emplace(raw()->active_slots());
    const auto visit = [&](const BlockRecord& record) { examine(record, check); };
    const auto skip = [&](std::uint64_t block, const Error& error) {
      job_.has_io_errors = true;
      check.add_unreadable(block, error);
    };
    for_each_step({{0, job_.reader->readable_blocks()}, geometry_.shift()}, [&](BlockRange step) {
      const std::uint64_t unwritten = job_.reader->count_unwritten(step);
      if (unwritten == step.count) return;
      read_past_errors(*job_.reader, {step.first + unwritten, step.count - unwritten}, visit, skip);
    });
    job_.looked_at_blocks = job_.reader->readable_blocks();
    for (Finding& finding : check.take_findings()) keep(std::move(finding));
    if (raw() != nullptr) patch_bits();
  }

  // The check is shown the block as it will be.
  void examine(const BlockRecord& record, BlockCheck& check) {
    MendedBlock mended(record);
    if (raw() != nullptr && record.selected) mend(record, mended);
    (void)check.check(mended.record());
  }

  void mend(const BlockRecord& record, MendedBlock& mended) {
    if (selects_wrong_slot(record)) {
      mended.select_other();
      bits_->set(record.block, record.selected == 0 ? ContextSlot::B : ContextSlot::A);
      add_block_step(job_.steps, RepairKind::selected_slot, record.block);
    }
    if (const auto stray = find_stray(mended.record())) {
      const ContextSlot array = *mended.record().selected == 0 ? ContextSlot::A : ContextSlot::B;
      job_.patches.push_back({layout_.slot_offset_bytes(array, record.block) + *stray,
                              Bytes(context_slot_bytes - *stray)});
      add_block_step(job_.steps, RepairKind::slot_padding, record.block);
      mended.clear_from(*stray);
    }
  }

  // Whether the bit alone is wrong: with the other slot selected nothing is.
  [[nodiscard]] bool selects_wrong_slot(const BlockRecord& record) const {
    const bool is_clean = job_.metadata && !job_.metadata->dirty;
    const std::size_t selected = *record.selected;
    if (!is_clean || record.matches(record.slots[selected]) ||
        !record.matches(record.slots[1 - selected])) {
      return false;
    }
    MendedBlock other(record);
    other.select_other();
    return BlockCheck(region_.definition, job_.extent, *job_.reader, CheckDepth::everything)
        .check(other.record());
  }

  static std::optional<std::size_t> find_stray(const BlockRecord& record) {
    const std::size_t slot = *record.selected;
    if (std::holds_alternative<BadSlot>(record.slots[slot])) return std::nullopt;
    return find_stray_byte(SlotView(record.slot_bytes[slot]));
  }

  // Only bytes that change are written.
  void patch_bits() {
    const bool mends_unused =
        std::any_of(job_.steps.begin(), job_.steps.end(),
                    [](const RepairStep& step) { return step.kind == RepairKind::unused_bits; });
    if (mends_unused) bits_->clear_unused_bits();
    const ByteView old_bits = raw()->active_slots().bytes();
    const ByteView new_bits = bits_->bytes();
    for (std::size_t i = 0; i < new_bits.size();) {
      if (old_bits[i] == new_bits[i]) {
        ++i;
        continue;
      }
      const std::size_t first = i;
      while (i < new_bits.size() && old_bits[i] != new_bits[i]) ++i;
      const ByteView run = new_bits.subspan(first, i - first);
      job_.patches.push_back({layout_.bits_offset_bytes() + first, Bytes(run.begin(), run.end())});
    }
  }

  const Region& region_;
  Geometry geometry_;
  RawLayout layout_;
  const Directory& leaf_;
  Access access_;
  RepairJob& job_;
  std::optional<ActiveSlots> bits_;  // as they will be
};

}  // namespace

std::string_view repair_name(RepairKind kind) {
  switch (kind) {
    case RepairKind::leftovers: return "leftovers";
    case RepairKind::replacement: return "replacement";
    case RepairKind::selected_slot: return "selected_slot";
    case RepairKind::unused_bits: return "unused_bits";
    case RepairKind::metadata_padding: return "metadata_padding";
    case RepairKind::slot_padding: return "slot_padding";
    case RepairKind::stray_log: return "stray_log";
    case RepairKind::block: return "block";
    case RepairKind::extent: return "extent";
    case RepairKind::forgotten: return "forgotten";
    case RepairKind::bad_rows: return "bad_rows";
    case RepairKind::metadata: return "metadata";
    case RepairKind::marked_dirty: return "marked_dirty";
  }
  assertion_failed("a known RepairKind", __FILE__, __LINE__);
}

std::string_view repair_text(RepairKind kind) {
  switch (kind) {
    case RepairKind::leftovers: return "what an interrupted repair left, removed";
    case RepairKind::replacement: return "the pending replacement, put in place";
    case RepairKind::selected_slot: return "the active-slot bit, corrected";
    case RepairKind::unused_bits: return "the unused active-slot bits, cleared";
    case RepairKind::metadata_padding: return "the padding of the metadata, cleared";
    case RepairKind::slot_padding: return "the bytes after the slot's value, cleared";
    case RepairKind::stray_log: return "a log without its database, removed";
    case RepairKind::block: return "data and context";
    case RepairKind::extent: return "built anew";
    case RepairKind::forgotten: return "made a block that was never written";
    case RepairKind::bad_rows: return "a row that cannot be a context, removed";
    case RepairKind::metadata: return "the metadata that was given";
    case RepairKind::marked_dirty: return "marked dirty, for Crucible to reconcile it";
  }
  assertion_failed("a known RepairKind", __FILE__, __LINE__);
}

void add_block_step(std::vector<RepairStep>& steps, RepairKind kind, std::uint64_t block) {
  const auto last = std::find_if(steps.rbegin(), steps.rend(),
                                 [&](const RepairStep& step) { return step.kind == kind; });
  if (last != steps.rend() && last->blocks->end() == block) {
    ++last->blocks->count;
  } else {
    steps.push_back({kind, BlockRange{block, 1}});
  }
}

std::vector<OpenPart> open_parts(const RepairJob& job) {
  std::vector<const File*> files;
  if (job.reader != nullptr) {
    files = job.reader->files();
  } else {
    for (const auto& file : job.files) files.push_back(file.get());
  }
  std::vector<OpenPart> parts;
  for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
    if (!job.parts.has(part)) continue;
    if (parts.size() == files.size()) return {};
    parts.push_back({part, files[parts.size()]});
  }
  return parts;
}

File& raw_data_file(const RepairJob& job) {
  LIBREGION_ASSERT(job.format == ExtentFormat::raw);
  if (job.reader != nullptr) return static_cast<RawExtent&>(*job.reader).data_file();
  return *job.files.front();
}

std::vector<ExtentPart> plain_stray_logs(const Directory& leaf, const RepairJob& job) {
  std::vector<ExtentPart> logs;
  for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
    if (job.format != ExtentFormat::raw || !job.parts.has(part)) continue;
    const auto status = leaf.status_of(extent_file_name(job.extent, part));
    if (status && status->kind == FileKind::regular && status->link_count == 1)
      logs.push_back(part);
  }
  return logs;
}

std::uint64_t damage_of(const RepairJob& job, const Geometry& geometry) {
  std::uint64_t damage = 0;
  for (const Finding& finding : job.findings) {
    if (finding_info(finding.id).severity != Severity::error) continue;
    damage += finding.blocks ? finding.blocks->count : 2 * geometry.extent_size_blocks();
  }
  return damage;
}

std::uint64_t trouble_of(const RepairJob& job, const Geometry& geometry) {
  std::uint64_t trouble = damage_of(job, geometry);
  for (const RepairStep& step : job.steps) trouble += step.blocks ? step.blocks->count : 1;
  return trouble;
}

void examine_for_repair(const Region& region, const Directory& leaf, Access access,
                        RepairJob& job) {
  Examination(region, leaf, access, job).run();
}

}  // namespace libregion
