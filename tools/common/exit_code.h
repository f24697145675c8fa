// Exit statuses: documented in every man page, never changed.

#pragma once

#include <cstdint>

#include "libregion/base/error.h"

namespace region_tools {

enum class ExitCode : std::uint8_t {
  done = 0,          // clean, equal, nothing wrong
  findings = 1,      // done, and there is damage, a difference, or with --dry-run something to do
  usage = 2,         // the command line
  failed = 3,        // could not be done, or not completely, for a reason outside the region
  not_a_region = 4,  // not a region, or its region.json cannot be used
  stopped = 5,       // on request, at an extent boundary: running it again goes on
  bug = 70,          // in the tool
  in_use = 75,       // try again later
};

ExitCode exit_code_of(libregion::ErrorKind kind);

// Of several regions the most serious counts.
ExitCode more_serious(ExitCode left, ExitCode right);

}  // namespace region_tools
