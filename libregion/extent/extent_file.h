// Opening one file of an extent: what is not a regular file with one name is a finding.

#pragma once

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"

namespace libregion {

// The finding for a file that was not opened. A data file that is missing is a missing extent.
Finding refusal_finding(const Refusal& refusal, ExtentId extent, ExtentPart part);

// Opens and claims it; adds a finding and returns nullptr where it is not a regular file.
std::unique_ptr<File> open_extent_file(const Directory& leaf, ExtentId extent, ExtentPart part,
                                       Access access, const FileClaim& claim,
                                       std::vector<Finding>& findings);

}  // namespace libregion
