#include "libregion/ops/block_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/format/extent_names.h"

namespace libregion {
namespace {

// Flush ids keep the low 16 bits of the flush number: only below this do they compare.
constexpr std::uint64_t flush_number_comparable_max = 65'535;

std::string describe_slot(const SlotValue& slot) {
  if (const auto* context = std::get_if<BlockContext>(&slot)) {
    return hash_text(context->on_disk_hash);
  }
  return std::holds_alternative<EmptySlot>(slot) ? "empty" : "bad";
}

std::string describe_slots(const BlockRecord& record) {
  constexpr std::size_t shown_max = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(shown_max, record.slots.size()); ++i) {
    const bool is_raw = !record.slot_bytes[0].empty();
    const std::string name = is_raw ? std::string(1, i == 0 ? 'A' : 'B') : fmt::format("row {}", i);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, describe_slot(record.slots[i]));
  }
  if (record.slots.size() > shown_max) {
    text += fmt::format(" and {} more", record.slots.size() - shown_max);
  }
  return text;
}

std::string describe_data(const BlockRecord& record) {
  return "data " + hash_text(record.data_hash);
}

}  // namespace

Finding bad_slot_finding(FindingId id, const SlotPlace& place, const BadSlot& bad) {
  Finding finding{id, place.extent, extent_path(place.extent)};
  finding.blocks = BlockRange{place.block, 1};
  finding.offset_bytes = place.offset_bytes;
  finding.length_bytes = context_slot_bytes;
  finding.expected = fmt::format("00 or 01 at byte {} of the slot", bad.offset_bytes);
  finding.found = fmt::format("{:02x}", bad.found);
  return finding;
}

BlockCheck::BlockCheck(const RegionDefinition& definition, ExtentId extent, ExtentReader& reader,
                       CheckDepth depth)
    : definition_(definition),
      extent_(extent),
      format_(reader.format()),
      metadata_(reader.metadata()),
      depth_(depth),
      layout_(definition.geometry),
      zero_block_(definition.geometry.block_size_bytes()) {
  if (depth == CheckDepth::everything) reader.want_integrity_hashes();
}

bool BlockCheck::check(const BlockRecord& record) {
  is_in_doubt_ = false;
  if (format_ == ExtentFormat::raw) {
    check_raw(record);
  } else {
    check_sqlite(record);
  }
  return !is_in_doubt_;
}

void BlockCheck::check_raw(const BlockRecord& record) {
  check_bad_slots(record);
  if (!record.selected) {
    ++written_blocks_;
    add_at_data(FindingId::no_matching_slot, record, describe_slots(record), describe_data(record));
    return;
  }
  check_selected_slot(record, *record.selected);
  check_slot_details(record, *record.selected);
}

void BlockCheck::check_selected_slot(const BlockRecord& record, std::size_t selected) {
  const SlotValue& slot = record.slots[selected];
  const std::size_t other = 1 - selected;
  const auto* context = std::get_if<BlockContext>(&slot);
  if (context != nullptr) ++written_blocks_;
  if (context != nullptr && record.matches(slot)) {
    check_context(record, *context);
  } else if (record.matches(record.slots[other])) {
    add_at_data(FindingId::wrong_selected_slot, record,
                fmt::format("slot {}", other == 0 ? 'A' : 'B'),
                fmt::format("slot {}, {}", selected == 0 ? 'A' : 'B', describe_slot(slot)));
  } else if (context != nullptr) {
    add_at_data(FindingId::no_matching_slot, record, describe_slots(record), describe_data(record));
  } else if (std::holds_alternative<EmptySlot>(slot) && !is_zero(record)) {
    add_at_data(FindingId::data_without_context, record, "zeros, or a context",
                fmt::format("{}; {}", describe_data(record), describe_slots(record)));
  }
}

void BlockCheck::check_bad_slots(const BlockRecord& record) {
  for (std::size_t i = 0; i < record.slots.size(); ++i) {
    const auto* bad = std::get_if<BadSlot>(&record.slots[i]);
    if (bad == nullptr) continue;
    const bool is_active = !record.selected || record.selected == i;
    const ContextSlot array = i == 0 ? ContextSlot::A : ContextSlot::B;
    add(bad_slot_finding(is_active ? FindingId::bad_active_slot : FindingId::bad_inactive_slot,
                         {extent_, record.block, layout_.slot_offset_bytes(array, record.block)},
                         *bad));
  }
}

void BlockCheck::check_slot_details(const BlockRecord& record, std::size_t selected) {
  if (std::holds_alternative<BadSlot>(record.slots[selected])) return;
  const SlotView bytes(record.slot_bytes[selected]);
  if (const auto stray = find_stray_byte(bytes)) {
    add_at_slot(FindingId::slot_stray_bytes, record, selected,
                fmt::format("zeros from byte {} of the slot", *stray),
                to_hex(bytes.subspan(*stray)));
  }
  const auto* context = std::get_if<BlockContext>(&record.slots[selected]);
  if (context == nullptr || !metadata_) return;
  const std::uint64_t flush_number = metadata_->flush_number;
  if (flush_number <= flush_number_comparable_max && context->flush_id > flush_number) {
    add_at_slot(FindingId::flush_id_ahead, record, selected,
                fmt::format("at most the flush number {}", flush_number),
                fmt::format("flush id {}", context->flush_id));
  }
}

