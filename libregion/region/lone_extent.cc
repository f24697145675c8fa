#include "libregion/region/lone_extent.h"

#include <array>
#include <limits>

#include "libregion/base/error.h"
#include "libregion/format/metadata.h"
#include "libregion/format/raw_layout.h"
#include "libregion/io/paths.h"

namespace libregion {
namespace {

// The parts of an extent that stand beside its data file with a longer name.
constexpr std::array shown_parts = {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal,
                                    ExtentPart::db_shm, ExtentPart::db_journal};

// One more than the last that a region can count.
constexpr ExtentId extent_beyond_all{std::numeric_limits<std::uint32_t>::max()};

[[noreturn]] void throw_read_only() {
  throw Error(ErrorKind::usage, "the files of a lone extent are read only");
}

// What no lone extent's directory lets anyone do.
class ReadOnlyDirectory : public Directory {
 public:
  explicit ReadOnlyDirectory(std::unique_ptr<Directory> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] const std::string& path() const override { return inner_->path(); }
  [[nodiscard]] FileStatus status() const override { return inner_->status(); }
  [[nodiscard]] std::uint64_t free_bytes() const override { return inner_->free_bytes(); }
  Grant lock(Access access) override { return inner_->lock(access); }

  std::unique_ptr<File> create_file(std::string_view /*name*/,
                                    const std::optional<Ownership>& /*ownership*/) override {
    throw_read_only();
  }
  void make_directory(std::string_view /*name*/,
                      const std::optional<Ownership>& /*ownership*/) override {
    throw_read_only();
  }
  void remove_file(std::string_view /*name*/) override { throw_read_only(); }
  void remove_directory(std::string_view /*name*/) override { throw_read_only(); }
  void rename(std::string_view /*source*/, std::string_view /*target*/) override {
    throw_read_only();
  }
  void take_ownership(const Ownership& /*ownership*/) override { throw_read_only(); }
  void sync() override { throw_read_only(); }
  bool sync_file_system() override { throw_read_only(); }

 protected:
  [[nodiscard]] const Directory& inner() const { return *inner_; }

 private:
  std::unique_ptr<Directory> inner_;
};

// The directory that the files are in, as the extent's leaf directory: they have the extent's name,
// and nothing else is there.
class LoneLeaf : public ReadOnlyDirectory {
 public:
  LoneLeaf(std::unique_ptr<Directory> inner, std::string name, ExtentId extent)
      : ReadOnlyDirectory(std::move(inner)), name_(std::move(name)), extent_(extent) {}

  [[nodiscard]] std::optional<FileStatus> status_of(std::string_view name) const override {
    const auto real = real_name(name);
    return real ? inner().status_of(*real) : std::nullopt;
  }
  void list(const std::function<void(const DirectoryEntry&)>& visit) const override {
    for (const ExtentPart part : shown_parts) {
      const auto status = inner().status_of(name_ + std::string(part_suffix(part)));
      if (status) visit({extent_file_name(extent_, part), status->kind});
    }
  }
  [[nodiscard]] Opened<File> open_file(std::string_view path, Access access) const override {
    if (access != Access::read) throw_read_only();
    const auto real = real_name(path);
    if (!real) return missing();
    return inner().open_file(*real, access);
  }
  [[nodiscard]] Opened<Directory> open_directory(std::string_view /*path*/) const override {
    return missing();
  }

 private:
  static Refusal missing() { return {Refusal::Reason::missing, "nothing"}; }

  [[nodiscard]] std::optional<std::string> real_name(std::string_view name) const {
    for (const ExtentPart part : shown_parts) {
      if (extent_file_name(extent_, part) == name) return name_ + std::string(part_suffix(part));
    }
    return std::nullopt;
  }

  std::string name_;
  ExtentId extent_;
};

// The root of the region: it has the one leaf directory.
class LoneRoot : public ReadOnlyDirectory {
 public:
  LoneRoot(FileSystem& file_system, const SplitPath& place, ExtentId extent)
      : ReadOnlyDirectory(
            expect_opened(file_system.open_directory(place.directory), place.directory)),
        file_system_(file_system),
        place_(place),
        extent_(extent) {}

  [[nodiscard]] std::optional<FileStatus> status_of(std::string_view /*name*/) const override {
    return std::nullopt;
  }
  void list(const std::function<void(const DirectoryEntry&)>& /*visit*/) const override {}
  [[nodiscard]] Opened<File> open_file(std::string_view /*path*/,
                                       Access /*access*/) const override {
    return Refusal{Refusal::Reason::missing, "nothing"};
  }
  [[nodiscard]] Opened<Directory> open_directory(std::string_view path) const override {
    if (path != leaf_directory_path(leaf_of(extent_))) {
      return Refusal{Refusal::Reason::missing, "nothing"};
    }
    return std::make_unique<LoneLeaf>(
        expect_opened(file_system_.open_directory(place_.directory), place_.directory), place_.name,
        extent_);
  }

