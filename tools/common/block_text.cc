#include "tools/common/block_text.h"

#include <iterator>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "libregion/base/text.h"

namespace region_tools {
namespace {

using libregion::BlockContext;
using libregion::BlockReport;
using libregion::SlotValue;

void append_number(std::string& out, std::uint64_t value) {
  const fmt::format_int digits(value);
  out.append(digits.data(), digits.size());
}

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::byte value : bytes) {
    out += digits[std::to_integer<unsigned>(value) >> 4U];
    out += digits[std::to_integer<unsigned>(value) & 15U];
  }
}

void append_hash(std::string& out, std::uint64_t hash) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(hash >> (56 - 8 * i));
  }
  append_hex(out, bytes);
}

// "A" and "B", or "row 0", "row 1" and so on.
void append_slot_name(std::string& out, bool is_raw, std::size_t slot) {
  if (is_raw) {
    out += slot == 0 ? 'A' : 'B';
  } else {
    out += "row ";
    append_number(out, slot);
  }
}

std::string_view state_name(const SlotValue& slot) {
  if (std::holds_alternative<BlockContext>(slot)) return "present";
  return std::holds_alternative<libregion::EmptySlot>(slot) ? "empty" : "bad";
}

std::string_view bool_text(bool value) { return value ? "true" : "false"; }

void append_context_json(std::string& out, const BlockContext& context, std::uint64_t data_hash) {
  out += ",\"hash\":\"";
  append_hash(out, context.hash);
  if (context.encryption) {
    out += "\",\"nonce\":\"";
    append_hex(out, context.encryption->nonce);
    out += "\",\"tag\":\"";
    append_hex(out, context.encryption->tag);
  }
  out += "\",\"on_disk_hash\":\"";
  append_hash(out, context.on_disk_hash);
  out += "\",\"flush_id\":";
  append_number(out, context.flush_id);
  out += ",\"matches\":";
  out += bool_text(context.on_disk_hash == data_hash);
}

void append_slot_json(std::string& out, const BlockReport& report, std::size_t slot) {
  const SlotValue& value = report.slots[slot];
  out += slot == 0 ? "{\"slot\":\"" : ",{\"slot\":\"";
  append_slot_name(out, report.is_raw, slot);
  out += "\",\"state\":\"";
  out += state_name(value);
  out += '"';
  if (const auto* context = std::get_if<BlockContext>(&value)) {
    append_context_json(out, *context, report.data_hash);
  } else if (const auto* bad = std::get_if<libregion::BadSlot>(&value)) {
    out += ",\"bad_byte\":";
    append_number(out, bad->offset_bytes);
    out += ",\"bad_value\":";
    append_number(out, bad->found);
  }
  out += '}';
}

void append_slot_csv(std::string& out, const BlockReport& report, std::size_t slot) {
  const SlotValue& value = report.slots[slot];
  append_slot_name(out, report.is_raw, slot);
  out += ',';
  out += state_name(value);
  out += ',';
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) {
    out += ",,,,,";
    return;
  }
  append_hash(out, context->hash);
  out += ',';
  if (context->encryption) append_hex(out, context->encryption->nonce);
  out += ',';
  if (context->encryption) append_hex(out, context->encryption->tag);
  out += ',';
  append_hash(out, context->on_disk_hash);
  out += ',';
  append_number(out, context->flush_id);
  out += ',';
  out += bool_text(context->on_disk_hash == report.data_hash);
}

std::string slot_text(const BlockReport& report, std::size_t slot) {
  const SlotValue& value = report.slots[slot];
  std::string text = "    ";
  append_slot_name(text, report.is_raw, slot);
  text += report.selected == slot ? "* " : "  ";
  if (const auto* bad = std::get_if<libregion::BadSlot>(&value)) {
    return text + fmt::format("bad: byte {} is 0x{:02x}\n", bad->offset_bytes, bad->found);
  }
  const auto* context = std::get_if<BlockContext>(&value);
  if (context == nullptr) return text + "empty\n";
  text += fmt::format("on-disk {:016x} {} hash {:016x} flush id {}", context->on_disk_hash,
                      context->on_disk_hash == report.data_hash ? "matches," : "differs,",
                      context->hash, context->flush_id);
  if (context->encryption) {
    text += fmt::format(" nonce {} tag {}", libregion::to_hex(context->encryption->nonce),
                        libregion::to_hex(context->encryption->tag));
  }
  return text + "\n";
}

}  // namespace

const std::string_view block_csv_columns =
    "block,region_block,selected,data_hash,data_zero,slot,state,hash,nonce,tag,on_disk_hash,"
    "flush_id,matches";

void append_block_json(std::string& out, const BlockReport& report) {
  out += "\"block\":";
  append_number(out, report.block);
  out += ",\"region_block\":";
  append_number(out, report.region_block);
  out += ',';
  append_block_content_json(out, report);
  out += '}';
}

void append_block_content_json(std::string& out, const BlockReport& report) {
  if (report.selected) {
    out += "\"selected\":\"";
    append_slot_name(out, report.is_raw, *report.selected);
    out += "\",";
  }
  out += "\"data_hash\":\"";
  append_hash(out, report.data_hash);
  out += "\",\"data_zero\":";
  out += bool_text(report.data_is_zero);
  out += ",\"slots\":[";
  for (std::size_t slot = 0; slot < report.slots.size(); ++slot) {
    append_slot_json(out, report, slot);
  }
  out += ']';
}

void append_unknown_block_csv(std::string& out, std::string_view prefix, std::uint64_t block,
                              std::uint64_t region_block) {
  out += prefix;
  append_number(out, block);
  out += ',';
  append_number(out, region_block);
  out += ",,,,,,,,,,,\n";
}

void append_block_csv(std::string& out, std::string_view prefix, const BlockReport& report) {
  const std::size_t line_count = std::max<std::size_t>(1, report.slots.size());
  for (std::size_t slot = 0; slot < line_count; ++slot) {
    out += prefix;
    append_number(out, report.block);
    out += ',';
    append_number(out, report.region_block);
    out += ',';
    if (report.selected) append_slot_name(out, report.is_raw, *report.selected);
    out += ',';
    append_hash(out, report.data_hash);
    out += ',';
    out += bool_text(report.data_is_zero);
    out += ',';
    if (report.slots.empty()) {
      out += ",,,,,,,";
    } else {
      append_slot_csv(out, report, slot);
    }
    out += '\n';
  }
}

std::string block_text(const BlockReport& report) {
  std::string text = fmt::format("extent {} ({}) block {} = region block {}: ", report.extent.value,
                                 report.file, report.block, report.region_block);
  if (report.selected) {
    append_slot_name(text, report.is_raw, *report.selected);
    text += " selected";
  } else {
    text += report.slots.empty() ? "no row" : "none selected";
  }
  text +=
      fmt::format(", data {:016x}{}\n", report.data_hash, report.data_is_zero ? " (all zero)" : "");
  for (std::size_t slot = 0; slot < report.slots.size(); ++slot) text += slot_text(report, slot);
  return text;
}

}  // namespace region_tools
