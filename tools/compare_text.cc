#include "tools/compare_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/text.h"

namespace region_tools {
namespace {

using libregion::BadSlot;
using libregion::BlockComparison;
using libregion::BlockContext;
using libregion::BlockState;
using libregion::DumpRow;
using libregion::EmptySlot;
using libregion::ReplicaBlock;
using libregion::ReplicaExtent;
using libregion::ReplicaState;
using libregion::SlotValue;

// More rows of a database than this are not shown in a row's cell.
constexpr std::size_t shown_rows_max = 8;
constexpr std::size_t cell_width = 3;

std::string_view state_text(BlockState state) {
  switch (state) {
    case BlockState::valid: return "";
    case BlockState::unwritten: return "never written";
    case BlockState::wrong_slot: return "wrong slot selected";
    case BlockState::integrity_mismatch: return "bad integrity hash";
    case BlockState::no_match: return "no context matches";
    case BlockState::data_without_context: return "data, no context";
    case BlockState::unreadable: return "unreadable";
    case BlockState::absent: break;
  }
  return "nothing there";
}

char slot_sign(const ReplicaBlock& block, const SlotValue& slot) {
  if (std::holds_alternative<EmptySlot>(slot)) return '.';
  if (std::holds_alternative<BadSlot>(slot)) return 'x';
  return block.record.matches(slot) ? '=' : '!';
}

std::string range_text(libregion::BlockRange blocks) {
  if (blocks.count == 1) return fmt::format("{}", blocks.first);
  return fmt::format("{}-{}", blocks.first, blocks.end() - 1);
}

bool is_quiet_row(const BlockComparison& comparison) {
  return !comparison.differs() && comparison.is_sound();
}

std::string extent_text(const ReplicaExtent& extent) {
  if (extent.state == ReplicaState::missing) return "missing";
  if (extent.format == "unknown") return "unreadable";
  if (!extent.metadata) return fmt::format("{:<6}  damaged", extent.format);
  return fmt::format("{:<6}  gen {} flush {}{}", extent.format, extent.metadata->gen_number,
                     extent.metadata->flush_number, extent.metadata->dirty ? " dirty" : "");
}

}  // namespace

std::string CompareText::legend() {
  return "DATA: equal letters are equal data, A is what most have; - nothing, ? unreadable\n"
         "SLOTS: the selected slot (small: dirty), then A and B, or a database's rows:\n"
         "       = matches the data, ! does not, . empty, x damaged; #: flush id\n";
}

std::string CompareText::head(const DumpRow& row) {
  dirty_.clear();
  std::vector<std::string> texts;
  std::size_t width = 0;
  for (const ReplicaExtent& extent : row.replicas) {
    dirty_.push_back(extent.metadata && extent.metadata->dirty);
    texts.push_back(extent_text(extent));
    width = std::max(width, texts.back().size());
  }
  const std::uint64_t first = row.extent.value * shape_.extent_size_blocks;
  std::string text =
      fmt::format("\nextent {} ({}): blocks 0-{} are {}-{} of the region{}\n", row.extent.value,
                  extent_path(row.extent), shape_.extent_size_blocks - 1, first,
                  first + shape_.extent_size_blocks - 1, row.differs() ? " <---" : "");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    text += fmt::format("  {}  {:<{}}  {}\n", i, texts[i], width,
                        libregion::printable(shape_.names[i]));
  }
  return text + fmt::format("{:>{}}  {:<{}}  SLOTS\n", "BLOCKS", blocks_width(), "DATA",
                            std::max<std::size_t>(4, 2 * texts.size() - 1));
}

std::string CompareText::blocks(const BlockComparison& comparison) const {
  std::string text = fmt::format("{:>{}}  ", range_text(comparison.blocks), blocks_width());
  text += letters(comparison) + "  ";
  if (is_quiet_row(comparison)) {
    const bool is_written = comparison.replicas.front().state == BlockState::valid;
    text += is_written ? "equal\n" : "equal, never written\n";
  } else {
    text += slots(comparison);
    const std::string_view mark = comparison.is_lost()    ? "<--- lost"
                                  : comparison.is_sound() ? "<---"
                                                          : "<--- damaged";
    text += "  " + colored(std::string(mark), false) + "\n";
  }
  const bool has_details = !is_quiet_row(comparison) || shape_.shows_all;
  return has_details ? text + details(comparison) : text;
}

