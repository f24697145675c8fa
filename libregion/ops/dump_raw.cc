#include "libregion/ops/dump_raw.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/format/raw_layout.h"

namespace libregion {
namespace {

constexpr std::uint64_t slots_in_chunk_max = 4096;
constexpr std::size_t bytes_in_line = 16;

enum class Kind : std::uint8_t { number, bytes, hash };

struct Field {
  std::string_view name;
  std::size_t size_bytes;
  Kind kind;
};

constexpr std::array metadata_fields = {
    Field{"dirty", 1, Kind::number},
    Field{"gen_number", 8, Kind::number},
    Field{"flush_number", 8, Kind::number},
    Field{"ext_version", 4, Kind::number},
    Field{"bonus_sync_count", 4, Kind::number},
    Field{"defrag_count", 4, Kind::number},
    Field{"padding", 3, Kind::bytes},
};
constexpr std::array empty_slot_fields = {
    Field{"present", 1, Kind::number},
    Field{"padding", 47, Kind::bytes},
};
constexpr std::array plain_slot_fields = {
    Field{"present", 1, Kind::number},   Field{"hash", 8, Kind::hash},
    Field{"encrypted", 1, Kind::number}, Field{"on_disk_hash", 8, Kind::hash},
    Field{"flush_id", 2, Kind::number},  Field{"padding", 28, Kind::bytes},
};
constexpr std::array encrypted_slot_fields = {
    Field{"present", 1, Kind::number},   Field{"hash", 8, Kind::hash},
    Field{"encrypted", 1, Kind::number}, Field{"nonce", 12, Kind::bytes},
    Field{"tag", 16, Kind::bytes},       Field{"on_disk_hash", 8, Kind::hash},
    Field{"flush_id", 2, Kind::number},
};
constexpr std::array bad_presence_fields = {
    Field{"present", 1, Kind::number},
    Field{"undecoded", 47, Kind::bytes},
};
constexpr std::array bad_encryption_fields = {
    Field{"present", 1, Kind::number},
    Field{"hash", 8, Kind::hash},
    Field{"encrypted", 1, Kind::number},
    Field{"undecoded", 38, Kind::bytes},
};

consteval std::size_t sum_of(std::span<const Field> fields) {
  std::size_t sum = 0;
  for (const Field& field : fields) sum += field.size_bytes;
  return sum;
}
static_assert(sum_of(metadata_fields) == metadata_bytes);
static_assert(sum_of(empty_slot_fields) == context_slot_bytes);
static_assert(sum_of(plain_slot_fields) == context_slot_bytes);
static_assert(sum_of(encrypted_slot_fields) == context_slot_bytes);
static_assert(sum_of(bad_presence_fields) == context_slot_bytes);
static_assert(sum_of(bad_encryption_fields) == context_slot_bytes);

std::span<const Field> fields_of(const SlotValue& slot) {
  if (const auto* bad = std::get_if<BadSlot>(&slot)) {
    if (bad->offset_bytes == 0) return bad_presence_fields;
    return bad_encryption_fields;
  }
  const auto* context = std::get_if<BlockContext>(&slot);
  if (context == nullptr) return empty_slot_fields;
  if (context->encryption) return encrypted_slot_fields;
  return plain_slot_fields;
}

std::uint64_t number_in(ByteView bytes) {
  Decoder decoder(bytes);
  switch (bytes.size()) {
    case 1: return decoder.u8();
    case 2: return decoder.u16();
    case 4: return decoder.u32();
    default: return decoder.u64();
  }
}

std::string value_text(const Field& field, ByteView bytes) {
  switch (field.kind) {
    case Kind::number: return std::to_string(number_in(bytes));
    case Kind::hash: return hash_text(number_in(bytes));
    case Kind::bytes: break;
  }
  return bytes.size() > bytes_in_line && all_zero(bytes) ? "zeros" : "";
}

// Offsets and bytes with the field's name beside the first line; zeros beyond a line are left out.
std::string lines_of(std::uint64_t offset_bytes, ByteView bytes, std::string_view name,
                     const std::string& value) {
  std::string text;
  const bool is_cut = bytes.size() > bytes_in_line && all_zero(bytes);
  for (std::size_t at = 0; at < bytes.size() && (at == 0 || !is_cut); at += bytes_in_line) {
    std::string hex;
    for (const std::byte byte : bytes.subspan(at, std::min(bytes_in_line, bytes.size() - at))) {
      hex += fmt::format("{:02x} ", std::to_integer<unsigned>(byte));
    }
    if (is_cut) hex = fmt::format("00 .. 00, {} bytes", bytes.size());
    text += fmt::format("  {:010x}  {:<49}", offset_bytes + at, hex);
    if (at == 0) text += fmt::format("{}{}{}", name, value.empty() ? "" : " ", value);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

// Shows one extent's file.
class RawDump {
 public:
  RawDump(ExtentVisit& visit, const File& file)
      : visit_(visit),
        file_(file),
        geometry_(visit.region().definition.geometry),
        layout_(geometry_) {}

  void show_metadata() {
    const Bytes bytes = read(layout_.metadata_offset_bytes(), metadata_bytes);
    heading_ = fmt::format("extent {} ({}): metadata\n", visit_.extent().value, path());
    show_fields("metadata", {0, geometry_.extent_size_blocks()}, layout_.metadata_offset_bytes(),
                bytes, metadata_fields);
  }

  void show_bits(BlockRange range) {
    const std::uint64_t first_byte = range.first / 8;
    const std::uint64_t end_byte = (range.end() + 7) / 8;
    const std::uint64_t offset_bytes = layout_.bits_offset_bytes() + first_byte;
    const Bytes bits = read(offset_bytes, end_byte - first_byte);
    heading_ = fmt::format("extent {} ({}): active-slot bits\n", visit_.extent().value, path());
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const std::uint64_t first = (first_byte + i) * 8;
      const std::uint64_t count =
          std::min<std::uint64_t>(8, geometry_.extent_size_blocks() - first);
      std::string letters;
      for (std::uint64_t bit = 0; bit < count; ++bit) {
        const bool is_b = (std::to_integer<unsigned>(bits[i]) >> bit & 1U) != 0;
        letters += slot_letter(is_b ? ContextSlot::B : ContextSlot::A);
      }
      show("bits", {first, count}, "active_slots", offset_bytes + i, ByteView(bits).subspan(i, 1),
           letters, fmt::format("blocks {}-{}", first, first + count - 1));
    }
  }

  void show_slots(BlockRange range) {
    while (range.count > 0) {
      const BlockRange now{range.first, std::min(range.count, slots_in_chunk_max)};
      std::array<Bytes, 2> arrays;
      for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
        arrays[static_cast<std::size_t>(array)] =
            read(layout_.slot_offset_bytes(array, now.first), now.count * context_slot_bytes);
      }
      for (std::uint64_t i = 0; i < now.count; ++i) {
        for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
          show_slot(array, now.first + i, arrays[static_cast<std::size_t>(array)],
                    i * context_slot_bytes);
        }
        ++visit_.totals().block_count;
      }
      range = {now.end(), range.count - now.count};
    }
  }

