// Every state that a crash may leave, looked at: what ./dev crash runs.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "tests/crash/extent_part.h"
#include "tests/crash/region_part.h"
#include "tests/crash/replay_line.h"
#include "tests/crash/service_crasher.h"
#include "tests/crash/sync_mutation.h"
#include "tests/crash/track_record.h"

namespace libregion {
namespace {

constexpr const char* usage =
    "usage: crash-states [--seconds N] [--jobs N] [--only extents|services|regions] | --replay "
    "LINE | "
    "--track-record\n"
    "\n"
    "Looks at every state that a crash may leave of the workloads, and says what it covered, also\n"
    "where SIGINT or SIGTERM stops it.\n"
    "  --seconds N    of each of the three, stop after so long; what was left is said\n"
    "  --jobs N       threads; as many as there are processors unless given\n"
    "  --replay LINE  look again at the state that a failure has printed\n"
    "  --track-record print the page of known mistakes\n";

class Report {
 public:
  void failure(const CrashFailure& failure) {
    fmt::print("FAILED  {}\n        {}\n", failure.line, failure.what);
    ++failure_count_;
  }
  [[nodiscard]] int exit_status() const { return failure_count_ == 0 ? 0 : 1; }

 private:
  std::size_t failure_count_ = 0;
};

// Where others use the machine too, the processors say more than the clock.
class Stopwatch {
 public:
  [[nodiscard]] std::string text() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
    const auto used = static_cast<double>(std::clock() - begin_clock_) / CLOCKS_PER_SEC;
    return fmt::format("{:.0f} s, {:.0f} s of processors", elapsed.count(), used);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::clock_t begin_clock_ = std::clock();
};

// Of an extent, or of those of a region that a service writes.
void run_states(std::string_view title, Report& report,
                const std::function<StatesReport()>& crash) {
  const Stopwatch stopwatch;
  const StatesReport done = crash();
  for (const CrashFailure& failure : done.failures) report.failure(failure);
  fmt::print(
      "covered: {}: {} workloads{}, {} crash points under ordered, zfs, zfs-4k, zfs-512, posix-4k "
      "and posix-512, {} states decided by {} reads of a block and {} of an extent, {} recoveries "
      "crashed again, {} torn blocks excused: {} workloads failed; {}\n",
      title, done.workloads,
      done.workloads_left == 0 ? "" : fmt::format(" ({} left)", done.workloads_left),
      done.tally.crash_points, done.tally.states, done.tally.blocks_read, done.tally.states_read,
      done.recoveries, done.tally.torn_blocks, done.failures.size(), stopwatch.text());
}

void run_mutants(Report& report) {
  const Stopwatch stopwatch;
  std::size_t caught = 0;
  const auto mutants = sync_mutants();
  for (const SyncMutant& mutant : mutants) {
    if (mutant.failure) {
      ++caught;
    } else {
      report.failure({fmt::format("without the sync '{}' of {}", mutant.label, mutant.protocol),
                      "no workload finds it out"});
    }
  }
  fmt::print("covered: syncs left out: {}, found out: {}; {}\n", mutants.size(), caught,
             stopwatch.text());
}

void run_regions(const CrashBudget& budget, Report& report) {
  const Stopwatch stopwatch;
  const RegionReport done = crash_regions(whole_region_plan(), budget);
  for (const CrashFailure& failure : done.failures) report.failure(failure);
  fmt::print(
      "covered: regions: {} workloads{}, {} crash points under ordered, zfs, zfs-512, posix-4k and "
      "posix-512 with zeros and with garbage, {} states, {} of them gone on with, {} second runs "
      "crashed again: {} workloads failed; {}\n",
      done.workloads,
      done.workloads_left == 0 ? "" : fmt::format(" ({} left)", done.workloads_left),
      done.tally.crash_points, done.tally.states, done.tally.examined, done.tally.crashed_again,
      done.failures.size(), stopwatch.text());
}

void run_track_record(Report& report) {
  const Stopwatch stopwatch;
  const auto rows = track_record();
  std::size_t found = 0;
  for (const TrackRecordRow& row : rows) {
    if (row.failure) {
      ++found;
    } else {
      report.failure({"protocol " + row.protocol, "is not found out"});
    }
  }
  fmt::print("covered: known mistakes: {}, found out: {}; {}\n", rows.size(), found,
             stopwatch.text());
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && arguments[0] == "--track-record") {
    fmt::print("{}", track_record_page(track_record()));
    return 0;
  }
  std::string only;
  CrashBudget budget{std::max(1U, std::thread::hardware_concurrency())};
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) throw std::invalid_argument(arguments[i]);
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--replay") {
      const std::string problem = replay(value);
      fmt::print("{}\n", problem.empty() ? "nothing is wrong" : problem);
      return problem.empty() ? 0 : 1;
    }
    if (arguments[i] == "--seconds") {
      budget.seconds = std::stoul(value);
    } else if (arguments[i] == "--only" &&
               (value == "extents" || value == "services" || value == "regions")) {
      only = value;
    } else if (arguments[i] == "--jobs") {
      budget.jobs = std::max(1U, static_cast<unsigned>(std::stoul(value)));
    } else {
      throw std::invalid_argument(arguments[i]);
    }
  }
  Report report;
  if (only.empty() || only == "extents") {
    run_states("one extent", report, [&] { return crash_extents(whole_extent_plan(), budget); });
    if (!crash_is_stopped) run_mutants(report);
  }
  if (only.empty() || only == "services") {
    run_states("a service's region", report,
               [&] { return crash_services(whole_service_plan(), budget); });
  }
  if (only.empty() && !crash_is_stopped) run_track_record(report);
  if (only.empty() || only == "regions") run_regions(budget, report);
  return report.exit_status();
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  // What a part has covered can be read while the next one runs, in a file too.
  (void)std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  for (const int signal : {SIGINT, SIGTERM}) {
    (void)std::signal(signal, [](int) { libregion::crash_is_stopped = true; });
  }
  try {
    return libregion::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::invalid_argument&) {
    fmt::print(stderr, "{}", libregion::usage);
  } catch (const std::exception& error) {
    fmt::print(stderr, "crash-states: {}\n", error.what());
  }
  return 2;
}
