#include "libregion/ops/unbundle.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/bundle_records.h"
#include "libregion/format/raw_layout.h"
#include "libregion/format/tar.h"
#include "libregion/region/new_region.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

constexpr std::uint64_t listing_bytes_max = std::uint64_t{64} << 20U;
// A whole number of slots.
constexpr std::uint64_t chunk_bytes = 8192 * context_slot_bytes;

bool is_repair_directory(LeafId leaf, std::string_view name) {
  const auto parsed = parse_extent_name(leaf, name);
  return parsed && is_repair(parsed->part);
}

// Fills the region's directory.
class Unbundling {
 public:
  Unbundling(RegionInMaking& making, BundleReader& bundle, const UnbundleOptions& options)
      : making_(making),
        root_(making.root()),
        bundle_(bundle),
        options_(options),
        geometry_(bundle.definition().geometry),
        layout_(geometry_),
        stand_in_(geometry_) {}

  UnbundleSummary run() {
    summary_.apparent_bytes = to_json_text(bundle_.definition()).size();
    while (const auto member = bundle_.next()) {
      check_stop();
      take(*member);
    }
    making_.finish(bundle_.definition());
    return summary_;
  }

 private:
  void check_stop() const {
    if (options_.target.stop != nullptr && *options_.target.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
  }

  void take(const BundleMember& member) {
    switch (member.kind) {
      case MemberKind::manifest:
      case MemberKind::definition: break;  // read by the reader
      case MemberKind::root_listing: make_entries(root_, std::nullopt, false); return;
      case MemberKind::top_listing: enter_top(member.leaf); return;
      case MemberKind::leaf_listing: enter_leaf(member.leaf); return;
      case MemberKind::blocks: take_blocks(member); return;
      case MemberKind::tail: take_tail(member); return;
      case MemberKind::end: take_end(member); return;
      case MemberKind::rows: take_rows(member); return;
      case MemberKind::file: take_file(member); return;
    }
    assertion_failed("a member that is not read before", __FILE__, __LINE__);
  }

  // ---- directories ------------------------------------------------------------------------------

  // What the bundle says of one directory; with a leaf of its repairs too.
  void make_entries(Directory& directory, std::optional<LeafId> leaf, bool is_top) {
    const Bytes listing = bundle_.read_whole(listing_bytes_max);
    const auto parsed = parse_listing(listing);
    if (const auto* problem = std::get_if<ListingProblem>(&parsed)) {
      bundle_.refuse(problem->offset_bytes, problem->expected, problem->found);
    }
    std::string repair_name;
    std::unique_ptr<Directory> repair;
    for (const ListedEntry& entry : std::get<std::vector<ListedEntry>>(parsed)) {
      check_stop();
      const std::size_t slash = entry.name.find('/');
      if (slash == std::string::npos) {
        make_entry(directory, entry.name, entry, !leaf && !is_top, leaf);
        continue;
      }
      const std::string name = entry.name.substr(0, slash);
      if (!leaf || !is_repair_directory(*leaf, name)) refuse_entry(entry);
      if (name != repair_name) repair = open_made(directory, name, entry);
      repair_name = name;
      make_entry(*repair, entry.name.substr(slash + 1), entry, false, leaf);
    }
  }

  [[noreturn]] void refuse_entry(const ListedEntry& entry) const {
    bundle_.refuse(0, "each name once, behind the directory that it is in",
                   "'" + printable(entry.name) + "'");
  }

  std::unique_ptr<Directory> open_made(const Directory& directory, const std::string& name,
                                       const ListedEntry& entry) const {
    auto opened = directory.open_directory(name);
    auto* found = std::get_if<std::unique_ptr<Directory>>(&opened);
    if (found == nullptr) refuse_entry(entry);
    return std::move(*found);
  }

  void make_entry(Directory& directory, const std::string& name, const ListedEntry& entry,
                  bool is_root, std::optional<LeafId> leaf) {
    const bool is_ours = is_root && (name == definition_name || name == definition_incomplete_name);
    if (is_ours || directory.status_of(name)) refuse_entry(entry);
    ListedKind kind = entry.kind;
    if (kind == ListedKind::other) {
      // Not what belongs there, as what it stands for is not.
      const bool is_file =
          leaf && parse_extent_name(*leaf, name) && !is_repair_directory(*leaf, name);
      kind = is_file ? ListedKind::directory : ListedKind::file;
    }
    if (kind == ListedKind::directory) {
      directory.make_directory(name, std::nullopt);
      return;
    }
    const auto file = directory.create_file(name, std::nullopt);
    if (entry.size_bytes > 0) file->resize(entry.size_bytes);
    ++summary_.file_count;
    summary_.apparent_bytes += entry.size_bytes;
  }

  // A directory that a listing has named. One that it has not is refused.
  std::unique_ptr<Directory> open_listed(const std::string& path) const {
    auto opened = root_.open_directory(path);
    auto* found = std::get_if<std::unique_ptr<Directory>>(&opened);
    if (found == nullptr) bundle_.refuse(0, "a directory that is listed", "'" + path + "'");
    return std::move(*found);
  }

  void enter_top(LeafId leaf) {
    const auto top = open_listed(top_directory_name(leaf));
    make_entries(*top, std::nullopt, /*is_top=*/true);
  }

  void enter_leaf(LeafId leaf) {
    leaf_ = open_listed(leaf_directory_path(leaf));
    leaf_id_ = leaf;
    make_entries(*leaf_, leaf, false);
  }

  // ---- files ------------------------------------------------------------------------------------

  // In which directory the member's extent, or its replacement, is.
  Directory& directory_of(const BundleMember& member) {
    if (leaf_ == nullptr || leaf_id_ != leaf_of(member.extent)) {
      bundle_.refuse(0, "the listing of its directory before it", "none");
    }
    if (!member.is_replacement) return *leaf_;
    replacement_ = open_listed(extent_path(member.extent, ExtentPart::replace));
    return *replacement_;
  }

  // A file that a listing has named, to be written to.
  std::unique_ptr<File> open_member(const BundleMember& member, ExtentPart part) {
    Directory& directory = directory_of(member);
    const std::string name = extent_file_name(member.extent, part);
    auto opened = directory.open_file(name, Access::read_write);
    auto* file = std::get_if<std::unique_ptr<File>>(&opened);
    if (file == nullptr) bundle_.refuse(0, "a file that is listed", "'" + name + "'");
    return std::move(*file);
  }

  void expect_bytes_max(std::uint64_t bytes_max) const {
    if (bundle_.member_bytes() <= bytes_max) return;
    bundle_.refuse(0, fmt::format("at most {} bytes", bytes_max),
                   fmt::format("{} bytes", bundle_.member_bytes()));
  }

  void take_blocks(const BundleMember& member) {
    summaries_.clear();
    summaries_of_ = member.extent;
    expect_bytes_max(geometry_.extent_size_blocks() * block_summary_bytes);
    if (bundle_.member_bytes() % block_summary_bytes != 0) {
      bundle_.refuse(0, fmt::format("a multiple of {} bytes", block_summary_bytes),
                     fmt::format("{} bytes", bundle_.member_bytes()));
    }
    const auto file = open_member(member, ExtentPart::data);
    const std::uint64_t size_bytes = file->status().size_bytes;
    const Bytes bytes = bundle_.read_whole(bundle_.member_bytes());
    for (std::size_t at = 0; at < bytes.size(); at += block_summary_bytes) {
      const BlockSummary summary =
          decode_summary(ByteView(bytes).subspan(at).first<block_summary_bytes>());
      const std::uint64_t offset_bytes = geometry_.block_offset_bytes(summaries_.size());
      if (offset_bytes + geometry_.block_size_bytes() > size_bytes) {
        bundle_.refuse(at, fmt::format("blocks of a file of {} bytes", size_bytes), "more");
      }
      if (!StandInBlocks::is_zero(summary)) file->write(offset_bytes, stand_in_.marked());
      summaries_.push_back(summary);
    }
    if (options_.progress != nullptr) {
      options_.progress->advance(1, geometry_.extent_data_bytes());
    }
  }

  // nullptr where nothing is known of the block: its contexts stay as they are.
  [[nodiscard]] const BlockSummary* summary_of(const BundleMember& member,
                                               std::uint64_t block) const {
    if (member.is_replacement || summaries_of_ != member.extent) return nullptr;
    return block < summaries_.size() ? &summaries_[block] : nullptr;
  }

  void take_tail(const BundleMember& member) {
    const auto file = open_member(member, ExtentPart::data);
    const std::uint64_t data_bytes = geometry_.extent_data_bytes();
    const std::uint64_t size_bytes = std::min(file->status().size_bytes, layout_.file_bytes());
    expect_bytes_max(size_bytes - std::min(size_bytes, data_bytes));
    for (std::uint64_t at = 0; bundle_.left_bytes() > 0; at += chunk_bytes) {
      Bytes chunk(std::min(chunk_bytes, bundle_.left_bytes()));
      bundle_.read(chunk);
      carry_over_slots(member, chunk, at);
      // What is zero stays a hole.
      if (!all_zero(chunk)) file->write(data_bytes + at, chunk);
    }
  }

  // `at` is the chunk's place behind the data, where the slots begin.
  void carry_over_slots(const BundleMember& member, MutableByteView chunk, std::uint64_t at) const {
    const std::uint64_t blocks = geometry_.extent_size_blocks();
    for (std::uint64_t i = 0; i + context_slot_bytes <= chunk.size(); i += context_slot_bytes) {
      const std::uint64_t slot = (at + i) / context_slot_bytes;
      if (slot >= 2 * blocks) return;
      const BlockSummary* summary = summary_of(member, slot % blocks);
      if (summary == nullptr) continue;
      stand_in_.carry_over(chunk.subspan(i).first<context_slot_bytes>(),
                           slot < blocks ? ContextSlot::A : ContextSlot::B, *summary);
    }
  }

  void take_end(const BundleMember& member) {
    const auto file = open_member(member, ExtentPart::data);
    const Bytes end = bundle_.read_whole(metadata_bytes);
    const std::uint64_t size_bytes = file->status().size_bytes;
    if (end.size() != metadata_bytes || size_bytes < metadata_bytes ||
        !is_version_3_metadata(MetadataView(end))) {
      bundle_.refuse(0, "the 32 bytes that a file of extent version 3 ends with",
                     to_hex(end).substr(0, 2 * metadata_bytes));
    }
    file->write(size_bytes - metadata_bytes, end);
  }

  void take_rows(const BundleMember& member) {
    const auto file = open_member(member, ExtentPart::db);
    const Bytes bytes = bundle_.read_whole(bundled_rows_bytes_max);
    if (bytes.size() < metadata_bytes || (bytes.size() - metadata_bytes) % bundled_row_bytes != 0) {
      bundle_.refuse(
          0, fmt::format("{} bytes, and {} for each row", metadata_bytes, bundled_row_bytes),
          fmt::format("{} bytes", bytes.size()));
    }
    const auto decoded = decode_metadata(ByteView(bytes).first<metadata_bytes>());
    const auto* metadata = std::get_if<ExtentMetadata>(&decoded);
    if (metadata == nullptr) bundle_.refuse(0, "metadata of a raw extent", "something else");
    const auto image =
        build_sqlite_image(*metadata, read_rows(member, bytes), geometry_.extent_size_blocks());
    if (!image) bundle_.refuse(metadata_bytes, "each row once", "the same row twice");
    summary_.apparent_bytes += image->size() - file->status().size_bytes;
    file->resize(0);
    file->write(0, *image);
    remove_log(member);
  }

  ContextRows read_rows(const BundleMember& member, ByteView bytes) const {
    ContextRows rows;
    for (std::size_t at = metadata_bytes; at < bytes.size(); at += bundled_row_bytes) {
      const auto row = decode_row(bytes.subspan(at).first<bundled_row_bytes>());
      if (!row || row->block >= geometry_.extent_size_blocks()) {
        bundle_.refuse(at, fmt::format("a row of a block below {}", geometry_.extent_size_blocks()),
                       row ? fmt::format("block {}", row->block) : "something else");
      }
      const BlockSummary* summary = summary_of(member, row->block);
      rows.add(row->block, summary == nullptr ? row->context
                                              : stand_in_.carry_over(row->context, *summary,
                                                                     row->integrity_holds));
    }
    rows.sort();
    return rows;
  }

  // The rows are those of the database with its log applied.
  void remove_log(const BundleMember& member) {
    Directory& directory = directory_of(member);
    for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm, ExtentPart::db_journal}) {
      const std::string name = extent_file_name(member.extent, part);
      const auto status = directory.status_of(name);
      if (!status || status->kind != FileKind::regular) continue;
      directory.remove_file(name);
      --summary_.file_count;
      summary_.apparent_bytes -= status->size_bytes;
    }
  }

  void take_file(const BundleMember& member) {
    const auto file = open_member(member, member.part);
    expect_bytes_max(file->status().size_bytes);
    for (std::uint64_t at = 0; bundle_.left_bytes() > 0; at += chunk_bytes) {
      Bytes chunk(std::min(chunk_bytes, bundle_.left_bytes()));
      bundle_.read(chunk);
      file->write(at, chunk);
    }
  }

  RegionInMaking& making_;
  Directory& root_;
  BundleReader& bundle_;
  const UnbundleOptions& options_;
  Geometry geometry_;
  RawLayout layout_;
  StandInBlocks stand_in_;
  UnbundleSummary summary_;
  LeafId leaf_id_;
  std::unique_ptr<Directory> leaf_;
  std::unique_ptr<Directory> replacement_;
  std::optional<ExtentId> summaries_of_;
  std::vector<BlockSummary> summaries_;
};

