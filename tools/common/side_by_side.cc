#include "tools/common/side_by_side.h"

#include <fmt/format.h>

#include "libregion/base/text.h"

namespace region_tools {

RegionsSideBySide::RegionsSideBySide(Session& session, const std::vector<std::string>& paths,
                                     const libregion::UseOptions& use,
                                     const std::function<void(const libregion::Region&)>& accept,
                                     const OpenOther& open_other)
    : session_(session) {
  session.require_outputs_outside(paths);
  for (const std::string& path : paths) {
    if (Session::stop_flag()) {
      exit_code_ = more_serious(exit_code_, ExitCode::stopped);
      return;
    }
    try {
      open(path, use, accept, open_other);
    } catch (const libregion::Error& error) {
      turn_to(nullptr);
      session_.report_failure(error, path);
      session_.set_incomplete();
      exit_code_ = more_serious(exit_code_, exit_code_of(error.kind()));
    }
  }
}

void RegionsSideBySide::open(const std::string& path, const libregion::UseOptions& use,
                             const std::function<void(const libregion::Region&)>& accept,
                             const OpenOther& open_other) {
  turn_to(nullptr);
  auto region = open_other ? open_other(path) : std::nullopt;
  if (region) {
    session_.begin_region(path, &region->definition, region->use->check());
  } else {
    region = open_and_begin(session_, path, use);
  }
  if (!region) {
    exit_code_ = more_serious(exit_code_, ExitCode::not_a_region);
    return;
  }
  accept(*region);
  regions_.push_back(std::make_unique<OneRegion>(*this, std::move(*region)));
  current_ = regions_.back().get();
}

void require_same_geometry(const libregion::Region& region,
                           std::optional<libregion::Geometry>& first) {
  const libregion::Geometry& geometry = region.definition.geometry;
  if (!first) first = geometry;
  if (geometry == *first) return;
  throw libregion::Error(
      libregion::ErrorKind::usage,
      fmt::format("'{}' has {} blocks of {} bytes in an extent, the first one {} of {}: "
                  "they are no replicas",
                  libregion::printable(region.path), geometry.extent_size_blocks(),
                  geometry.block_size_bytes(), first->extent_size_blocks(),
                  first->block_size_bytes()));
}

void RegionsSideBySide::turn_to(OneRegion* region) {
  if (current_ == region) return;
  if (current_ != nullptr) current_->counts = session_.region_counts();
  current_ = region;
  if (region == nullptr) return;
  session_.resume_region(region->region.path, region->region.definition, region->counts);
}

const FindingCounts& RegionsSideBySide::counts(std::size_t index) {
  turn_to(regions_[index].get());
  return session_.region_counts();
}

void RegionsSideBySide::end(std::size_t index, const Fields& fields, const std::string& text) {
  turn_to(regions_[index].get());
  session_.end_region(fields, text);
}

}  // namespace region_tools
