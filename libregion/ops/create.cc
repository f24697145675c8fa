#include "libregion/ops/create.h"

#include <algorithm>
#include <limits>

#include "libregion/base/checked.h"
#include "libregion/base/error.h"
#include "libregion/extent/raw_image.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/extent_names.h"
#include "libregion/ops/image_importer.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/region_in_making.h"

namespace libregion {
namespace {

ExtentMetadata metadata_of_new(bool is_written) {
  ExtentMetadata metadata;
  // A create with an import is a write of everything, then a flush with number 1.
  metadata.flush_number = is_written ? 1 : 0;
  return metadata;
}

// The size of the database of an extent whose first blocks are written.
std::uint64_t typical_database_bytes(const Geometry& geometry, std::uint64_t written_blocks) {
  constexpr std::uint64_t typical_hash = 0x8000'0000'0000'0000;  // all eight bytes are needed
  SlotArray contexts(geometry.extent_size_blocks());
  for (std::uint64_t block = 0; block < written_blocks; ++block) {
    contexts.set(block, {typical_hash, std::nullopt, typical_hash, 0});
  }
  return build_sqlite_image(metadata_of_new(written_blocks > 0), contexts).size();
}

// Builds everything below the region's directory.
class RegionBuilder {
 public:
  RegionBuilder(RegionInMaking& making, const CreateOptions& options)
      : making_(making),
        options_(options),
        geometry_(options.definition.geometry),
        summary_{options.definition} {}

  CreateSummary build() {
    if (options_.image != nullptr) import_image();
    create_empty_extents(next_extent_, options_.definition.extent_count);
    summary_.definition.extent_count = next_extent_;
    making_.finish(summary_.definition);
    summary_.apparent_bytes = file_bytes_ + to_json_text(summary_.definition).size();
    return summary_;
  }

 private:
  void check_stop() const {
    if (options_.stop != nullptr && *options_.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
  }

  void import_image() {
    ImageImporter::Options how;
    how.skip_zeros = options_.skip_zeros;
    how.jobs = options_.jobs;
    how.begin_extent = [&] { return begin_extent(); };
    how.finish_extent = [&](ImportedExtent& extent) {
      finish_extent(extent);
      advance(1);
    };
    ImageImporter importer(*options_.image, geometry_, std::move(how));
    check_stop();
    importer.run();
    // Whoever fills the pipe may have been stopped with us: its end is then not the image's.
    check_stop();
    summary_.imported_bytes = importer.imported_bytes();
    summary_.written_blocks = importer.written_blocks();
  }

  std::shared_ptr<ImportedExtent> begin_extent() {
    if (next_extent_ == std::numeric_limits<std::uint32_t>::max()) {
      throw Error(ErrorKind::failed, "the image needs more extents than a region can have");
    }
    check_stop();
    const ExtentId id{next_extent_++};
    auto extent = std::make_shared<ImportedExtent>(id, geometry_.extent_size_blocks());
    extent->leaf = making_.enter_leaf(leaf_of(id));
    extent->file = extent->leaf->create_file(extent_file_name(id), std::nullopt);
    extent->file->resize(geometry_.extent_data_bytes());
    return extent;
  }

  void create_empty_extents(std::uint32_t first, std::uint32_t end) {
    if (options_.format == ExtentFormat::sqlite) empty_database_ = build_empty_database();
    while (first < end) {
      const auto leaf = making_.enter_leaf(leaf_of(ExtentId{first}));
      const std::uint32_t leaf_end = static_cast<std::uint32_t>(std::min<std::uint64_t>(
          end, (std::uint64_t{leaf_of(ExtentId{first}).value} + 1) * extents_per_leaf));
      for_each_in_parallel(options_.jobs, leaf_end - first, [&](std::size_t i) {
        check_stop();
        const ExtentId extent{first + static_cast<std::uint32_t>(i)};
        const auto file = leaf->create_file(extent_file_name(extent), std::nullopt);
        if (options_.format == ExtentFormat::raw) {
          write_empty_raw_extent(*file, geometry_, metadata_of_new(false));
          file_bytes_ += RawLayout(geometry_).file_bytes();
        } else {
          file->resize(geometry_.extent_data_bytes());
          add_database(*leaf, extent, empty_database_);
        }
        advance(1);
      });
      first = leaf_end;
      next_extent_ = leaf_end;
    }
  }

  // Everything of an imported extent but its data.
  void finish_extent(ImportedExtent& extent) {
    const bool is_written = extent.contexts.context_count() > 0;
    const ExtentMetadata metadata = metadata_of_new(is_written);
    if (options_.format == ExtentFormat::raw) {
      // The first write of a block goes to its inactive slot, and that is B.
      write_raw_tail(*extent.file, geometry_, extent.contexts, ContextSlot::B, metadata);
      file_bytes_ += RawLayout(geometry_).file_bytes();
      return making_.keep_until_synced(std::move(extent.file));
    }
    making_.keep_until_synced(std::move(extent.file));
    add_database(
        *extent.leaf, extent.id,
        is_written ? build_sqlite_image(metadata, extent.contexts) : build_empty_database());
  }

  void add_database(Directory& leaf, ExtentId extent, const Bytes& image) {
    auto db = leaf.create_file(extent_file_name(extent, ExtentPart::db), std::nullopt);
    db->write(0, image);
    file_bytes_ += geometry_.extent_data_bytes() + image.size();
    making_.keep_until_synced(std::move(db));
  }

  [[nodiscard]] static Bytes build_empty_database() {
    return build_sqlite_image(metadata_of_new(false), SlotArray());
  }

  void advance(std::uint64_t extents) const {
    if (options_.progress != nullptr) {
      options_.progress->advance(extents, extents * geometry_.extent_data_bytes());
    }
  }

  RegionInMaking& making_;
  const CreateOptions& options_;
  Geometry geometry_;
  CreateSummary summary_;
  std::uint32_t next_extent_ = 0;  // extents below are made
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

void check_create_space(FileSystem& file_system, const std::string& path,
                        const CreateOptions& options) {
  const std::uint64_t image_bytes =
      options.image != nullptr ? options.image->size_bytes().value_or(0) : 0;
  const std::uint64_t extents = extend_to_fit(options.definition, image_bytes).extent_count;
  std::uint64_t needed_bytes = extents * new_file_overhead_bytes + image_bytes;
  if (options.format == ExtentFormat::sqlite) {
    needed_bytes += extents * typical_database_bytes(options.definition.geometry, 0);
  }
  check_free_space(file_system, path, needed_bytes);
}

CreateSummary create_region(FileSystem& file_system, const std::string& path,
                            const CreateOptions& options) {
  LIBREGION_ASSERT(options.image == nullptr || !options.definition.encrypted);
  (void)check_create_target(file_system, path, options.force);
  check_create_space(file_system, path, options);
  CreateSummary summary{options.definition};
  make_region(file_system, path, {options.force, options.lock_wait_seconds, options.stop},
              [&](RegionInMaking& making) {
                summary = RegionBuilder(making, options).build();
                return true;
              });
  return summary;
}

}  // namespace libregion
