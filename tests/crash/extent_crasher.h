// Crashes workloads of one raw extent at every call of their last step, and decides every state
// that may be left: the steps before are workloads of their own.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/crash/extent_judge.h"
#include "tests/crash/extent_session.h"

namespace libregion {

struct ExtentWorkload {
  Geometry geometry;
  ExtentStart start = ExtentStart::plain;
  std::vector<ExtentStep> steps;
};

// A state that breaks a promise.
struct CrashFailure {
  std::string line;  // that reproduces it
  std::string what;
};

// "extent protocol=posix blocks=16x512 start=plain steps=write-1,flush": with what leads to a state
// behind it, the line of a failure.
std::string describe(const ExtentWorkload& workload, const ExtentProtocol& protocol);

// The writer in each ordering, defragmenting as a service does and at every flush that could need
// it; and the models under which it must hold.
struct ExtentSuite {
  ExtentProtocol protocol;
  std::vector<CrashModel> models;
};
const std::vector<ExtentSuite>& extent_suites();

// All sequences of up to so many steps, in an order in which each comes after those it begins with.
std::vector<std::vector<ExtentStep>> step_sequences(const Geometry& geometry,
                                                    std::size_t steps_max);

class ExtentCrasher {
 public:
  explicit ExtentCrasher(const Geometry& geometry) : judge_(geometry) {}

  struct Options {
    std::vector<CrashModel> models;
    // Of each crash point, this many states are gone on with: opened, flushed and defragmented,
    // and crashed while that is done.
    std::uint64_t recoveries = 0;
  };
  // The first state that is bad.
  std::optional<CrashFailure> crash(const ExtentWorkload& workload, const ExtentProtocol& protocol,
                                    const Options& options);

  // What is wrong with one state, or comes of it: empty where nothing is. Throws
  // std::runtime_error where there is no such call or state.
  struct Place {
    CrashModel model = CrashModel::ordered;
    std::uint64_t call = 0;
    std::string state;
  };
  std::string look_at(const ExtentWorkload& workload, const ExtentProtocol& protocol,
                      const Options& options, const Place& place);

  [[nodiscard]] const ExtentTally& tally() const { return tally_; }
  [[nodiscard]] std::uint64_t recovery_count() const { return recovery_count_; }

 private:
  std::string problem_of_recovery(const ExtentWorkload& workload, const ExtentProtocol& protocol,
                                  const Options& options, const Bytes& content,
                                  const ExtentPromise& promise);

  ExtentJudge judge_;
  ExtentTally tally_;
  std::uint64_t recovery_count_ = 0;
  std::uint64_t next_seed_ = 2;
};

// Makes the workload's session, with the protocol's syncs left out.
std::unique_ptr<ExtentSession> start_session(const ExtentWorkload& workload,
                                             const ExtentProtocol& protocol);

}  // namespace libregion
