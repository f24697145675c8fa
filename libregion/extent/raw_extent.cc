#include "libregion/extent/raw_extent.h"

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/extent/slot_selection.h"

namespace libregion {
namespace {

MetadataView metadata_view(ByteView tail) { return MetadataView(tail.last(metadata_bytes)); }

// Everything there is to say of the file before its blocks are looked at.
class RawInspection {
 public:
  RawInspection(const File& file, const Geometry& geometry, ExtentId extent, std::string path)
      : file_(file),
        geometry_(geometry),
        layout_(geometry),
        extent_(extent),
        path_(std::move(path)),
        size_bytes_(file.status().size_bytes) {}

  // The size comes first: in a file that was cut or extended the last bytes are something else.
  // False where nothing more can be said of the file.
  bool check_size() {
    if (size_bytes_ == layout_.file_bytes()) return true;
    if (size_bytes_ >= metadata_bytes && !has_whole_layout_metadata()) {
      const Bytes end = file_.read(size_bytes_ - metadata_bytes, metadata_bytes);
      if (is_version_3_metadata(metadata_view(end))) {
        add(FindingId::unknown_version, size_bytes_ - metadata_bytes, metadata_bytes,
            fmt::format("version {}", raw_ext_version), "version 3");
        return false;
      }
    }
    add(FindingId::wrong_size, std::min(size_bytes_, layout_.file_bytes()),
        std::max(size_bytes_, layout_.file_bytes()) - std::min(size_bytes_, layout_.file_bytes()),
        fmt::format("{} bytes", layout_.file_bytes()), describe_size());
    return has_whole_layout();
  }

  // Bits and metadata, where the file has them.
  Bytes read_tail() const { return file_.read(layout_.bits_offset_bytes(), layout_.tail_bytes()); }

  Bytes read_metadata() const {
    return file_.read(layout_.metadata_offset_bytes(), metadata_bytes);
  }

  std::optional<ExtentMetadata> check_metadata(MetadataView bytes) {
    const auto decoded = decode_metadata(bytes);
    if (const auto* bad = std::get_if<BadMetadata>(&decoded)) {
      const bool is_version = bad->offset_bytes == metadata_version_offset;
      add(is_version ? FindingId::unknown_version : FindingId::bad_metadata,
          layout_.metadata_offset_bytes() + bad->offset_bytes, is_version ? 4 : 1,
          is_version ? fmt::format("ext_version {}", bad->expected_max) : "dirty 0 or 1",
          fmt::format("{} {}", bad->field, bad->found));
      return std::nullopt;
    }
    if (!metadata_padding_is_zero(bytes)) {
      const ByteView padding = bytes.subspan(metadata_padding_offset);
      add(FindingId::metadata_padding, layout_.metadata_offset_bytes() + metadata_padding_offset,
          padding.size(), to_hex(Bytes(padding.size())), to_hex(padding));
    }
    return std::get<ExtentMetadata>(decoded);
  }

  void check_active_slots(const ActiveSlots& slots) {
    if (slots.unused_bits() == 0) return;
    add(FindingId::unused_bits_set, layout_.metadata_offset_bytes() - 1, 1, "00",
        fmt::format("{:02x}", slots.unused_bits()));
  }

  std::vector<Finding> take_findings() { return std::move(findings_); }

 private:
  [[nodiscard]] bool has_whole_layout() const { return size_bytes_ >= layout_.file_bytes(); }

  void add(FindingId id, std::uint64_t offset_bytes, std::uint64_t length_bytes,
           std::string expected, std::string found) {
    Finding finding{id, extent_, path_};
    finding.offset_bytes = offset_bytes;
    finding.length_bytes = length_bytes;
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    findings_.push_back(std::move(finding));
  }

  // A file that is too long may still hold good metadata where the layout puts them.
  [[nodiscard]] bool has_whole_layout_metadata() const {
    if (!has_whole_layout()) return false;
    return std::holds_alternative<ExtentMetadata>(decode_metadata(metadata_view(read_metadata())));
  }

  // The size, and what it takes to be right.
  [[nodiscard]] std::string describe_size() const {
    const std::string size = fmt::format("{} bytes", size_bytes_);
    const std::uint64_t data_bytes = geometry_.extent_data_bytes();
    if (has_whole_layout()) {
      return fmt::format("{}: {} bytes follow the metadata; everything before them is in place",
                         size, size_bytes_ - layout_.file_bytes());
    }
    if (size_bytes_ == data_bytes) {
      return size +
             ": only the block data; slots, bits and metadata are cut off, or this is the "
             "data file of a SQLite extent whose .db is gone";
    }
    if (size_bytes_ < data_bytes) {
      return fmt::format(
          "{}: the data of {} of {} blocks; the rest, with slots, bits and metadata, "
          "is cut off",
          size, size_bytes_ >> geometry_.shift(), geometry_.extent_size_blocks());
    }
    const std::uint64_t slots = (size_bytes_ - data_bytes) / context_slot_bytes;
    const std::uint64_t blocks = geometry_.extent_size_blocks();
    return fmt::format(
        "{}: the data of all blocks, {} of {} slots A and {} of {} slots B; the rest, "
        "with the metadata, is cut off",
        size, std::min(slots, blocks), blocks, std::min(slots - std::min(slots, blocks), blocks),
        blocks);
  }

