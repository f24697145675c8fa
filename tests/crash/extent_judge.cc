#include "tests/crash/extent_judge.h"

#include <algorithm>
#include <map>

#include "tests/crash/block_decision.h"
#include "tests/crash/keys.h"

namespace libregion {
namespace {

constexpr std::uint64_t counted_states_max = std::uint64_t{1} << 20;
constexpr std::uint64_t walked_states_max = std::uint64_t{1} << 14;
// Of one crash point in so many, so many states are looked at as a whole as well.
constexpr std::uint64_t sampled_points = 64;
constexpr std::uint64_t sampled_states = 4;

}  // namespace

MemoryNodePtr node_at(const MemoryFileSystem& memory, const std::string& path) {
  MemoryNodePtr node = memory.root();
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    node = node->entries.at(path.substr(at, end - at));
    at = end + 1;
  }
  return node;
}

void ExtentTally::add(const ExtentTally& other) {
  crash_points += other.crash_points;
  states += other.states;
  bad_states += other.bad_states;
  blocks_read += other.blocks_read;
  states_read += other.states_read;
  torn_blocks += other.torn_blocks;
}

// A moment of a crash.
struct ExtentJudge::Moment {
  const CrashStates& states;
  const MemoryNode& file;
  const ExtentPromise& promise;
};

ExtentJudge::ExtentJudge(const Geometry& geometry) : geometry_(geometry) {}

std::optional<ExtentJudge::Failure> ExtentJudge::decide(const MemoryNodePtr& file, CrashModel model,
                                                        const ExtentPromise& promise,
                                                        ExtentTally& tally) {
  const CrashStates states(file, model);
  const Moment moment{states, *file, promise};
  ++tally.crash_points;
  const std::size_t record = record_bytes(model);
  if (record != 0) return decide_records(moment, {file->durable_content, record}, tally);
  if (!reorders(model)) return decide_few(moment, tally);
  return decide_blocks(moment, ExtentCrashPoint(*file, model), tally);
}

std::optional<ExtentJudge::Failure> ExtentJudge::decide_few(const Moment& moment,
                                                            ExtentTally& tally) {
  std::optional<Failure> failure;
  std::unordered_set<std::uint64_t> seen;
  Key promise_key;
  promise_key.add(moment.promise.key());
  for (std::uint64_t block = 0; block < geometry_.extent_size_blocks(); ++block) {
    promise_key.add(moment.promise.key_of(block));
  }
  const std::uint64_t count = std::min(moment.states.count(), counted_states_max);
  for (std::uint64_t number = 0; number < count; ++number) {
    auto choice = moment.states.choice(number);
    const Bytes content = moment.states.content_of(moment.file, choice);
    const std::uint64_t key = Key(promise_key).add(content).value();
    if (!seen.insert(key).second) continue;
    ++tally.states;
    if (known_good_.count(key) != 0) continue;
    ++tally.states_read;
    std::string problem = problem_of(content, moment.promise);
    if (problem.empty()) {
      known_good_.insert(key);
      continue;
    }
    ++tally.bad_states;
    if (!failure) failure = {std::move(choice), std::move(problem)};
  }
  return failure;
}

// Of the blocks that depend on what has changed, or of all.
std::optional<Versions> ExtentJudge::find_bad(const Moment& moment, ExtentCrashPoint& point,
                                              std::optional<ByteRange> changed,
                                              ExtentTally& tally) {
  std::optional<Versions> first_bad;
  for (std::uint64_t block = 0; block < geometry_.extent_size_blocks(); ++block) {
    if (changed && !BlockDecision::depends_on(*changed, geometry_, block)) continue;
    BlockDecision decision(point, geometry_, block, moment.promise);
    const std::uint64_t key = decision.key();
    if (known_good_.count(key) != 0) continue;
    auto bad = decision.find_bad();
    tally.blocks_read += decision.read_count();
    tally.torn_blocks += decision.torn_count();
    if (!bad) known_good_.insert(key);
    if (bad && !first_bad) first_bad = std::move(bad);
  }
  return first_bad;
}

