// One stream of records, rendered for people, as JSON or as CSV. What every tool says first (meta),
// of each region, and last (summary) is the same everywhere.

#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "libregion/region/region.h"
#include "libregion/report/reporter.h"
#include "tools/common/options.h"
#include "tools/common/output.h"

namespace libregion {
struct BlockComparison;
}

namespace region_tools {

using Fields = std::vector<libregion::ReportField>;

struct FindingCounts {
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
  std::uint64_t notes = 0;
  std::map<libregion::FindingId, std::uint64_t> by_id;

  void add(libregion::FindingId id);
};

// "3 errors, 1 warning, 0 notes", or "nothing wrong".
std::string counts_text(const FindingCounts& counts);
// UUID and geometry, in a line.
std::string describe_region(const libregion::RegionDefinition& definition);
// "1 extent", "2 extents".
std::string plural(std::uint64_t count, std::string_view noun);

struct RunMeta {
  std::string tool;
  std::string in_use_check = "none";  // of the first region
};

struct RunSummary {
  Fields fields;  // the tool's totals
  FindingCounts findings;
  double seconds = 0;
  bool complete = true;
  int exit_code = 0;
};

// The same thing of several regions, side by side.
struct ComparisonRecord {
  std::string_view what;  // "region", "extent"
  std::optional<libregion::ExtentId> extent = std::nullopt;
  std::vector<std::string_view> different = {};  // the names of the fields that are not the same
  struct Side {
    std::string_view path;
    std::string uuid;
    Fields fields = {};
  };
  std::vector<Side> sides = {};
};

// The same blocks of several regions, side by side. Valid during the call only.
struct BlockComparisonRecord {
  const libregion::BlockComparison& comparison;
  std::uint64_t region_block = 0;  // of the first of them
  std::span<const ComparisonRecord::Side> sides;
};

class Renderer : public libregion::Reporter {
 public:
  void block(const libregion::BlockReport& report) override = 0;
  void record(const libregion::OtherRecord& record) override = 0;

  // The first record; written once, when the first other one is.
  virtual void meta(const RunMeta& meta) = 0;

  // Everything until end_region is about this region. Without a definition where it cannot be used.
  virtual void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                            libregion::UseCheck in_use_check) = 0;
  // Goes on with a region that was begun before another one was.
  virtual void resume_region(const std::string& path,
                             const libregion::RegionDefinition& definition) = 0;
  // Of several regions, between their beginning and their end. People are shown a table instead.
  virtual void comparison(const ComparisonRecord& /*record*/) {}
  virtual void block_comparison(const BlockComparisonRecord& /*record*/) {}
  // `text` says for people what `fields` say for programs. Not called where the job failed.
  virtual void end_region(const Fields& fields, const std::string& text,
                          const FindingCounts& counts) = 0;

  // A failure; `region` is empty where it is not one region's. People read of it on standard error.
  virtual void error(const std::string& region, const std::string& message) = 0;

  virtual void summary(const RunSummary& summary) = 0;
};

// What --color says of this output.
bool wants_color(When color, const Output& output);

std::unique_ptr<Renderer> make_human_renderer(Output& output, const CommonOptions& options);
// A record a line, or all of them as one array.
std::unique_ptr<Renderer> make_json_renderer(Output& output, bool as_array);
// The records of one type, a row each; `frame` renders what is said besides: of findings, if they
// are not the rows, of regions, errors and the run.
std::unique_ptr<Renderer> make_csv_renderer(Output& output, const CsvRows& rows,
                                            std::unique_ptr<Renderer> frame);

}  // namespace region_tools
