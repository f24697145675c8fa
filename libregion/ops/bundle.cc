#include "libregion/ops/bundle.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/sqlite_extent.h"
#include "libregion/format/bundle_manifest.h"
#include "libregion/format/integrity.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/bundle_listing.h"
#include "libregion/ops/bundle_writer.h"

namespace libregion {
namespace {

// A whole number of slots, so that each can be blinded.
constexpr std::uint64_t tail_chunk_bytes = 8192 * context_slot_bytes;
constexpr std::uint64_t file_chunk_bytes = std::uint64_t{1} << 20;
// Of a larger database file nothing but its size is looked at.
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
// After a chunk that could not be read, so many blocks are tried one by one.
constexpr std::uint64_t single_blocks_max = 1024;

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

class Bundling {
 public:
  Bundling(const Region& region, const BundleOptions& options, const BundleSink& sink,
           Reporter& reporter)
      : region_(region),
        options_(options),
        writer_(sink),
        reporter_(reporter),
        geometry_(region.definition.geometry),
        layout_(geometry_) {}

  BundleSummary run() {
    writer_.write({MemberKind::manifest}, as_byte_view(manifest()));
    writer_.write({MemberKind::definition}, as_byte_view(to_json_text(region_.definition)));
    const Listed root = list(*region_.root, "");
    writer_.write({MemberKind::root_listing}, root.bytes());
    for (const auto& [name, entry] : root.entries) {
      const auto top = parse_top_directory_name(name);
      if (top && entry.kind == ListedKind::directory) bundle_top(*top, name);
    }
    writer_.finish();
    summary_.extent_count = region_.definition.extent_count;
    summary_.bundle_bytes = writer_.written_bytes();
    return summary_;
  }

 private:
  [[nodiscard]] std::string manifest() const {
    return to_json_text(BundleManifest{options_.tool, options_.tool_version,
                                       options_.blinding_key.has_value(), region_.definition});
  }

