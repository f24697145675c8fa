#include "tests/crash/track_record.h"

#include <fmt/format.h>

#include "tests/crash/extent_protocols.h"
#include "tests/crash/region_protocols.h"

namespace libregion {
namespace {

Geometry geometry(std::uint64_t block_count) {
  return std::get<Geometry>(Geometry::make(512, block_count));
}

TrackRecordRow row_of(const BrokenProtocol& broken) {
  TrackRecordRow row{broken.protocol.name, broken.what, broken.model, 0, std::nullopt};
  for (const std::uint64_t block_count : broken.block_counts) {
    ExtentCrasher crasher(geometry(block_count));
    for (const auto& steps : step_sequences(geometry(block_count), 3)) {
      for (const ExtentStart start :
           {ExtentStart::plain, ExtentStart::encrypted_a, ExtentStart::encrypted_b}) {
        row.failure = crasher.crash({geometry(block_count), start, steps}, broken.protocol,
                                    {{broken.model}, 0});
        if (!row.failure) continue;
        row.states += crasher.tally().states;
        return row;
      }
    }
    row.states += crasher.tally().states;
  }
  return row;
}

TrackRecordRow row_of(const BrokenRegionProtocol& broken, const Geometry& of) {
  RegionCrasher crasher({of, broken.start, {broken.step}}, broken.protocol, {{broken.model}, 1024});
  TrackRecordRow row{broken.protocol.name, broken.what, broken.model, 0, crasher.crash()};
  row.states = crasher.tally().states;
  return row;
}

}  // namespace

std::vector<TrackRecordRow> track_record() {
  std::vector<TrackRecordRow> rows;
  for (const BrokenProtocol& broken : broken_protocols()) rows.push_back(row_of(broken));
  for (const BrokenRegionProtocol& broken : broken_region_protocols(geometry(7))) {
    rows.push_back(row_of(broken, geometry(7)));
  }
  return rows;
}

std::string track_record_page(const std::vector<TrackRecordRow>& rows) {
  std::string page =
      "# Mistakes that were made before, and are found\n"
      "\n"
      "Each protocol makes one known mistake on purpose. The test `crash states` tries workloads\n"
      "with it, the short ones first, until a state breaks a promise, holds this page against "
      "what\n"
      "it finds, and repeats that state from the line that a failure prints.\n"
      "`crash-states --track-record` prints the page; `--replay LINE` looks at one of the states.\n"
      "\n"
      "| protocol | what it does wrong | model | states until found |\n"
      "|---|---|---|---|\n";
  for (const TrackRecordRow& row : rows) {
    page +=
        fmt::format("| {} | {} | {} | {} |\n", row.protocol, row.what, crash_model_name(row.model),
                    row.failure ? std::to_string(row.states) : "not found");
  }
  page += "\nThe first state that was found, of each:\n\n";
  for (const TrackRecordRow& row : rows) {
    if (row.failure) page += fmt::format("    {}\n", row.failure->line);
  }
  return page;
}

}  // namespace libregion
