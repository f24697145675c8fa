// A leaf directory (XX/YYY) and what is in it: which parts each of its extents has.

#pragma once

#include <map>
#include <memory>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/io/file_system.h"
#include "libregion/region/region.h"
#include "libregion/report/finding.h"
#include "libregion/report/reporter.h"

namespace libregion {

class Leaf {
 public:
  // One listing tells of all its extents. A directory that is missing has none; one that is a
  // symbolic link or a file, or cannot be read, is a finding.
  static Leaf open(const Region& region, LeafId id);

  [[nodiscard]] LeafId id() const { return id_; }
  // nullptr where there is none.
  [[nodiscard]] Directory* directory() const { return directory_.get(); }
  [[nodiscard]] ExtentParts parts_of(ExtentId extent) const;
  // In ascending order.
  [[nodiscard]] const std::map<ExtentId, ExtentParts>& extents() const { return extents_; }
  // The directory is there but cannot be listed: nothing is known of its extents.
  [[nodiscard]] bool is_unreadable() const { return is_unreadable_; }
  // Of the directory itself, and of names in it that no region has.
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

 private:
  explicit Leaf(LeafId id) : id_(id) {}
  void list(const Region& region);

  LeafId id_;
  std::unique_ptr<Directory> directory_;
  bool is_unreadable_ = false;
  std::map<ExtentId, ExtentParts> extents_;
  std::vector<Finding> findings_;
};

// What an extent has in its leaf directory now.
ExtentParts parts_in(const Directory& leaf, ExtentId extent);

// What is in a region's directory besides what region.json counts: strays, and leaf directories
// with extents beyond the last one. Empty leaf directories are no finding.
struct Surplus {
  std::vector<LeafId> leaves_beyond;  // that hold no extent of the region
  std::vector<Finding> findings;
};
Surplus find_surplus(const Region& region);

// The findings for a leaf's extents that region.json does not count.
std::vector<Finding> find_extra_extents(const Leaf& leaf, std::uint32_t extent_count);

// The findings for what stands beside a raw extent and means nothing there: a database's log and so
// on.
std::vector<Finding> stray_findings(ExtentId extent, const ExtentParts& parts);

// Reports what no extent of the region accounts for. Of leaf directories that hold extents of the
// region, their own findings are left to whoever visits those. `has_io_errors` becomes true where a
// directory cannot be read, which is reported unless it was true before: then it may be the one
// that the visitor has told of.
void report_surplus(const Region& region, Reporter& reporter, bool& has_io_errors);

}  // namespace libregion
