// Decides all states that a crash may leave of one raw extent.
//
// Where sectors become durable in any order there are too many states to look at each: ten blocks
// of 4 KiB being written are 2^80. But a block is read from few sectors: those of its data, of its
// two slots, of its active-slot bit and of the metadata. So each block is read in every combination
// of the versions of those sectors, by the reader that the tools use; a state is good if each of
// its blocks is, and all states are if every combination is. Of blocks that consist of several
// sectors one is read for each hash that its data can have and that is in one of its slots or
// promised, and one for all other hashes: a reader sees data through its hash alone.
//
// On ZFS writes become durable in their order. Where they are split at records, each number of them
// leaves records that do not depend on each other, and is decided like that.
//
// Combinations that were found good are remembered, by what they consist of and what was promised.

#pragma once

#include <optional>
#include <unordered_set>

#include "tests/crash/block_decision.h"
#include "tests/crash/extent_promise.h"
#include "tests/support/crash_states.h"

namespace libregion {

// How much was decided.
struct ExtentTally {
  std::uint64_t crash_points = 0;  // moments of a crash, once for each model
  std::uint64_t states = 0;        // of a crash point 2^20 at most are counted
  // Counted where they are few enough to be looked at one by one; of records, each prefix that
  // leaves one.
  std::uint64_t bad_states = 0;
  std::uint64_t blocks_read = 0;  // combinations that the reader was shown
  std::uint64_t states_read = 0;  // states that were read as a whole
  std::uint64_t torn_blocks = 0;  // combinations that are excused

  void add(const ExtentTally& other);
};

MemoryNodePtr node_at(const MemoryFileSystem& memory, const std::string& path);

class ExtentJudge {
 public:
  explicit ExtentJudge(const Geometry& geometry);

  struct Failure {
    CrashStates::Choice choice;
    std::string what;
  };
  // Of all states of an extent's file that are possible now, one that breaks the promise; told by a
  // choice among the states of that file alone.
  std::optional<Failure> decide(const MemoryNodePtr& file, CrashModel model,
                                const ExtentPromise& promise, ExtentTally& tally);

  // What is wrong with an extent of this content; empty where nothing is. `is_torn` becomes true
  // where a block is excused.
  std::string problem_of(const Bytes& content, const ExtentPromise& promise,
                         bool* is_torn = nullptr) const;

  // Which versions its blocks have; nullopt where one has none of those promised.
  [[nodiscard]] std::optional<ExtentPromise> found_in(const Bytes& content,
                                                      const ExtentPromise& promise) const;

 private:
  struct Moment;

  std::optional<Failure> decide_few(const Moment& moment, ExtentTally& tally);
  std::optional<Failure> decide_blocks(const Moment& moment, ExtentCrashPoint point,
                                       ExtentTally& tally);
  std::optional<Failure> decide_records(const Moment& moment, ExtentCrashPoint point,
                                        ExtentTally& tally);
  std::optional<Versions> find_bad(const Moment& moment, ExtentCrashPoint& point,
                                   std::optional<ByteRange> changed, ExtentTally& tally);
  std::uint64_t count_bad_states(const Moment& moment, ExtentTally& tally) const;

  Geometry geometry_;
  std::unordered_set<std::uint64_t> known_good_;
};

}  // namespace libregion
