// Replicas that are named on the command line as files of one extent, not as regions.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libregion/region/lone_extent.h"
#include "tools/common/run_tool.h"

namespace region_tools {

struct LoneExtentOptions {
  std::optional<std::string> block_size;  // bytes
  std::uint64_t extent_size_blocks = 0;   // 0 where it was not given
};

class LoneExtents {
 public:
  // Looks at the paths, and settles what extent the files are and which geometry they have: as the
  // options say, or a region among the paths, or the one that fits all their sizes. Throws Error
  // (usage) where that is not settled.
  LoneExtents(Session& session, const std::vector<std::string>& paths,
              const LoneExtentOptions& options);

  [[nodiscard]] bool empty() const { return files_.empty(); }
  // nullopt where the path is not one of the files.
  std::optional<libregion::Region> open(const std::string& path, const libregion::UseOptions& use);
  // What --extent and --blocks say of a walk over them, and the regions beside them.
  [[nodiscard]] libregion::WalkOptions walk_options() const;
  // For people: which geometry was taken.
  [[nodiscard]] std::string text() const;

 private:
  void settle_extent(bool has_regions);
  void settle_geometry(const LoneExtentOptions& options,
                       std::optional<libregion::Geometry> of_region);
  [[nodiscard]] std::vector<libregion::Geometry> fitting_geometries(
      const LoneExtentOptions& options) const;

  Session& session_;
  std::map<std::string, libregion::LoneExtent> files_;  // by path
  libregion::ExtentId extent_;
  bool knows_extent_ = true;
  std::optional<libregion::Geometry> geometry_;
};

}  // namespace region_tools
