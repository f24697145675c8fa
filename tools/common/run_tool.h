// What every tool's main does: options, signals, the one place where failures are caught, the
// records that frame the others, the exit status.

#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "libregion/io/posix_file_system.h"
#include "tools/common/exit_code.h"
#include "tools/common/options.h"
#include "tools/common/renderer.h"
#include "tools/common/terminal_progress.h"

namespace region_tools {

// What a tool's job has to hand.
class Session {
 public:
  Session(std::string tool, const CommonOptions& options, const OptionSet& option_set);

  [[nodiscard]] const CommonOptions& options() const { return options_; }
  // What the common options say of a walk over this region.
  [[nodiscard]] libregion::WalkOptions walk_options(
      const libregion::RegionDefinition& definition) const;
  // Whether a writer leaves this region to another share.
  [[nodiscard]] bool is_of_another_share(const std::string& path);
  [[nodiscard]] libregion::FileSystem& file_system() { return file_system_; }
  [[nodiscard]] libregion::Progress& progress() { return progress_; }
  [[nodiscard]] static const std::atomic<bool>& stop_flag();
  [[nodiscard]] libregion::Reporter& reporter() { return counting_reporter_; }
  [[nodiscard]] bool uses_color() const { return wants_color(options_.color, output_); }

  // On standard error, after the tool's name.
  void warn(const std::string& message);
  // There, and as a record.
  void report_failure(const libregion::Error& error, const std::string& region = {});

  // A region's job, from beginning to end.
  void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                    libregion::UseCheck in_use_check);
  // Goes on with a region that was begun before another one was, and with its counts.
  void resume_region(const std::string& path, const libregion::RegionDefinition& definition,
                     const FindingCounts& counts);
  void compare(const ComparisonRecord& record);
  void compare(const BlockComparisonRecord& record);
  // The fields are added up for the summary.
  void end_region(const Fields& fields, const std::string& text);
  [[nodiscard]] const FindingCounts& region_counts() const { return region_counts_; }

  // Something was left out or left alone.
  void set_incomplete() { summary_.complete = false; }
  // Something that no region accounts for.
  void add_to_totals(const Fields& fields);

  // Throws Error (usage) where a file that this run writes stands in one of the regions; nothing is
  // written to it then.
  void require_outputs_outside(const std::vector<std::string>& regions);

  // Returns the exit code, which becomes worse where the metrics cannot be written.
  [[nodiscard]] ExitCode finish(ExitCode code, double seconds);

 private:
  // Counts findings on their way to the renderer.
  class CountingReporter : public libregion::Reporter {
   public:
    explicit CountingReporter(Session& session) : session_(session) {}
    void extent(const libregion::ExtentRecord& record) override;
    void finding(const libregion::Finding& finding) override;
    void block(const libregion::BlockReport& report) override;
    void record(const libregion::OtherRecord& record) override;

   private:
    Session& session_;
  };

  void require_meta(const std::string& in_use_check);
  void stop_if_nobody_reads();

  std::string tool_;
  const CommonOptions& options_;
  bool takes_whole_regions_;  // of a shard: what changes a region does
  bool only_looks_;
  std::optional<libregion::RateLimit> rate_limit_;
  libregion::PosixFileSystem file_system_;
  TerminalProgress progress_;
  Output output_;
  Output frame_output_;  // of what is not a row of CSV
  std::unique_ptr<Renderer> renderer_;
  CountingReporter counting_reporter_;
  bool has_meta_ = false;
  FindingCounts region_counts_;
  RunSummary summary_;
};

// Whether what was found makes exit status 1: errors, with --strict warnings too.
bool has_grave_findings(const CommonOptions& options, const FindingCounts& counts);

using AddOptions = std::function<void(CommandLine&)>;
using Job = std::function<ExitCode(Session&)>;

// Returns the exit status. `add_options` adds the tool's own options, `job` does its work.
int run_tool(int argc, const char* const* argv, const ToolInfo& info, const OptionSet& option_set,
             const AddOptions& add_options, const Job& job);

// Opens a region and begins it; where its region.json cannot be used, says so, ends it and returns
// nullopt. Throws as open_region does.
std::optional<libregion::Region> open_and_begin(Session& session, const std::string& path,
                                                const libregion::UseOptions& use);

// Opens the regions of the command line one after the other and does `job` for each; a failure in
// one does not stop the others. Returns the most serious of their exit codes.
using RegionJob = std::function<ExitCode(const libregion::Region&)>;
ExitCode for_each_region(Session& session, const libregion::UseOptions& use, const RegionJob& job);

}  // namespace region_tools
