#include "tests/crash/region_crasher.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/metadata.h"
#include "tests/crash/keys.h"

namespace libregion {

std::string describe(const RegionWorkload& workload, const RegionProtocol& protocol) {
  std::string steps;
  for (const RegionStep step : workload.steps) {
    steps += (steps.empty() ? "" : ",") + std::string(region_step_name(step));
  }
  return fmt::format("region protocol={} blocks={}x{} start={} steps={}", protocol.name,
                     workload.geometry.extent_size_blocks(), workload.geometry.block_size_bytes(),
                     region_start_name(workload.start), steps);
}

std::vector<std::vector<RegionStep>> region_sequences(RegionStart start, const Geometry& geometry,
                                                      std::size_t steps_max) {
  struct Sequence {
    std::vector<RegionStep> steps;
    std::unique_ptr<MemoryFileSystem> memory;
  };
  std::vector<Sequence> sequences;
  sequences.push_back({{}, region_at(start, geometry)});
  std::vector<std::vector<RegionStep>> found;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (const RegionStep step : region_steps) {
      if (!applies(step, *sequences[i].memory)) continue;
      std::vector<RegionStep> steps = sequences[i].steps;
      steps.push_back(step);
      if (is_operation(step)) found.push_back(steps);
      if (steps.size() == steps_max) continue;
      auto memory = sequences[i].memory->copy();
      perform(step, geometry, *memory);
      sequences.push_back({std::move(steps), std::move(memory)});
    }
  }
  return found;
}

void RegionTally::add(const RegionTally& other) {
  crash_points += other.crash_points;
  states += other.states;
  examined += other.examined;
  crashed_again += other.crashed_again;
}

namespace {

// A run that is interrupted where it writes the count may raise it twice, or not at all.
Tree without_defrag_counts(Tree tree) {
  for (auto& [path, entry] : tree) {
    if (!path.starts_with("00/000/") || entry.content.size() < metadata_bytes) continue;
    encode_defrag_count(0, MutableByteView(entry.content).last<metadata_bytes>());
  }
  return tree;
}

}  // namespace

RegionCrasher::RegionCrasher(RegionWorkload workload, RegionProtocol protocol, Options options)
    : workload_(std::move(workload)),
      protocol_(std::move(protocol)),
      options_(std::move(options)),
      before_(before_last_step()) {
  if (before_->exists("/r/region.json")) allow_contents_of(*before_);
  if (applies(RegionStep::migrate, *before_)) {
    // A replacement is put in place before anything else is done.
    const auto finished = before_->copy();
    perform(RegionStep::migrate, workload_.geometry, *finished);
    allow_contents_of(*finished);
  }
  const auto after = before_->copy();
  perform(workload_.steps.back(), workload_.geometry, *after);
  allow_contents_of(*after);
  expected_ = without_defrag_counts(after->tree(region_path));
  expected_new_region_ = after->tree(new_region_path);
}

void RegionCrasher::allow_contents_of(MemoryFileSystem& memory) {
  const auto contents = contents_of(memory, region_path);
  allowed_contents_.resize(contents.size());
  for (std::size_t i = 0; i < contents.size(); ++i) allowed_contents_[i].insert(contents[i]);
}

std::unique_ptr<MemoryFileSystem> RegionCrasher::before_last_step() const {
  auto memory = region_at(workload_.start, workload_.geometry);
  for (std::size_t i = 0; i + 1 < workload_.steps.size(); ++i) {
    perform(workload_.steps[i], workload_.geometry, *memory);
  }
  if (protocol_.prepare != nullptr) protocol_.prepare(*memory);
  memory->clear_log();
  if (protocol_.skips == nullptr) return memory;
  const auto undisturbed = memory->copy();
  perform_last(*undisturbed);
  std::size_t sync_number = 0;
  const std::vector<Call> log = undisturbed->log();
  for (std::uint64_t number = 0; number < log.size(); ++number) {
    if (!is_sync(log[number].kind)) continue;
    if (protocol_.skips(sync_number++, log[number])) memory->ignore_sync_at(number);
  }
  return memory;
}

void RegionCrasher::perform_last(MemoryFileSystem& memory) const {
  if (protocol_.perform != nullptr) return protocol_.perform(memory);
  perform(workload_.steps.back(), workload_.geometry, memory);
}

// ---- crashing -----------------------------------------------------------------------------------

std::optional<CrashFailure> RegionCrasher::crash() {
  before_->watch([&](std::uint64_t number, const Call& /*call*/) {
    if (!failure_) crash_now(*before_, number, false);
  });
  perform_last(*before_);
  before_->watch(nullptr);
  if (!failure_) crash_now(*before_, before_->log().size(), true);
  return failure_;
}