// What is needed at least: zeros of the bundle become holes, and how many there are shows later.
// Extents may be missing; of one that is there are the blocks and what is behind them, each a
// member of a header and some content.
std::uint64_t needed_bytes_min(const BundleReader& bundle) {
  constexpr std::uint64_t extent_members_bytes = std::uint64_t{2} * 2 * tar_block_bytes;
  const std::uint64_t extents = bundle.definition().extent_count;
  const auto bundle_bytes = bundle.size_bytes();
  const std::uint64_t files =
      bundle_bytes ? std::min(extents, *bundle_bytes / extent_members_bytes) : extents;
  return files * new_file_overhead_bytes;
}

}  // namespace

void check_unbundle_space(FileSystem& file_system, const std::string& path,
                          const BundleReader& bundle) {
  check_free_space(file_system, path, needed_bytes_min(bundle));
}

UnbundleSummary create_from_bundle(FileSystem& file_system, const std::string& path,
                                   BundleReader& bundle, const UnbundleOptions& options) {
  (void)check_create_target(file_system, path, options.target.force);
  check_unbundle_space(file_system, path, bundle);
  UnbundleSummary summary;
  make_region(file_system, path, options.target, [&](RegionInMaking& making) {
    making.mark(bundle.definition(), std::nullopt);
    summary = Unbundling(making, bundle, options).run();
    return true;
  });
  return summary;
}

}  // namespace libregion
