// Ways to write a raw extent that are known to lose data: each must be found out.

#pragma once

#include <vector>

#include "tests/crash/extent_session.h"
#include "tests/support/crash_model.h"

namespace libregion {

struct BrokenProtocol {
  ExtentProtocol protocol;
  CrashModel model;  // under which it is found
  std::string what;  // is done wrong, in words, and where that was seen
  // The extents that it is tried on. In one of 8 blocks a slot that counts lies in two sectors.
  std::vector<std::uint64_t> block_counts = {10, 8};
};
const std::vector<BrokenProtocol>& broken_protocols();

// Any protocol by its name: of a suite, broken, or "posix-without:slots"; throws
// std::runtime_error where there is none.
ExtentProtocol protocol_named(const std::string& name);

// One of a suite without the syncs of this label.
ExtentProtocol without_sync(const ExtentProtocol& protocol, const std::string& label);

}  // namespace libregion
