#include "libregion/ops/bundle_extent.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/sqlite_extent.h"
#include "libregion/format/integrity.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/extent_visit.h"

namespace libregion {
namespace {

// A whole number of slots, so that each can be blinded.
constexpr std::uint64_t tail_chunk_bytes = 8192 * context_slot_bytes;
constexpr std::uint64_t file_chunk_bytes = std::uint64_t{1} << 20;
// Of a larger database file nothing but its size is looked at.
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;

BlockSummary summarize(const BlockRecord& record) {
  BlockSummary summary;
  summary.data_hash = record.data_hash;
  summary.data_is_zero = all_zero(record.data);
  summary.has_match = std::any_of(record.slots.begin(), record.slots.end(),
                                  [&](const SlotValue& slot) { return record.matches(slot); });
  return summary;
}

// Whether a reader would find the context's integrity hash right.
bool integrity_holds(const BlockRecord& record, const SlotValue& slot) {
  if (!record.matches(slot)) return false;
  const auto& context = std::get<BlockContext>(slot);
  return context.hash ==
         (context.encryption ? integrity_hash(*context.encryption, record.data) : record.data_hash);
}

class FileBundling {
 public:
  explicit FileBundling(const BundleWork& work)
      : region_(work.region),
        options_(work.options),
        writer_(work.writer),
        notes_(work.notes),
        geometry_(work.region.definition.geometry),
        layout_(geometry_) {}

  void bundle(const BundledPlace& place, const ExtentParts& parts) {
    try {
      if (format_of(parts) == ExtentFormat::sqlite) {
        bundle_sqlite(place, parts);
      } else if (parts.has(ExtentPart::data)) {
        bundle_raw(place, parts);
      }
    } catch (const Error& error) {
      notes_.add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
    }
  }

 private:
  [[nodiscard]] FileClaim claim_for(const BundledPlace& place) const {
    if (place.is_replacement) return [](File&) {};
    return [this](File& file) { region_.use->claim(file); };
  }

  void check_unchanged(const BundledPlace& place, const std::vector<const File*>& files) {
    if (std::none_of(files.begin(), files.end(),
                     [](const File* file) { return file->lease_is_broken(); })) {
      return;
    }
    notes_.add_changed(place.extent, place.path_of(ExtentPart::data));
  }

  void bundle_raw(const BundledPlace& place, const ExtentParts& parts) {
    OpenedExtent opened =
        open_extent(place.directory, place.extent, parts, geometry_, claim_for(place));
    const std::uint64_t size_bytes = place.size_of(ExtentPart::data);
    std::vector<const File*> files;
    for (const auto& file : opened.files) files.push_back(file.get());
    if (opened.reader != nullptr) files = opened.reader->files();
    if (files.empty()) return;  // nothing that can be opened: the listing says what it is
    if (ends_as_version_3(opened, *files[0], size_bytes)) {
      writer_.write(place.member(MemberKind::end),
                    files[0]->read(size_bytes - metadata_bytes, metadata_bytes));
    } else if (opened.reader != nullptr && !opened.reader->metadata() &&
               size_bytes != layout_.file_bytes()) {
      notes_.add_not_carried(
          place.extent, place.path_of(ExtentPart::data),
          "too long, and without metadata where they should be: what is taken for "
          "slots may be data");
    } else {
      if (opened.reader != nullptr && !place.is_replacement) write_blocks(place, *opened.reader);
      write_tail(place, *files[0], size_bytes);
    }
    check_unchanged(place, files);
  }

  // As opening an extent sees it.
  static bool ends_as_version_3(const OpenedExtent& opened, const File& file,
                                std::uint64_t size_bytes) {
    if (opened.reader != nullptr || size_bytes < metadata_bytes) return false;
    const Bytes end = file.read(size_bytes - metadata_bytes, metadata_bytes);
    return is_version_3_metadata(MetadataView(end));
  }

  void write_blocks(const BundledPlace& place, ExtentReader& reader) {
    writer_.begin(place.member(MemberKind::blocks), reader.readable_blocks() * block_summary_bytes);
    for_each_block(place, reader, [&](const BlockRecord& record) {
      BlockSummary summary = summarize(record);
      for (std::size_t i = 0; i < record.slots.size(); ++i) {
        summary.integrity_holds[i] = integrity_holds(record, record.slots[i]);
      }
      append_summary(summaries_, summary);
      flush_summaries(/*is_last=*/false);
    });
    flush_summaries(/*is_last=*/true);
  }

  void flush_summaries(bool is_last) {
    constexpr std::size_t buffered_max = std::size_t{64} << 10;
    if (!is_last && summaries_.size() < buffered_max) return;
    writer_.put(summaries_);
    summaries_.clear();
  }

  void for_each_block(const BundledPlace& place, ExtentReader& reader,
                      const std::function<void(const BlockRecord&)>& visit) {
    const std::uint64_t count = reader.readable_blocks();
    const auto skip = [&](std::uint64_t, const Error& error) {
      notes_.add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
      BlockSummary summary;
      summary.is_unreadable = true;
      append_summary(summaries_, summary);
    };
    for_each_step({{0, count}, geometry_.shift(), options_.progress},
                  [&](BlockRange step) { read_past_errors(reader, step, visit, skip); });
    notes_.add_blocks(count, count << geometry_.shift());
  }

