#include "libregion/ops/create.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/raw_image.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/extent_names.h"
#include "libregion/io/durable.h"
#include "libregion/ops/image_importer.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/new_region.h"
#include "libregion/region/region_use.h"

namespace libregion {
namespace {

// What a file takes at least: its metadata, and what the file system keeps of it.
constexpr std::uint64_t file_overhead_bytes = 8192;

ExtentMetadata metadata_of_new(bool is_written) {
  ExtentMetadata metadata;
  // A create with an import is a write of everything, then a flush with number 1.
  metadata.flush_number = is_written ? 1 : 0;
  return metadata;
}

Bytes build_database(ExtentMetadata metadata,
                     std::span<const std::optional<BlockContext>> contexts) {
  metadata.ext_version = sqlite_ext_version;
  return build_sqlite_image(metadata, contexts);
}

// The size of the database of an extent whose first blocks are written.
std::uint64_t typical_database_bytes(const Geometry& geometry, std::uint64_t written_blocks) {
  constexpr std::uint64_t typical_hash = 0x8000'0000'0000'0000;  // all eight bytes are needed
  Contexts contexts(geometry.extent_size_blocks());
  for (std::uint64_t block = 0; block < written_blocks; ++block) {
    contexts[block] = BlockContext{typical_hash, std::nullopt, typical_hash, 0};
  }
  return build_database(metadata_of_new(written_blocks > 0), contexts).size();
}

// Builds everything below the region's directory.
class RegionBuilder {
 public:
  RegionBuilder(Directory& root, const CreateOptions& options)
      : root_(root),
        options_(options),
        geometry_(options.definition.geometry),
        summary_{options.definition} {}

  CreateSummary build() {
    if (options_.image != nullptr) import_image();
    create_empty_extents(next_extent_, options_.definition.extent_count);
    summary_.definition.extent_count = next_extent_;
    sync_everything();
    const std::string text = to_json_text(summary_.definition);
    // From here the region is there: everything before this line is durable.
    replace_file(root_, definition_name, definition_temporary_name, as_byte_view(text));
    summary_.apparent_bytes = file_bytes_ + text.size();
    return summary_;
  }

