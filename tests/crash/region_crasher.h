// Crashes an operation upon a region at every call, and looks at every state that may be left, or
// at many of them where there are very many: what a reader finds, and what another run makes of it.

#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/extent_crasher.h"
#include "tests/crash/region_session.h"

namespace libregion {

struct RegionWorkload {
  Geometry geometry;
  RegionStart start = RegionStart::nothing;
  std::vector<RegionStep> steps;
};

// How the last step is done.
struct RegionProtocol {
  std::string name = "ours";
  // What has happened before the step.
  std::function<void(MemoryFileSystem& memory)> prepare = nullptr;
  // Instead of the step.
  std::function<void(MemoryFileSystem& memory)> perform = nullptr;
  // The step's syncs that do nothing: the number is that of the sync among the step's syncs.
  std::function<bool(std::size_t number, const Call& sync)> skips = nullptr;
};

std::string describe(const RegionWorkload& workload, const RegionProtocol& protocol);

// All sequences of up to so many steps that have anything to do, of which the last is an operation.
std::vector<std::vector<RegionStep>> region_sequences(RegionStart start, const Geometry& geometry,
                                                      std::size_t steps_max);

struct RegionTally {
  std::uint64_t crash_points = 0;   // moments of a crash, once for each model
  std::uint64_t states = 0;         // that differ, of each crash point
  std::uint64_t examined = 0;       // that were looked at: those that no other crash point had left
  std::uint64_t crashed_again = 0;  // in the second run

  void add(const RegionTally& other);
};

class RegionCrasher {
 public:
  struct Options {
    std::vector<CrashModel> models;
    std::uint64_t states_max = 64;    // of a crash point; drawn, where there are more
    std::uint64_t crashed_again = 0;  // how many states the second run is crashed on
  };
  RegionCrasher(RegionWorkload workload, RegionProtocol protocol, Options options);

  // The first state that is bad.
  std::optional<CrashFailure> crash();
  // What is wrong with one state, or comes of it: empty where nothing is.
  std::string look_at(const ExtentCrasher::Place& place);

  [[nodiscard]] const RegionTally& tally() const { return tally_; }

 private:
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> before_last_step() const;
  void perform_last(MemoryFileSystem& memory) const;
  void allow_contents_of(MemoryFileSystem& memory);
  void crash_now(const MemoryFileSystem& memory, std::uint64_t number, bool finished);
  std::string examine(MemoryFileSystem& left, bool finished);
  [[nodiscard]] std::string problem_of_reading(MemoryFileSystem& left) const;
  std::string problem_of_second_run(MemoryFileSystem& left);
  std::string problem_of_second_crash(const MemoryFileSystem& left);
  [[nodiscard]] bool is_made(const MemoryFileSystem& memory) const;
  void run_again(MemoryFileSystem& memory) const;
  [[nodiscard]] std::string other_than_expected(const MemoryFileSystem& memory) const;

  RegionWorkload workload_;
  RegionProtocol protocol_;
  Options options_;
  RegionTally tally_;
  std::unique_ptr<MemoryFileSystem> before_;
  std::vector<std::set<std::string>> allowed_contents_;  // of each extent
  Tree expected_;
  Tree expected_new_region_;
  std::map<std::uint64_t, std::string> known_;  // by fingerprint: what was found
  std::optional<CrashFailure> failure_;
};

}  // namespace libregion
