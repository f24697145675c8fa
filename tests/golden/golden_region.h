// The golden regions: made by Crucible itself, each with what Crucible says of it. They are not
// part of this project; the environment variable REGION_GOLDEN_DIR names the directory they are in.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/region/region.h"

namespace libregion {

// Ends the process with the status that means "skipped" where REGION_GOLDEN_DIR is not set.
std::filesystem::path golden_directory();

// "raw-dirty/region", "raw-defragmented/region-after" and so on, in order.
std::vector<std::string> golden_regions();

// Where Crucible's word on a region is: of "raw-defragmented/region-after" it is
// "raw-defragmented/expect-after", as a path.
std::filesystem::path expectations_of(const std::string& region);

// Without their ends. None where there is no such file.
std::vector<std::string> read_lines(const std::filesystem::path& path);

// A golden region, open for reading.
class GoldenRegion {
 public:
  explicit GoldenRegion(const std::string& name);

  // False where region.json cannot be used; then only findings() can be asked for.
  [[nodiscard]] bool is_open() const { return opened_.region.has_value(); }
  [[nodiscard]] const Region& region() const { return *opened_.region; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return opened_.findings; }
  [[nodiscard]] std::uint32_t extent_count() const { return region().definition.extent_count; }
  // Without a reader where the extent cannot be looked at, or is not there.
  [[nodiscard]] OpenedExtent open(ExtentId extent) const;

 private:
  PosixFileSystem file_system_;
  OpenedRegion opened_;
};

}  // namespace libregion