 private:
  FileSystem& file_system_;
  SplitPath place_;
  ExtentId extent_;
};

// What an extent's file is called in a region: three digits, with two directories before them or
// without.
std::optional<ExtentId> extent_of_name(const std::string& path) {
  std::size_t start = path.size();
  for (int slashes = 0; slashes < 3 && start != std::string::npos; ++slashes) {
    start = start == 0 ? std::string::npos : path.rfind('/', start - 1);
  }
  const std::string in_region = start == std::string::npos ? path : path.substr(start + 1);
  if (const auto extent = parse_extent_reference(in_region);
      extent && in_region == extent_path(*extent) && *extent != extent_beyond_all) {
    return extent;
  }
  const auto parsed = parse_extent_name(LeafId{}, split_path(path).name);
  if (!parsed || parsed->part != ExtentPart::data) return std::nullopt;
  return parsed->extent;
}

// A data file is blocks and nothing else.
std::vector<Geometry> sqlite_geometries(std::uint64_t file_bytes) {
  std::vector<Geometry> geometries;
  for (std::uint32_t shift = Geometry::shift_min; shift <= Geometry::shift_max; ++shift) {
    const std::uint64_t block_size_bytes = std::uint64_t{1} << shift;
    if (file_bytes % block_size_bytes != 0) continue;
    const auto made = Geometry::make(block_size_bytes, file_bytes / block_size_bytes);
    if (const auto* geometry = std::get_if<Geometry>(&made)) geometries.push_back(*geometry);
  }
  return geometries;
}

bool ends_with_metadata(const File& file, std::uint64_t size_bytes) {
  if (size_bytes < metadata_bytes) return false;
  const Bytes end = file.read(size_bytes - metadata_bytes, metadata_bytes);
  return std::holds_alternative<ExtentMetadata>(
      decode_metadata(MetadataView(end.data(), metadata_bytes)));
}

}  // namespace

std::vector<Geometry> raw_geometries(std::uint64_t file_bytes) {
  std::vector<Geometry> geometries;
  for (std::uint32_t shift = Geometry::shift_min; shift <= Geometry::shift_max; ++shift) {
    const std::uint64_t block_size_bytes = std::uint64_t{1} << shift;
    // Eight blocks take this much, their bits included; the count that fits is the quotient, or one
    // less, for the metadata and the last byte of bits take less than a block.
    const std::uint64_t eight_blocks_bytes = 8 * (block_size_bytes + 2 * context_slot_bytes) + 1;
    const std::uint64_t quotient = file_bytes / eight_blocks_bytes * 8 +
                                   file_bytes % eight_blocks_bytes * 8 / eight_blocks_bytes;
    for (std::uint64_t count = quotient == 0 ? 0 : quotient - 1; count <= quotient; ++count) {
      const auto made = Geometry::make(block_size_bytes, count);
      const auto* geometry = std::get_if<Geometry>(&made);
      if (geometry != nullptr && RawLayout(*geometry).file_bytes() == file_bytes) {
        geometries.push_back(*geometry);
      }
    }
  }
  return geometries;
}

std::optional<LoneExtent> find_lone_extent(FileSystem& file_system, const std::string& path) {
  const SplitPath place = split_path(path);
  if (place.name.empty() || place.name == "." || place.name == "..") return std::nullopt;
  const auto directory =
      expect_opened(file_system.open_directory(place.directory), place.directory);
  const auto status = directory->status_of(place.name);
  // A symbolic link may lead to a region; what is not there is said by whoever opens it.
  if (!status || status->kind != FileKind::regular) return std::nullopt;
  const auto file = open_file_in(*directory, place.name, Access::read);
  LoneExtent found{path, extent_of_name(path), file->status().size_bytes, false, {}};
  const std::string db_name = place.name + std::string(part_suffix(ExtentPart::db));
  found.is_sqlite = directory->status_of(db_name).has_value();
  if (found.is_sqlite) {
    found.geometries = sqlite_geometries(found.size_bytes);
  } else if (ends_with_metadata(*file, found.size_bytes)) {
    found.geometries = raw_geometries(found.size_bytes);
  }
  return found;
}

Region open_lone_extent(FileSystem& file_system, const LoneExtent& found, const Geometry& geometry,
                        ExtentId extent, const UseOptions& options) {
  LIBREGION_ASSERT(extent != extent_beyond_all);
  const SplitPath place = split_path(found.path);
  auto root = std::make_unique<LoneRoot>(file_system, place, extent);
  auto use = std::make_unique<RegionUse>(file_system, *root, options);
  const auto directory =
      expect_opened(file_system.open_directory(place.directory), place.directory);
  use->choose_check(*open_file_in(*directory, place.name, Access::read));
  return Region{found.path, RegionDefinition{geometry, extent.value + 1, Uuid{}, false},
                std::move(root), std::move(use)};
}

}  // namespace libregion
