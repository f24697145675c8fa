// The known mistakes of this field, each done on purpose and found: TRACK_RECORD.md.

#pragma once

#include <string>
#include <vector>

#include "tests/crash/extent_crasher.h"

namespace libregion {

struct TrackRecordRow {
  std::string protocol;
  std::string what;
  CrashModel model = CrashModel::ordered;
  std::uint64_t states = 0;             // until it was found
  std::optional<CrashFailure> failure;  // none: it was not
};
std::vector<TrackRecordRow> track_record();

// The page as it should be.
std::string track_record_page(const std::vector<TrackRecordRow>& rows);

}  // namespace libregion
