#include "tools/lone_extents.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "libregion/base/text.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;
using libregion::ExtentId;
using libregion::Geometry;
using libregion::LoneExtent;

[[noreturn]] void throw_usage(const std::string& message) {
  throw Error(ErrorKind::usage, message);
}

std::string geometry_text(const Geometry& geometry) {
  return fmt::format("--block-size {} --extent-size {}", geometry.block_size_bytes(),
                     geometry.extent_size_blocks());
}

bool has(const std::vector<Geometry>& geometries, const Geometry& geometry) {
  return std::find(geometries.begin(), geometries.end(), geometry) != geometries.end();
}

}  // namespace

LoneExtents::LoneExtents(Session& session, const std::vector<std::string>& paths,
                         const LoneExtentOptions& options)
    : session_(session) {
  std::optional<Geometry> of_region;
  bool has_regions = false;
  for (const std::string& path : paths) {
    if (auto found = libregion::find_lone_extent(session.file_system(), path)) {
      files_.emplace(path, std::move(*found));
      continue;
    }
    has_regions = true;
    // What cannot be opened is reported when it is.
    if (of_region) continue;
    try {
      const auto definition = libregion::peek_at_definition(session.file_system(), path);
      if (definition) of_region = definition->geometry;
    } catch (const Error&) {
      continue;
    }
  }
  if (files_.empty()) {
    if (options.block_size || options.extent_size_blocks != 0) {
      throw_usage("--block-size and --extent-size are for files of an extent without a region");
    }
    return;
  }
  settle_extent(has_regions);
  settle_geometry(options, of_region);
}

void LoneExtents::settle_extent(bool has_regions) {
  const auto& named = session_.options().extents;
  if (named) {
    const auto extent = libregion::parse_extent_reference(*named);
    if (!extent) throw_usage("--extent: the files are of one extent: name one");
    extent_ = *extent;
    return;
  }
  std::optional<ExtentId> found;
  for (const auto& [path, file] : files_) {
    if (!file.extent) continue;
    if (found && *found != *file.extent) {
      throw_usage("the files have the names of several extents: say with --extent which it is");
    }
    found = file.extent;
  }
  if (!found && has_regions) {
    throw_usage("which extent of the region are the files of? Say so with --extent");
  }
  extent_ = found.value_or(ExtentId{0});
  knows_extent_ = found.has_value();
}

std::vector<Geometry> LoneExtents::fitting_geometries(const LoneExtentOptions& options) const {
  std::vector<Geometry> fitting = files_.begin()->second.geometries;
  std::erase_if(fitting, [&](const Geometry& geometry) {
    const bool fits_all = std::all_of(files_.begin(), files_.end(), [&](const auto& file) {
      return has(file.second.geometries, geometry);
    });
    const bool is_asked =
        (!options.block_size ||
         require_size("--block-size", *options.block_size) == geometry.block_size_bytes()) &&
        (options.extent_size_blocks == 0 ||
         options.extent_size_blocks == geometry.extent_size_blocks());
    return !fits_all || !is_asked;
  });
  return fitting;
}

void LoneExtents::settle_geometry(const LoneExtentOptions& options,
                                  std::optional<Geometry> of_region) {
  if (options.block_size && options.extent_size_blocks != 0) {
    const auto made = Geometry::make(require_size("--block-size", *options.block_size),
                                     options.extent_size_blocks);
    if (const auto* problem = std::get_if<libregion::GeometryProblem>(&made)) {
      const bool is_block_size = problem->number == libregion::GeometryProblem::Number::block_size;
      throw_usage(fmt::format("{}: expected {}, found {}",
                              is_block_size ? "--block-size" : "--extent-size", problem->expected,
                              problem->found));
    }
    geometry_ = std::get<Geometry>(made);
    return;
  }
  geometry_ = of_region;
  if (geometry_) return;
  const std::vector<Geometry> fitting = fitting_geometries(options);
  if (fitting.size() == 1) {
    geometry_ = fitting.front();
    return;
  }
  std::vector<std::string> texts;
  for (const Geometry& geometry : fitting) texts.push_back(geometry_text(geometry));
  const LoneExtent& first = files_.begin()->second;
  const std::string what =
      files_.size() == 1
          ? fmt::format("'{}', of {} bytes", libregion::printable(first.path), first.size_bytes)
          : fmt::format("'{}', of {} bytes, and the other files", libregion::printable(first.path),
                        first.size_bytes);
  if (fitting.empty()) {
    throw_usage(
        fmt::format("no geometry fits {}: what extent is it? Say so with --block-size and "
                    "--extent-size",
                    what));
  }
  throw_usage(fmt::format("several geometries fit {}: say which it is with {}", what,
                          fmt::join(texts, ", or ")));
}

std::optional<libregion::Region> LoneExtents::open(const std::string& path,
                                                   const libregion::UseOptions& use) {
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  return libregion::open_lone_extent(session_.file_system(), found->second, *geometry_, extent_,
                                     use);
}

libregion::WalkOptions LoneExtents::walk_options() const {
  const CommonOptions& options = session_.options();
  libregion::WalkOptions walk;
  walk.extents = libregion::ExtentSelection::parse(std::to_string(extent_.value));
  walk.jobs = static_cast<unsigned>(options.jobs);
  walk.stop = &Session::stop_flag();
  if (!options.blocks) return walk;
  try {
    walk.blocks = libregion::BlockSelection::parse(*options.blocks, extent_);
    walk.blocks.check_against({*geometry_, extent_.value + 1, {}});
  } catch (const Error& error) {
    throw_usage(fmt::format("--blocks: {}", error.what()));
  }
  return walk;
}

std::string LoneExtents::text() const {
  const std::string name = knows_extent_ ? fmt::format("extent {}", extent_.value)
                                         : std::string("one extent, taken for extent 0");
  return fmt::format("files of {}: {} of {} bytes\n", name,
                     plural(geometry_->extent_size_blocks(), "block"),
                     geometry_->block_size_bytes());
}

}  // namespace region_tools