void RegionCrasher::crash_now(const MemoryFileSystem& memory, std::uint64_t number, bool finished) {
  for (const CrashModel model : options_.models) {
    const CrashStates states(memory, model);
    ++tally_.crash_points;
    std::set<std::uint64_t> seen;
    const bool all = states.count() <= options_.states_max;
    const std::uint64_t count = all ? states.count() : options_.states_max;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto choice = all ? states.choice(i) : states.sample(i);
      const auto left = states.state(choice);
      const std::uint64_t key = Key().add(left->fingerprint()).add(finished).value();
      if (!seen.insert(key).second) continue;
      ++tally_.states;
      const auto [known, is_new] = known_.try_emplace(key);
      if (is_new) {
        ++tally_.examined;
        known->second = examine(*left, finished);
      }
      if (known->second.empty()) continue;
      failure_ = {fmt::format("{} model={} call={} state={}", describe(workload_, protocol_),
                              crash_model_name(model), number, CrashStates::text_of(choice)),
                  known->second};
      return;
    }
  }
}

std::string RegionCrasher::look_at(const ExtentCrasher::Place& place) {
  std::optional<std::string> problem;
  const auto look = [&](std::uint64_t number, bool finished) {
    if (number != place.call || problem) return;
    const CrashStates states(*before_, place.model);
    problem = examine(*states.state(states.parse(place.state)), finished);
  };
  before_->watch([&](std::uint64_t number, const Call& /*call*/) { look(number, false); });
  perform_last(*before_);
  before_->watch(nullptr);
  look(before_->log().size(), true);
  if (!problem) throw std::runtime_error("there is no call " + std::to_string(place.call));
  return *problem;
}

// ---- one state ----------------------------------------------------------------------------------

std::string RegionCrasher::examine(MemoryFileSystem& left, bool finished) {
  if (finished) {
    const std::string found = other_than_expected(left);
    if (!found.empty()) return "it was done, but: " + found;
  }
  std::string problem = problem_of_reading(left);
  try {
    if (problem.empty() && !finished) problem = problem_of_second_crash(left);
    return problem.empty() ? problem_of_second_run(left) : problem;
  } catch (const Error& error) {
    return std::string("cannot be done again: ") + error.what();
  }
}

// Each extent is what it was or what it becomes, and reading it changes nothing; where a
// replacement is pending, it is not looked at.
std::string RegionCrasher::problem_of_reading(MemoryFileSystem& left) const {
  if (!left.exists("/r/region.json")) {
    return workload_.steps.back() == RegionStep::create ? "" : "region.json is gone";
  }
  const auto contents = contents_of(left, region_path);
  if (!left.changes().empty()) return "reading it changed it";
  if (contents.size() != allowed_contents_.size()) return "it has other extents";
  for (std::size_t extent = 0; extent < contents.size(); ++extent) {
    if (left.exists(fmt::format("/r/00/000/{:03X}.replace", extent))) continue;
    if (allowed_contents_[extent].count(contents[extent]) != 0) continue;
    return fmt::format("extent {} is neither old nor new ({})", extent, contents[extent]);
  }
  return {};
}

std::string RegionCrasher::other_than_expected(const MemoryFileSystem& memory) const {
  std::string found = difference(expected_, without_defrag_counts(memory.tree(region_path)));
  if (found.empty()) found = difference(expected_new_region_, memory.tree(new_region_path));
  return found;
}

// What makes something new has nothing to do where that is there.
bool RegionCrasher::is_made(const MemoryFileSystem& memory) const {
  switch (workload_.steps.back()) {
    case RegionStep::create: return memory.exists("/r/region.json");
    case RegionStep::migrate_into: return memory.exists("/n/region.json");
    default: return false;
  }
}

void RegionCrasher::run_again(MemoryFileSystem& memory) const {
  if (!is_made(memory)) perform(workload_.steps.back(), workload_.geometry, memory);
}

std::string RegionCrasher::problem_of_second_run(MemoryFileSystem& left) {
  run_again(left);
  const std::string found = other_than_expected(left);
  if (!found.empty()) return "after another run: " + found;
  left.clear_log();
  run_again(left);
  return left.changes().empty() ? "" : "a third run changed something";
}

std::string RegionCrasher::problem_of_second_crash(const MemoryFileSystem& left) {
  if (tally_.crashed_again == options_.crashed_again || is_made(left)) return {};
  ++tally_.crashed_again;
  const std::string problem = first_problem(
      left, [&](MemoryFileSystem& memory) { run_again(memory); },
      [&](MemoryFileSystem& again, bool /*finished*/) {
        const std::string found = problem_of_reading(again);
        if (!found.empty()) return found;
        run_again(again);
        return other_than_expected(again);
      },
      {{CrashModel::posix_512}, 3});
  return problem.empty() ? "" : "in the second run: " + problem;
}

}  // namespace libregion
