// Ways to change a region that are known to lose data: each must be found out.

#pragma once

#include <vector>

#include "tests/crash/region_crasher.h"

namespace libregion {

struct BrokenRegionProtocol {
  RegionProtocol protocol;
  RegionStart start;
  RegionStep step;
  CrashModel model;  // under which it is found
  std::string what;  // is done wrong, in words
};
std::vector<BrokenRegionProtocol> broken_region_protocols(const Geometry& geometry);

// Throws std::runtime_error where there is none.
RegionProtocol region_protocol_named(const std::string& name, const Geometry& geometry);

}  // namespace libregion