std::string CompareText::letters(const BlockComparison& comparison) const {
  std::string text;
  for (const char letter : comparison.letters) {
    if (!text.empty()) text += ' ';
    const std::string cell(1, letter);
    text += comparison.data_differs ? colored(cell, letter == 'A') : cell;
  }
  const std::size_t width = 2 * comparison.letters.size() - 1;
  return text + std::string(width < 4 ? 4 - width : 0, ' ');
}

std::string CompareText::slots(const BlockComparison& comparison) const {
  std::string text;
  for (std::size_t i = 0; i < comparison.replicas.size(); ++i) {
    const ReplicaBlock& block = comparison.replicas[i];
    const std::string cell = fmt::format("{:<{}}", slots_cell(block, i), cell_width);
    text += (i == 0 ? "" : "  ") + (is_sound(block.state) ? cell : colored(cell, false));
  }
  return text;
}

std::string CompareText::slots_cell(const ReplicaBlock& block, std::size_t replica) const {
  if (!block.has_data()) return "-";
  const auto selected = block.record.selected;
  std::string text = selected ? slot_name(block, *selected, replica) : "-";
  const std::size_t count = block.record.slots.size();
  for (std::size_t slot = 0; slot < std::min(count, shown_rows_max); ++slot) {
    text += slot_sign(block, block.record.slots[slot]);
  }
  return count > shown_rows_max ? text + "+" : text;
}

// What each replica holds of the first block.
std::string CompareText::details(const BlockComparison& comparison) const {
  std::string text;
  if (comparison.blocks.count > 1) {
    text += fmt::format("{:>{}}  block {}:\n", "", blocks_width(), comparison.blocks.first);
  }
  for (std::size_t i = 0; i < comparison.replicas.size(); ++i) {
    const ReplicaBlock& block = comparison.replicas[i];
    std::string line = fmt::format("    {} {}", i, comparison.letters[i]);
    if (block.has_data()) line += " " + hash(block.record.data_hash);
    const std::size_t count = block.record.slots.size();
    for (std::size_t slot = 0; slot < std::min(count, shown_rows_max); ++slot) {
      line += "  " + slot_details(block, slot, i);
    }
    if (count > shown_rows_max) line += fmt::format("  and {} more", count - shown_rows_max);
    const std::string_view state = state_text(block.state);
    if (!state.empty()) line += "  " + colored(std::string(state), is_sound(block.state));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string CompareText::slot_details(const ReplicaBlock& block, std::size_t slot,
                                      std::size_t replica) const {
  const SlotValue& value = block.record.slots[slot];
  std::string text = slot_name(block, slot, replica);
  text += block.record.selected == slot ? '*' : ' ';
  text += slot_sign(block, value);
  const std::size_t context_width = 1 + shape_.hash_width + 1 + 6;
  if (const auto* bad = std::get_if<BadSlot>(&value)) {
    return text + fmt::format(" {:<{}}", fmt::format("{:02x}@{}", bad->found, bad->offset_bytes),
                              context_width - 1);
  }
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) return text + std::string(context_width, ' ');
  text += ' ' + hash(context->on_disk_hash);
  // Of a block that is not encrypted both hashes are one, unless something is wrong.
  const bool is_unusual = !context->encryption && context->hash != context->on_disk_hash;
  if (is_unusual || shape_.shows_integrity) text += '/' + hash(context->hash);
  return text + fmt::format(" {:<6}", fmt::format("#{}", context->flush_id));
}

std::string CompareText::slot_name(const ReplicaBlock& block, std::size_t slot,
                                   std::size_t replica) const {
  if (!block.is_raw) return fmt::format("{}", slot);
  const bool is_dirty = dirty_[replica];
  return std::string(1, slot == 0 ? (is_dirty ? 'a' : 'A') : (is_dirty ? 'b' : 'B'));
}

std::string CompareText::hash(std::uint64_t value) const {
  return libregion::hash_text(value).substr(0, shape_.hash_width);
}

std::string CompareText::colored(std::string text, bool is_good) const {
  if (!shape_.uses_color) return text;
  return (is_good ? "\033[32m" : "\033[31m") + text + "\033[0m";
}

std::size_t CompareText::blocks_width() const {
  const std::size_t digits = std::to_string(shape_.extent_size_blocks - 1).size();
  return std::max<std::size_t>(6, 2 * digits + 1);
}

}  // namespace region_tools