void BlockCheck::check_sqlite(const BlockRecord& record) {
  if (record.slots.empty()) {
    if (depth_ == CheckDepth::everything && !is_zero(record)) {
      add_at_data(FindingId::data_without_context, record, "zeros, or a row",
                  describe_data(record));
    }
    return;
  }
  const BlockContext* context = record.context();
  if (context != nullptr && context->on_disk_hash == record.data_hash) {
    ++written_blocks_;
    if (depth_ == CheckDepth::everything) check_context(record, *context);
    return;
  }
  // Rows alone do not make a block written: they go in before the data. A clean extent with one
  // row is different: its data was there when it was flushed.
  const bool may_be_stale = !metadata_ || metadata_->dirty || record.slots.size() > 1;
  const bool is_stale = may_be_stale && is_zero(record);
  if (!is_stale) ++written_blocks_;
  add_at_data(is_stale ? FindingId::sqlite_stale_rows : FindingId::sqlite_no_matching_row, record,
              describe_slots(record), describe_data(record));
}

void BlockCheck::check_context(const BlockRecord& record, const BlockContext& context) {
  std::uint64_t expected = record.data_hash;
  if (context.encryption) {
    expected = record.integrity_hash ? *record.integrity_hash
                                     : integrity_hash(*context.encryption, record.data);
  }
  if (context.hash != expected) {
    add_at_data(FindingId::integrity_hash_mismatch, record, hash_text(expected),
                hash_text(context.hash));
  }
  if (context.encryption.has_value() != definition_.encrypted) {
    add_at_data(FindingId::context_kind_mismatch, record,
                definition_.encrypted ? "an encrypted block" : "a block that is not encrypted",
                definition_.encrypted ? "a block that is not encrypted" : "an encrypted block");
  }
}

bool BlockCheck::is_zero(const BlockRecord& record) const {
  return zero_block_.equals(record.data, record.data_hash);
}

void BlockCheck::add_unreadable(std::uint64_t block, const Error& error) {
  BlockRecord unread;
  unread.block = block;
  add_at_data(unreadable_finding_id(error), unread, "", error.what());
}

void BlockCheck::add_at_data(FindingId id, const BlockRecord& record, std::string expected,
                             std::string found) {
  Finding finding{id, extent_, extent_path(extent_)};
  finding.blocks = BlockRange{record.block, 1};
  finding.offset_bytes = definition_.geometry.block_offset_bytes(record.block);
  finding.length_bytes = definition_.geometry.block_size_bytes();
  finding.expected = std::move(expected);
  finding.found = std::move(found);
  add(std::move(finding));
}

void BlockCheck::add_at_slot(FindingId id, const BlockRecord& record, std::size_t slot,
                             std::string expected, std::string found) {
  const ContextSlot array = slot == 0 ? ContextSlot::A : ContextSlot::B;
  Finding finding{id, extent_, extent_path(extent_)};
  finding.blocks = BlockRange{record.block, 1};
  finding.offset_bytes = layout_.slot_offset_bytes(array, record.block);
  finding.length_bytes = context_slot_bytes;
  finding.expected = std::move(expected);
  finding.found = std::move(found);
  add(std::move(finding));
}

void BlockCheck::add(Finding finding) {
  // A slot that is not selected says nothing of the block as it is.
  if (finding.id != FindingId::bad_inactive_slot &&
      finding_info(finding.id).severity == Severity::error) {
    is_in_doubt_ = true;
  }
  // What one finding ends with is where the same finding of the next block begins.
  const auto open = open_ranges_.find({finding.id, *finding.offset_bytes});
  std::size_t index = findings_.size();
  const bool goes_on =
      open != open_ranges_.end() && findings_[open->second].blocks->end() == finding.blocks->first;
  const std::uint64_t end_bytes = *finding.offset_bytes + finding.length_bytes;
  const FindingId id = finding.id;
  if (goes_on) {
    index = open->second;
    findings_[index].blocks->count += finding.blocks->count;
    findings_[index].length_bytes += finding.length_bytes;
    open_ranges_.erase(open);
  } else {
    findings_.push_back(std::move(finding));
  }
  open_ranges_[{id, end_bytes}] = index;
}

std::vector<Finding> BlockCheck::take_findings() {
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& left, const Finding& right) {
                     return left.blocks->first < right.blocks->first;
                   });
  open_ranges_.clear();
  return std::exchange(findings_, {});
}

}  // namespace libregion