 private:
  void check_stop() const {
    if (options_.stop != nullptr && *options_.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
  }

  void import_image() {
    ImageImporter importer(*options_.image, geometry_, options_.skip_zeros);
    check_stop();
    while (importer.has_more()) {
      if (next_extent_ == std::numeric_limits<std::uint32_t>::max()) {
        throw Error(ErrorKind::failed, "the image needs more extents than a region can have");
      }
      check_stop();
      enter_leaf(leaf_of(ExtentId{next_extent_}));
      const auto file = leaf_->create_file(extent_file_name(ExtentId{next_extent_}), std::nullopt);
      file->resize(geometry_.extent_data_bytes());
      const Contexts contexts = importer.import_extent(*file);
      finish_extent(*leaf_, ExtentId{next_extent_}, *file, contexts);
      ++next_extent_;
      advance(1);
    }
    // Whoever fills the pipe may have been stopped with us: its end is then not the image's.
    check_stop();
    summary_.imported_bytes = importer.imported_bytes();
    summary_.written_blocks = importer.written_blocks();
  }

  void create_empty_extents(std::uint32_t first, std::uint32_t end) {
    const Contexts none(geometry_.extent_size_blocks());
    if (options_.format == ExtentFormat::sqlite) {
      empty_database_ = build_database(metadata_of_new(false), none);
    }
    while (first < end) {
      enter_leaf(leaf_of(ExtentId{first}));
      const std::uint32_t leaf_end = static_cast<std::uint32_t>(std::min<std::uint64_t>(
          end, (std::uint64_t{leaf_of(ExtentId{first}).value} + 1) * extents_per_leaf));
      for_each_in_parallel(options_.jobs, leaf_end - first, [&](std::size_t i) {
        check_stop();
        const ExtentId extent{first + static_cast<std::uint32_t>(i)};
        const auto file = leaf_->create_file(extent_file_name(extent), std::nullopt);
        finish_extent(*leaf_, extent, *file, none);
        advance(1);
      });
      first = leaf_end;
      next_extent_ = leaf_end;
    }
  }

  // Everything of an extent but its data.
  void finish_extent(Directory& leaf, ExtentId extent, File& file, const Contexts& contexts) {
    const bool is_written = std::any_of(contexts.begin(), contexts.end(),
                                        [](const auto& context) { return context.has_value(); });
    const ExtentMetadata metadata = metadata_of_new(is_written);
    if (options_.format == ExtentFormat::raw) {
      // The first write of a block goes to its inactive slot, and that is B.
      write_raw_tail(file, geometry_, contexts, ContextSlot::B, metadata);
      file_bytes_ += RawLayout(geometry_).file_bytes();
      return;
    }
    file.resize(geometry_.extent_data_bytes());
    const auto db = leaf.create_file(extent_file_name(extent, ExtentPart::db), std::nullopt);
    const Bytes image = is_written ? build_database(metadata, contexts) : empty_database();
    db->write(0, image);
    file_bytes_ += geometry_.extent_data_bytes() + image.size();
  }

  [[nodiscard]] Bytes empty_database() const {
    return empty_database_.empty()
               ? build_database(metadata_of_new(false), Contexts(geometry_.extent_size_blocks()))
               : empty_database_;
  }

  void advance(std::uint64_t extents) const {
    if (options_.progress != nullptr) {
      options_.progress->advance(extents, extents * geometry_.extent_data_bytes());
    }
  }

  void enter_leaf(LeafId leaf) {
    if (leaf_ != nullptr && leaf_id_ == leaf) return;
    const std::string top = top_directory_name(leaf);
    if (!root_.status_of(top)) root_.make_directory(top, std::nullopt);
    const auto parent = open_directory_in(root_, top);
    const std::string name = leaf_directory_path(leaf).substr(top.size() + 1);
    parent->make_directory(name, std::nullopt);
    leaf_ = open_directory_in(*parent, name);
    leaf_id_ = leaf;
  }

  // ---- durability -------------------------------------------------------------------------------

  void sync_everything() {
    const bool many = next_extent_ > few_files_max;
    const bool synced = many && root_.sync_file_system();
    for_each_directory([&](Directory& leaf, ExtentId first, std::uint32_t count) {
      for (std::uint32_t i = 0; i < count && !synced; ++i) {
        sync_extent(leaf, ExtentId{first.value + i});
      }
      leaf.sync();
    });
    for (std::uint32_t top = 0; top < top_count(); ++top) {
      open_directory_in(root_, top_directory_name(LeafId{top << 12U}))->sync();
    }
    root_.sync();
  }

  [[nodiscard]] std::uint32_t top_count() const {
    return next_extent_ == 0 ? 0 : leaf_of(ExtentId{next_extent_ - 1}).value / 4096 + 1;
  }

  template <class Visit>
  void for_each_directory(Visit visit) {
    for (std::uint64_t first = 0; first < next_extent_; first += extents_per_leaf) {
      const ExtentId extent{static_cast<std::uint32_t>(first)};
      const auto leaf = open_directory_in(root_, leaf_directory_path(leaf_of(extent)));
      visit(*leaf, extent,
            static_cast<std::uint32_t>(
                std::min<std::uint64_t>(extents_per_leaf, next_extent_ - first)));
    }
  }

  void sync_extent(const Directory& leaf, ExtentId extent) const {
    sync_by_name(leaf, extent_file_name(extent));
    if (options_.format == ExtentFormat::sqlite) {
      sync_by_name(leaf, extent_file_name(extent, ExtentPart::db));
    }
  }

  static void sync_by_name(const Directory& leaf, const std::string& name) {
    expect_opened(leaf.open_file(name, Access::read_write), leaf.path() + "/" + name)->sync();
  }

  Directory& root_;
  const CreateOptions& options_;
  Geometry geometry_;
  CreateSummary summary_;
  std::uint32_t next_extent_ = 0;  // extents below are made
  LeafId leaf_id_;
  std::unique_ptr<Directory> leaf_;
  Bytes empty_database_;
  std::atomic<std::uint64_t> file_bytes_{0};
};

}  // namespace

std::uint64_t apparent_region_bytes(const RegionDefinition& definition, ExtentFormat format,
                                    std::uint64_t image_bytes) {
  const Geometry& geometry = definition.geometry;
  const std::uint64_t text_bytes = to_json_text(definition).size();
  if (format == ExtentFormat::raw) {
    return definition.extent_count * RawLayout(geometry).file_bytes() + text_bytes;
  }
  const std::uint64_t written = divide_rounding_up(image_bytes, geometry.block_size_bytes());
  const std::uint64_t full_extents = written / geometry.extent_size_blocks();
  const std::uint64_t rest_blocks = written % geometry.extent_size_blocks();
  const std::uint64_t begun_extents = full_extents + (rest_blocks != 0 ? 1 : 0);
  std::uint64_t database_bytes =
      (definition.extent_count - begun_extents) * typical_database_bytes(geometry, 0);
  if (full_extents > 0) {
    database_bytes +=
        full_extents * typical_database_bytes(geometry, geometry.extent_size_blocks());
  }
  if (rest_blocks > 0) database_bytes += typical_database_bytes(geometry, rest_blocks);
  return definition.extent_count * geometry.extent_data_bytes() + database_bytes + text_bytes;
}

RegionDefinition extend_to_fit(const RegionDefinition& definition, std::uint64_t image_bytes) {
  RegionDefinition extended = definition;
  const std::uint64_t needed =
      divide_rounding_up(image_bytes, definition.geometry.extent_data_bytes());
  if (needed > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorKind::usage, "the image needs more extents than a region can have");
  }
  extended.extent_count = std::max(extended.extent_count, static_cast<std::uint32_t>(needed));
  return extended;
}

bool check_create_target(FileSystem& file_system, const std::string& path, bool force) {
  const TargetState state = look_at_target(file_system, path);
  switch (state.kind) {
    case TargetState::Kind::missing:
    case TargetState::Kind::empty: return false;
    case TargetState::Kind::leftovers:
      if (force) return true;
      throw Error(
          ErrorKind::failed,
          fmt::format("'{}' holds what an interrupted create left; --force clears it", path));
    case TargetState::Kind::region:
      throw Error(ErrorKind::failed, fmt::format("'{}' is a region already", path));
    case TargetState::Kind::lost_definition:
      throw Error(ErrorKind::failed,
                  fmt::format("'{}' is a region that lost its region.json: '{}' has been written",
                              path, state.offender));
    case TargetState::Kind::something_else: break;
  }
  throw Error(ErrorKind::failed,
              fmt::format("'{}': expected nothing or an empty directory, found '{}'", path,
                          printable(state.offender)));
}

void check_create_space(FileSystem& file_system, const std::string& path,
                        const CreateOptions& options) {
  const std::uint64_t image_bytes =
      options.image != nullptr ? options.image->size_bytes().value_or(0) : 0;
  const std::uint64_t extents = extend_to_fit(options.definition, image_bytes).extent_count;
  std::uint64_t needed_bytes = extents * file_overhead_bytes + image_bytes;
  if (options.format == ExtentFormat::sqlite) {
    needed_bytes += extents * typical_database_bytes(options.definition.geometry, 0);
  }

  const std::uint64_t free_bytes = open_parent(file_system, path).parent->free_bytes();
  if (needed_bytes <= free_bytes) return;
  throw Error(ErrorKind::failed, fmt::format("'{}': no space: expected {} free, found {}", path,
                                             human_size(needed_bytes), human_size(free_bytes)));
}

void make_region(FileSystem& file_system, const std::string& path, const NewRegionOptions& options,
                 const std::function<void(Directory& root)>& build) {
  auto [parent, name] = open_parent(file_system, path);
  const bool makes_directory = look_at_target(file_system, path).kind == TargetState::Kind::missing;
  if (makes_directory) parent->make_directory(name, std::nullopt);
  const auto root = expect_opened(file_system.open_directory(path), path);
  const RegionUse use(file_system, *root,
                      {Access::read_write, false, options.lock_wait_seconds, options.stop});
  // Once more, now that nobody else can be making it.
  const bool has_leftovers = check_create_target(file_system, path, options.force);
  if (has_leftovers) clear_leftovers(*root, ClearOrder::durable);
  try {
    build(*root);
    parent->sync();
  } catch (...) {
    // Best effort: what stays is what an interrupted create leaves anyway, and --force clears it.
    try {
      if (!root->status_of(definition_name)) clear_leftovers(*root, ClearOrder::any);
      if (makes_directory) parent->remove_directory(name);
    } catch (const Error&) {
    }
    throw;
  }
}

CreateSummary create_region(FileSystem& file_system, const std::string& path,
                            const CreateOptions& options) {
  LIBREGION_ASSERT(options.image == nullptr || !options.definition.encrypted);
  (void)check_create_target(file_system, path, options.force);
  check_create_space(file_system, path, options);
  CreateSummary summary{options.definition};
  make_region(file_system, path, {options.force, options.lock_wait_seconds, options.stop},
              [&](Directory& root) { summary = RegionBuilder(root, options).build(); });
  return summary;
}

}  // namespace libregion