  // What follows the data, as far as the layout goes: what follows that may be anything.
  void write_tail(const BundledPlace& place, const File& file, std::uint64_t size_bytes) {
    const std::uint64_t data_bytes = geometry_.extent_data_bytes();
    if (size_bytes <= data_bytes) return;
    const std::uint64_t tail_bytes = std::min(size_bytes, layout_.file_bytes()) - data_bytes;
    writer_.begin(place.member(MemberKind::tail), tail_bytes);
    for (std::uint64_t at = 0; at < tail_bytes; at += tail_chunk_bytes) {
      const std::uint64_t count = std::min(tail_chunk_bytes, tail_bytes - at);
      Bytes chunk(divide_rounding_up(count, context_slot_bytes) * context_slot_bytes);
      read_or_zero(place, file, data_bytes + at, MutableByteView(chunk).first(count));
      blind_slots(chunk, at);
      writer_.put(ByteView(chunk).first(count));
    }
  }

  // What is not there, or cannot be read, is zeros.
  void read_or_zero(const BundledPlace& place, const File& file, std::uint64_t offset_bytes,
                    MutableByteView target) {
    try {
      (void)file.read_up_to(offset_bytes, target);
    } catch (const Error& error) {
      std::fill(target.begin(), target.end(), std::byte{0});
      notes_.add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
    }
  }

  // `at` is the chunk's place behind the data, where the slots begin.
  void blind_slots(MutableByteView chunk, std::uint64_t at) const {
    if (!options_.blinding_key) return;
    const std::uint64_t slots_end = 2 * layout_.slot_array_bytes();
    for (std::uint64_t i = 0; i < chunk.size() && at + i < slots_end; i += context_slot_bytes) {
      blind_slot(chunk.subspan(i).first<context_slot_bytes>(), *options_.blinding_key);
    }
  }

  // ---- databases --------------------------------------------------------------------------------

  void bundle_sqlite(const BundledPlace& place, const ExtentParts& parts) {
    auto opening = SqliteExtent::open(place.directory, place.extent, parts, geometry_, Access::read,
                                      claim_for(place));
    // Nobody looks at the rows of a replacement, only at its files.
    const bool takes_files = place.is_replacement && !options_.blinding_key;
    if (opening.extent == nullptr || takes_files) {
      write_database_files(place, parts);
    } else {
      for (const Finding& finding : opening.findings) add_lost_finding(place, finding);
      write_rows(place, *opening.extent);
      check_unchanged(place, opening.extent->files());
    }
  }

  void add_lost_finding(const BundledPlace& place, const Finding& finding) {
    // These two are of the size of the data file.
    if (finding.id == FindingId::short_data_file || finding.id == FindingId::partial_migration) {
      return;
    }
    notes_.add_not_carried(
        place.extent, finding.file,
        fmt::format("{}: of a database only the rows are carried", finding_info(finding.id).name));
  }

  void write_rows(const BundledPlace& place, SqliteExtent& extent) {
    Bytes rows(metadata_bytes);
    // Without numbers the blocks are looked at as those of a dirty extent.
    ExtentMetadata metadata = extent.metadata().value_or(ExtentMetadata{true});
    metadata.ext_version = raw_ext_version;
    encode_metadata(metadata, std::span(rows).first<metadata_bytes>());
    writer_.begin(place.member(MemberKind::blocks), extent.readable_blocks() * block_summary_bytes);
    for_each_block(place, extent, [&](const BlockRecord& record) {
      append_summary(summaries_, summarize(record));
      flush_summaries(/*is_last=*/false);
      for (const SlotValue& row : record.slots) {
        add_row(rows, record.block, row, integrity_holds(record, row));
      }
    });
    flush_summaries(/*is_last=*/true);
    // Of blocks that a short data file lacks.
    for (std::uint64_t block = extent.readable_blocks(); block < geometry_.extent_size_blocks();
         ++block) {
      for (const SlotValue& row : extent.rows().of_block(block)) add_row(rows, block, row, false);
    }
    if (rows.size() <= bundled_rows_bytes_max) {
      writer_.write(place.member(MemberKind::rows), rows);
    } else {
      notes_.add_not_carried(place.extent, place.path_of(ExtentPart::db), "too many rows");
    }
  }

  void add_row(Bytes& rows, std::uint64_t block, const SlotValue& row, bool holds) const {
    BlockContext context = std::get<BlockContext>(row);
    if (options_.blinding_key && context.encryption) {
      context.encryption = blinded(*context.encryption, *options_.blinding_key);
    }
    append_row(rows, {block, holds, context});
  }

  void write_database_files(const BundledPlace& place, const ExtentParts& parts) {
    for (const ExtentPart part : {ExtentPart::db, ExtentPart::db_wal, ExtentPart::db_journal}) {
      const std::uint64_t size_bytes = place.size_of(part);
      if (!parts.has(part) || size_bytes == 0 || size_bytes > file_bytes_max) continue;
      auto opened = place.directory.open_file(extent_file_name(place.extent, part), Access::read);
      const auto* file = std::get_if<std::unique_ptr<File>>(&opened);
      if (file == nullptr) continue;
      if (options_.blinding_key) {
        notes_.add_not_carried(place.extent, place.path_of(part), "cannot be read, so not blinded");
        continue;
      }
      writer_.begin(place.member(MemberKind::file, part), size_bytes);
      for (std::uint64_t at = 0; at < size_bytes; at += file_chunk_bytes) {
        Bytes chunk(std::min(file_chunk_bytes, size_bytes - at));
        read_or_zero(place, **file, at, chunk);
        writer_.put(chunk);
      }
    }
  }

  const Region& region_;
  const BundleOptions& options_;
  BundleWriter& writer_;
  BundleNotes& notes_;
  Geometry geometry_;
  RawLayout layout_;
  Bytes summaries_;  // not written yet
};

}  // namespace

void bundle_files(const BundleWork& work, const BundledPlace& place, const ExtentParts& parts) {
  FileBundling(work).bundle(place, parts);
}

}  // namespace libregion