  const File& file_;
  Geometry geometry_;
  RawLayout layout_;
  ExtentId extent_;
  std::string path_;
  std::uint64_t size_bytes_;
  std::vector<Finding> findings_;
};

}  // namespace

OpenedExtent RawExtent::open(std::unique_ptr<File> file, const Geometry& geometry, ExtentId extent,
                             const std::string& path) {
  RawInspection inspection(*file, geometry, extent, path);
  if (!inspection.check_size()) {
    OpenedExtent opened{nullptr, inspection.take_findings()};
    opened.files.push_back(std::move(file));
    return opened;
  }

  const Bytes tail = inspection.read_tail();
  const auto metadata = inspection.check_metadata(metadata_view(tail));
  ActiveSlots active_slots(geometry.extent_size_blocks(),
                           ByteView(tail).first(tail.size() - metadata_bytes));
  inspection.check_active_slots(active_slots);
  std::unique_ptr<ExtentReader> reader(
      new RawExtent(std::move(file), geometry, metadata, std::move(active_slots)));
  return {std::move(reader), inspection.take_findings()};
}

ExtentSummary RawExtent::read_summary(std::unique_ptr<File> file, const Geometry& geometry,
                                      ExtentId extent, const std::string& path) {
  RawInspection inspection(*file, geometry, extent, path);
  ExtentSummary summary;
  summary.read_bytes = metadata_bytes;
  if (inspection.check_size()) {
    summary.metadata = inspection.check_metadata(metadata_view(inspection.read_metadata()));
  }
  summary.findings = inspection.take_findings();
  summary.files.push_back(std::move(file));
  return summary;
}

RawExtent::RawExtent(std::unique_ptr<File> file, const Geometry& geometry,
                     std::optional<ExtentMetadata> metadata, ActiveSlots active_slots)
    : file_(std::move(file)),
      geometry_(geometry),
      layout_(geometry),
      metadata_(metadata),
      active_slots_(std::move(active_slots)),
      chunk_(geometry) {}

void RawExtent::read_blocks(BlockRange range,
                            const std::function<void(const BlockRecord&)>& visit) {
  LIBREGION_ASSERT(range.end() <= readable_blocks());
  while (range.count > 0) {
    const BlockRange now{range.first, chunk_.blocks_of(range)};
    load(now);
    for (const BlockRecord& record : records_) visit(record);
    range = {now.end(), range.count - now.count};
  }
}

void RawExtent::load(BlockRange range) {
  make_records(range);
  if (!wants_views() || !file_->has_torn_view()) return;
  // Reading tells what is the matter with the file, and where.
  stop_views();
  make_records(range);
}

void RawExtent::make_records(BlockRange range) {
  if (wants_views()) {
    chunk_.load_view(*file_, range);
  } else {
    chunk_.load(*file_, range);
  }
  const std::array<ByteView, 2> slot_bytes = {load_slots(ContextSlot::A, range),
                                              load_slots(ContextSlot::B, range)};
  slots_.resize(range.count);
  records_.resize(range.count);
  for (std::uint64_t i = 0; i < range.count; ++i) {
    BlockRecord& record = records_[i];
    record.block = range.first + i;
    for (std::size_t array = 0; array < 2; ++array) {
      record.slot_bytes[array] =
          slot_bytes[array].subspan(i * context_slot_bytes, context_slot_bytes);
      slots_[i][array] = decode_context_slot(SlotView(record.slot_bytes[array]));
    }
    record.slots = slots_[i];
    record.data = chunk_.data(record.block);
    record.data_hash = chunk_.hash(record.block);
    record.integrity_hash.reset();
    const auto selected = select(record.block, slots_[i], record.data_hash);
    record.selected = selected ? std::optional(static_cast<std::size_t>(*selected)) : std::nullopt;
  }
  if (wants_integrity_hashes()) add_integrity_hashes(records_);
}

ByteView RawExtent::load_slots(ContextSlot array, BlockRange range) {
  SlotChunk& chunk = slot_chunks_[static_cast<std::size_t>(array)];
  const ByteRange bytes{layout_.slot_offset_bytes(array, range.first),
                        range.count * context_slot_bytes};
  if (chunk.zeros.length_at(*file_, bytes.offset_bytes) >= bytes.length_bytes) {
    return zero_bytes(bytes.length_bytes);
  }
  const std::uint64_t array_end_bytes =
      layout_.slot_array_offset_bytes(array) + layout_.slot_array_bytes();
  return chunk.window.read(*file_, bytes, range.count > 1 ? array_end_bytes : bytes.end_bytes());
}

std::uint64_t RawExtent::count_unwritten(BlockRange range) {
  range.count = chunk_.known_zero_blocks(*file_, range);
  for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
    if (range.count == 0) return 0;
    KnownZeros& zeros = slot_chunks_[static_cast<std::size_t>(array)].zeros;
    const std::uint64_t zero_bytes =
        zeros.length_at(*file_, layout_.slot_offset_bytes(array, range.first));
    range.count = std::min(range.count, zero_bytes / context_slot_bytes);
  }
  return range.count;
}

std::optional<ContextSlot> RawExtent::select(std::uint64_t block,
                                             std::span<const SlotValue, 2> slots,
                                             std::uint64_t data_hash) const {
  if (metadata_ && !metadata_->dirty) return active_slots_.at(block);
  return select_dirty_slot(slots[0], slots[1], data_hash);
}

}  // namespace libregion