 private:
  [[nodiscard]] std::string path() const { return extent_path(visit_.extent()); }

  // As much as the file has of it; what cannot be read is a finding, and none of it is shown.
  Bytes read(std::uint64_t offset_bytes, std::uint64_t length_bytes) {
    Bytes bytes(length_bytes);
    std::size_t count = 0;
    visit_.guard([&] { count = file_.read_up_to(offset_bytes, bytes); });
    bytes.resize(count);
    visit_.add_read(count);
    return bytes;
  }

  void show_slot(ContextSlot array, std::uint64_t block, ByteView bytes, std::size_t at) {
    if (at >= bytes.size()) return;
    const ByteView slot = bytes.subspan(at, std::min(context_slot_bytes, bytes.size() - at));
    const bool is_whole = slot.size() == context_slot_bytes;
    heading_ = fmt::format("extent {} ({}): slot {} of block {} = region block {}\n",
                           visit_.extent().value, path(), slot_letter(array), block,
                           geometry_.region_block(visit_.extent(), block));
    show_fields(array == ContextSlot::A ? "slot A" : "slot B", {block, 1},
                layout_.slot_offset_bytes(array, block), slot,
                is_whole ? fields_of(decode_context_slot(SlotView(slot)))
                         : std::span<const Field>(bad_presence_fields));
  }

  // What is not all there is shown without a value.
  void show_fields(std::string_view part, BlockRange blocks, std::uint64_t offset_bytes,
                   ByteView bytes, std::span<const Field> fields) {
    std::size_t at = 0;
    for (const Field& field : fields) {
      if (at >= bytes.size()) return;
      const ByteView there = bytes.subspan(at, std::min(field.size_bytes, bytes.size() - at));
      const bool is_whole = there.size() == field.size_bytes;
      show(part, blocks, field.name, offset_bytes + at, there,
           is_whole ? value_text(field, there) : "cut off", field.name);
      at += field.size_bytes;
    }
  }

  void show(std::string_view part, BlockRange blocks, std::string_view name,
            std::uint64_t offset_bytes, ByteView bytes, const std::string& value,
            std::string_view label) {
    OtherRecord record{"bytes", visit_.extent(), path()};
    record.fields = {{"part", part},
                     {"first_block", blocks.first},
                     {"last_block", blocks.end() - 1},
                     {"field", name},
                     {"offset", offset_bytes},
                     {"length", std::uint64_t{bytes.size()}},
                     {"hex", to_hex(bytes)},
                     {"value", value}};
    record.text = std::exchange(heading_, {}) + lines_of(offset_bytes, bytes, label, value);
    visit_.reporter().record(record);
  }

  ExtentVisit& visit_;
  const File& file_;
  const Geometry& geometry_;
  RawLayout layout_;
  std::string heading_;  // goes out with the next field
};

void report_sqlite(ExtentVisit& visit) {
  OtherRecord record{"sqlite_extent", visit.extent(), extent_path(visit.extent(), ExtentPart::db)};
  record.text = fmt::format(
      "extent {} ({}): a SQLite extent: its contexts are rows of {}, which --slots shows\n",
      visit.extent().value, extent_path(visit.extent()), record.file);
  visit.reporter().record(record);
}

void dump_extent(ExtentVisit& visit, const WalkOptions& walk) {
  const File* file = visit.open_raw_file();
  if (visit.parts().has(ExtentPart::db)) return report_sqlite(visit);
  if (file == nullptr) return;
  RawDump dump(visit, *file);
  dump.show_metadata();
  const auto ranges = walk.blocks.in_extent(visit.region().definition.geometry, visit.extent());
  for (const BlockRange& range : ranges) dump.show_bits(range);
  for (const BlockRange& range : ranges) dump.show_slots(range);
}

}  // namespace

VisitTotals dump_raw(const Region& region, const WalkOptions& walk, Progress* progress,
                     Reporter& reporter) {
  return visit_extents(region, walk, progress, reporter,
                       [&](ExtentVisit& visit) { dump_extent(visit, walk); });
}

}  // namespace libregion