std::optional<ExtentJudge::Failure> ExtentJudge::decide_records(const Moment& moment,
                                                                ExtentCrashPoint point,
                                                                ExtentTally& tally) {
  std::optional<Failure> failure;
  std::map<std::uint64_t, CrashStates::Record> records;
  std::uint32_t change_count = 0;
  moment.states.for_each_prefix(moment.file, [&](const CrashStates::Record* changed) {
    std::optional<ByteRange> range;
    if (changed != nullptr) {
      ++change_count;
      const SectorVersions& sector = changed->sector;
      records[sector.number] = *changed;
      point.put_sector(sector);
      range = {sector.number * point.sector_bytes(), point.sector_bytes()};
    }
    ++tally.states;
    const auto bad = find_bad(moment, point, range, tally);
    if (bad) ++tally.bad_states;
    if (!bad || failure) return;
    auto choice = moment.states.choice(0);
    choice[0] = change_count;
    for (std::size_t i = 0; i < bad->size(); ++i) {
      for (const auto question : records.at(point.number_of(i)).questions[(*bad)[i]]) {
        choice[question] = 1;
      }
    }
    const auto content = moment.states.content_of(moment.file, choice);
    failure = {std::move(choice), problem_of(content, moment.promise)};
  });
  return failure;
}

std::optional<ExtentJudge::Failure> ExtentJudge::decide_blocks(const Moment& moment,
                                                               ExtentCrashPoint point,
                                                               ExtentTally& tally) {
  std::optional<Failure> failure;
  if (auto bad = find_bad(moment, point, std::nullopt, tally)) {
    const auto content = moment.states.content_of(moment.file, *bad);
    failure = {std::move(*bad), problem_of(content, moment.promise)};
  }
  const std::uint64_t count = std::min(moment.states.count(), counted_states_max);
  tally.states += count;
  if (failure && count <= walked_states_max) tally.bad_states += count_bad_states(moment, tally);
  if (failure || tally.crash_points % sampled_points != 0) return failure;
  for (std::uint64_t seed = 0; seed < sampled_states; ++seed) {
    auto choice = moment.states.sample(2 + tally.crash_points + seed);
    ++tally.states_read;
    const auto problem = problem_of(moment.states.content_of(moment.file, choice), moment.promise);
    if (!problem.empty())
      return Failure{std::move(choice), "though its blocks are good: " + problem};
  }
  return std::nullopt;
}

std::uint64_t ExtentJudge::count_bad_states(const Moment& moment, ExtentTally& tally) const {
  std::uint64_t bad = 0;
  for (std::uint64_t number = 0; number < moment.states.count(); ++number) {
    ++tally.states_read;
    const auto content = moment.states.content_of(moment.file, moment.states.choice(number));
    if (!problem_of(content, moment.promise).empty()) ++bad;
  }
  return bad;
}

// ---- one state ----------------------------------------------------------------------------------

std::string ExtentJudge::problem_of(const Bytes& content, const ExtentPromise& promise,
                                    bool* is_torn) const {
  const auto reader = reader_of(content, geometry_);
  if (reader == nullptr) return "its metadata or bits are damaged";
  std::string bad;
  reader->read_blocks({0, reader->readable_blocks()}, [&](const BlockRecord& record) {
    const Verdict verdict = promise.judge(record, reader->metadata());
    if (verdict == Verdict::torn && is_torn != nullptr) *is_torn = true;
    if (verdict == Verdict::bad) bad += " " + std::to_string(record.block);
  });
  if (bad.empty()) return bad;
  return std::string(reader->metadata()->dirty ? "dirty" : "clean") +
         ", not what was promised: block" + bad;
}

std::optional<ExtentPromise> ExtentJudge::found_in(const Bytes& content,
                                                   const ExtentPromise& promise) const {
  const auto reader = reader_of(content, geometry_);
  if (reader == nullptr) return std::nullopt;
  ExtentPromise found = promise;
  bool is_whole = true;
  reader->read_blocks({0, reader->readable_blocks()}, [&](const BlockRecord& record) {
    auto& versions = found.blocks[record.block];
    const auto version = std::find_if(versions.begin(), versions.end(), [&](const auto& candidate) {
      return candidate.data_hash == record.data_hash;
    });
    is_whole = is_whole && version != versions.end();
    if (version != versions.end()) versions = {BlockVersion(*version)};
  });
  const ExtentMetadata& metadata = *reader->metadata();
  found.flushed = {metadata.gen_number, metadata.flush_number};
  found.flushing.reset();
  found.may_be_dirty = metadata.dirty;
  if (!is_whole) return std::nullopt;
  return found;
}

}  // namespace libregion