  void check_stop() const {
    if (options_.stop != nullptr && *options_.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
  }

  // ---- what is told -----------------------------------------------------------------------------

  void add_not_carried(std::optional<ExtentId> extent, const std::string& file,
                       const std::string& reason) {
    OtherRecord record{"not_carried", extent, file};
    record.fields = {{"reason", reason}};
    record.text = fmt::format("not carried: {}: {}\n", file, reason);
    reporter_.record(record);
    ++summary_.not_carried_count;
  }

  // While `error` is being handled: what is no failure to read goes on.
  void add_unreadable(std::optional<ExtentId> extent, const std::string& file, const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    Finding finding{unreadable_finding_id(error), extent, file};
    finding.found = error.what();
    reporter_.finding(finding);
    add_not_carried(extent, file, "cannot be read");
    summary_.has_io_errors = true;
  }

  // ---- directories ------------------------------------------------------------------------------

  // `path` is relative to the region.
  Listed list(const Directory& directory, const std::string& path) {
    Listed listed;
    try {
      directory.list(
          [&](const DirectoryEntry& entry) { add_entry(listed, directory, entry, path); });
    } catch (const Error& error) {
      add_unreadable(std::nullopt, path.empty() ? "." : path, error);
    }
    return listed;
  }

  void add_entry(Listed& listed, const Directory& directory, const DirectoryEntry& entry,
                 const std::string& path) {
    if (path.empty() && (entry.name == definition_name || entry.name == bundle_mark_name)) return;
    auto made = look_at_entry(directory, entry);
    if (!made) return;
    if (entry.kind == FileKind::regular && made->kind == ListedKind::other) {
      add_not_carried(std::nullopt, path.empty() ? entry.name : path + "/" + entry.name,
                      "a file with several names");
    }
    listed.entries.emplace(entry.name, std::move(*made));
  }

  std::unique_ptr<Directory> open(const Directory& parent, const std::string& name,
                                  const std::string& path) {
    try {
      return open_directory_in(parent, name);
    } catch (const Error& error) {
      add_unreadable(std::nullopt, path, error);
      return nullptr;
    }
  }

  void bundle_top(std::uint32_t top, const std::string& name) {
    const auto directory = open(*region_.root, name, name);
    if (directory == nullptr) return;
    const Listed listed = list(*directory, name);
    writer_.write(top_listing_member(top), listed.bytes());
    for (const auto& [leaf_name, entry] : listed.entries) {
      const auto middle = parse_leaf_directory_name(leaf_name);
      if (!middle || entry.kind != ListedKind::directory) continue;
      bundle_leaf(*directory, leaf_name, LeafId{top << 12U | *middle});
    }
  }

  void bundle_leaf(const Directory& top, const std::string& name, LeafId leaf) {
    const std::string path = leaf_directory_path(leaf);
    const auto directory = open(top, name, path);
    if (directory == nullptr) return;
    Listed listed = list(*directory, path);
    const auto parts = listed.parts_in(leaf);
    for (const auto& [extent, extent_parts] : parts) {
      for (const ExtentPart part : all_extent_parts) {
        if (is_repair(part) && extent_parts.has(part)) add_repair(listed, *directory, extent, part);
      }
    }
    writer_.write(leaf_listing_member(leaf), listed.bytes());
    for (const auto& [extent, extent_parts] : parts) {
      // What region.json does not count is nowhere looked into.
      if (extent.value >= region_.definition.extent_count) break;
      check_stop();
      bundle_extent(*directory, listed, extent, extent_parts);
    }
  }

  void add_repair(Listed& listed, const Directory& leaf, ExtentId extent, ExtentPart part) {
    const std::string name = extent_file_name(extent, part);
    if (!listed.has_directory(name)) return;
    const auto directory = open(leaf, name, extent_path(extent, part));
    if (directory == nullptr) return;
    const Listed inside = list(*directory, extent_path(extent, part));
    for (const auto& [inner, entry] : inside.entries) {
      ListedEntry made = entry;
      made.name = fmt::format("{}/{}", name, inner);
      listed.entries.emplace(made.name, made);
    }
  }

  // ---- an extent --------------------------------------------------------------------------------

  void bundle_extent(const Directory& leaf, const Listed& listed, ExtentId extent,
                     const ExtentParts& parts) {
    bundle_files({leaf, listed, extent}, parts);
    if (parts.has(ExtentPart::replace)) bundle_replacement(leaf, listed, extent);
    if (options_.progress != nullptr) {
      options_.progress->advance(1, geometry_.extent_data_bytes());
    }
  }

  void bundle_replacement(const Directory& leaf, const Listed& listed, ExtentId extent) {
    const std::string name = extent_file_name(extent, ExtentPart::replace);
    if (!listed.has_directory(name)) return;
    const auto directory = open(leaf, name, extent_path(extent, ExtentPart::replace));
    if (directory == nullptr) return;
    const ExtentParts parts = listed.replacement_parts_of(extent);
    bundle_files({*directory, listed, extent, /*is_replacement=*/true}, parts);
  }

  void bundle_files(const BundledPlace& place, const ExtentParts& parts) {
    try {
      if (format_of(parts) == ExtentFormat::sqlite) {
        bundle_sqlite(place, parts);
      } else if (parts.has(ExtentPart::data)) {
        bundle_raw(place, parts);
      }
    } catch (const Error& error) {
      add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
    }
  }

  [[nodiscard]] FileClaim claim_for(const BundledPlace& place) const {
    if (place.is_replacement) return [](File&) {};
    return [this](File& file) { region_.use->claim(file); };
  }

  void check_unchanged(const BundledPlace& place, const std::vector<const File*>& files) {
    if (std::none_of(files.begin(), files.end(),
                     [](const File* file) { return file->lease_is_broken(); })) {
      return;
    }
    summary_.has_changed = true;
    reporter_.finding(
        {FindingId::changed_while_read, place.extent, place.path_of(ExtentPart::data)});
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
      add_not_carried(place.extent, place.path_of(ExtentPart::data),
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

  // One bad sector hides no more than its own block.
  void for_each_block(const BundledPlace& place, ExtentReader& reader,
                      const std::function<void(const BlockRecord&)>& visit) {
    const std::uint64_t end = reader.readable_blocks();
    std::uint64_t next = 0;
    std::uint64_t singles_end = 0;  // up to here one by one
    while (next < end) {
      const std::uint64_t count = next < singles_end ? 1 : end - next;
      try {
        reader.read_blocks({next, count}, [&](const BlockRecord& record) {
          visit(record);
          next = record.block + 1;
        });
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::failed) throw;
        if (count == 1) {
          add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
          BlockSummary summary;
          summary.is_unreadable = true;
          append_summary(summaries_, summary);
          ++next;
        } else {
          singles_end = std::min(end, next + single_blocks_max);
        }
      }
    }
    summary_.block_count += end;
    summary_.data_bytes += end << geometry_.shift();
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
      add_unreadable(place.extent, place.path_of(ExtentPart::data), error);
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
    add_not_carried(
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
      add_not_carried(place.extent, place.path_of(ExtentPart::db), "too many rows");
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
        add_not_carried(place.extent, place.path_of(part), "cannot be read, so not blinded");
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
  BundleWriter writer_;
  Reporter& reporter_;
  Geometry geometry_;
  RawLayout layout_;
  BundleSummary summary_;
  Bytes summaries_;  // not written yet
};

}  // namespace

BlindingKey make_random_blinding_key() {
  std::random_device random;
  BlindingKey key{};
  for (std::byte& value : key) value = static_cast<std::byte>(random());
  return key;
}

BundleSummary write_bundle(const Region& region, const BundleOptions& options,
                           const BundleSink& sink, Reporter& reporter) {
  try {
    return Bundling(region, options, sink, reporter).run();
  } catch (const SinkFailure& failure) {
    std::rethrow_exception(failure.reason);
  }
}

}  // namespace libregion
