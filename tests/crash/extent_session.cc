#include "tests/crash/extent_session.h"

#include <algorithm>
#include <cerrno>

#include "libregion/base/error.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/extent/slot_consolidation.h"
#include "libregion/ops/defragment.h"
#include "tests/crash/block_decision.h"
#include "tests/crash/forwarding_file.h"

namespace libregion {
namespace {

// The process dies instead of syncing, when it has synced so many times.
class KilledAtSync : public ForwardingFile {
 public:
  KilledAtSync(std::unique_ptr<File> file, int& syncs_left)
      : ForwardingFile(std::move(file)), syncs_left_(syncs_left) {}
  void sync() override {
    if (syncs_left_ == 0) throw SimulatedCrash("killed at a sync");
    if (syncs_left_ > 0) --syncs_left_;
    ForwardingFile::sync();
  }

 private:
  int& syncs_left_;
};

class NoReports : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& /*finding*/) override {}
};

}  // namespace

const std::string ExtentSession::path = "/r/00/000/000";

std::string_view extent_step_name(ExtentStep step) {
  switch (step) {
    case ExtentStep::write_1: return "write-1";
    case ExtentStep::write_3: return "write-3";
    case ExtentStep::write_10: return "write-10";
    case ExtentStep::write_straddling: return "write-straddling";
    case ExtentStep::rewrite: return "rewrite";
    case ExtentStep::flush: return "flush";
    case ExtentStep::defragment: return "defragment";
    case ExtentStep::kill: return "kill";
    case ExtentStep::kill_flush: return "kill-flush";
    case ExtentStep::write_4: break;
  }
  return "write-4";
}

namespace {

BlockRange written_range(ExtentStep step, const Geometry& geometry) {
  const std::uint64_t blocks = geometry.extent_size_blocks();
  switch (step) {
    case ExtentStep::write_1: return {blocks / 2, 1};
    case ExtentStep::write_3: return {blocks / 4, std::min<std::uint64_t>(3, blocks - blocks / 4)};
    case ExtentStep::write_10: return {0, std::min<std::uint64_t>(10, blocks)};
    case ExtentStep::write_4: return {0, std::min<std::uint64_t>(4, blocks)};
    case ExtentStep::write_straddling: return straddling_range(geometry);
    default: return {0, 0};
  }
}

}  // namespace

std::vector<ExtentStep> steps_for(const Geometry& geometry) {
  std::vector<ExtentStep> steps;
  std::vector<BlockRange> ranges;
  for (const ExtentStep step : extent_steps) {
    if (step == ExtentStep::write_4) continue;
    const BlockRange range = written_range(step, geometry);
    const bool is_there = std::any_of(ranges.begin(), ranges.end(), [&](const BlockRange& other) {
      return other.first == range.first && other.count == range.count;
    });
    if (range.count > 0 && is_there) continue;
    ranges.push_back(range);
    steps.push_back(step);
  }
  return steps;
}

ExtentSession::ExtentSession(const Geometry& geometry, ExtentStart start,
                             const ExtentProtocol& protocol)
    : geometry_(geometry),
      layout_(geometry),
      protocol_(protocol),
      is_encrypted_(is_encrypted(start)),
      last_range_(written_range(ExtentStep::write_1, geometry)) {
  const Bytes content = content_at(start, geometry);
  promise_ = promise_of(content, geometry);
  add_region(content);
}

ExtentSession::ExtentSession(const Geometry& geometry, ByteView content, ExtentPromise promise,
                             const ExtentProtocol& protocol)
    : geometry_(geometry),
      layout_(geometry),
      protocol_(protocol),
      promise_(std::move(promise)),
      next_version_(100),
      next_flush_(100),
      last_range_(written_range(ExtentStep::write_1, geometry)) {
  add_region(content);
}

void ExtentSession::add_region(ByteView content) {
  const RegionDefinition definition{geometry_, 1, Uuid{}, is_encrypted_};
  disk_.add_file("/r/region.json", as_byte_view(to_json_text(definition)));
  disk_.add_file(path, content);
  defrag_count_ = metadata_on_disk()->defrag_count;
}

std::optional<ExtentMetadata> ExtentSession::metadata_on_disk() {
  return RawExtent::read_summary(open_file(), geometry_, ExtentId{0}, path).metadata;
}

// ---- the steps ----------------------------------------------------------------------------------

void ExtentSession::run(ExtentStep step, const Observe& observe) {
  const std::uint64_t begin = disk_.log().size();
  steps_.push_back({begin, step});
  if (observe) {
    disk_.watch([&](std::uint64_t number, const Call& /*call*/) { observe(number); });
  }
  perform(step);
  disk_.watch(nullptr);
  if (observe) observe(disk_.log().size());
}

void ExtentSession::perform(ExtentStep step) {
  switch (step) {
    case ExtentStep::rewrite: return write(last_range_);
    case ExtentStep::flush: return flush(false);
    case ExtentStep::kill_flush: return flush(true);
    case ExtentStep::kill: writer_.reset(); return;
    case ExtentStep::defragment: return defragment();
    default: return write(written_range(step, geometry_));
  }
}

std::unique_ptr<File> ExtentSession::open_file() {
  const auto root = expect_opened(disk_.open_directory("/r"), "/r");
  return open_file_in(*root, "00/000/000", Access::read_write);
}

RawExtentWriter& ExtentSession::writer() {
  if (writer_ != nullptr) return *writer_;
  auto file = open_file();
  if (protocol_.wrap != nullptr) file = protocol_.wrap(std::move(file), disk_);
  file = std::make_unique<KilledAtSync>(std::move(file), syncs_left_);
  openings_.push_back(disk_.log().size());
  writer_ = RawExtentWriter::open(std::move(file), geometry_,
                                  {protocol_.ordering, protocol_.defragment_threshold});
  promise_.note_durable(writer_->metadata());
  return *writer_;
}

void ExtentSession::write(BlockRange range) {
  RawExtentWriter& open = writer();
  const SentBlocks sent(geometry_, range, {next_version_++, is_encrypted_});
  for (std::uint64_t i = 0; i < range.count; ++i) {
    promise_.blocks[range.first + i].push_back(sent.version(i));
  }
  promise_.may_be_dirty = true;
  promise_.array.reset();
  last_range_ = range;
  open.write({range.first, sent.data, sent.contexts});
}

void ExtentSession::flush(bool killed) {
  RawExtentWriter& open = writer();
  if (open.metadata().dirty) {
    const ExtentPromise::Numbers numbers{first_gen_number + next_flush_,
                                         first_flush_number + next_flush_};
    ++next_flush_;
    promise_.flushing = numbers;
    try {
      syncs_left_ = !killed ? -1 : protocol_.ordering == WriteOrdering::posix ? 1 : 0;
      open.flush(numbers.gen_number, numbers.flush_number);
      promise_.acknowledge(numbers);
    } catch (const SimulatedCrash&) {
      // Nobody was told.
    }
    syncs_left_ = -1;
  }
  if (killed) writer_.reset();
}

void ExtentSession::defragment() {
  writer_.reset();
  if (!protocol_.empties_slots) return defragment_by_hand();
  const auto opened = open_region(disk_, "/r", {Access::read_write, false, 0});
  NoReports reporter;
  defragment_region(*opened.region, {}, reporter);
  const auto metadata = metadata_on_disk();
  // What is clean but was not synced was not defragmented, for there was nothing to be moved.
  if (!metadata || metadata->defrag_count == defrag_count_) return;
  defrag_count_ = metadata->defrag_count;
  promise_.note_durable(*metadata);
  promise_.array = array_in_use();
}

// Of an extent whose active slots are all in one.
ContextSlot ExtentSession::array_in_use() {
  auto opened = RawExtent::open(open_file(), geometry_, ExtentId{0}, path);
  return static_cast<RawExtent&>(*opened.reader).active_slots().at(0);
}

// Without the step that empties slots.
void ExtentSession::defragment_by_hand() {
  auto opened = RawExtent::open(open_file(), geometry_, ExtentId{0}, "");
  auto& raw = static_cast<RawExtent&>(*opened.reader);
  if (raw.metadata()->dirty) return;
  raw.data_file().sync();
  promise_.note_durable(*raw.metadata());
  SlotConsolidation consolidation(raw.data_file(), geometry_, raw.active_slots());
  if (!consolidation.is_needed()) return;
  consolidation.copy();
  raw.data_file().sync();
  consolidation.persist(*raw.metadata());
  raw.data_file().sync();
}

// ---- what syncs are for -------------------------------------------------------------------------

std::vector<std::pair<std::uint64_t, std::string>> ExtentSession::labelled_syncs() const {
  const std::vector<Call> log = disk_.log();
  std::vector<std::pair<std::uint64_t, std::string>> labelled;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::uint64_t end = i + 1 < steps_.size() ? steps_[i + 1].number : log.size();
    for (std::uint64_t number = steps_[i].number; number < end; ++number) {
      if (!is_sync(log[number].kind)) continue;
      labelled.emplace_back(number, label_of(number, steps_[i], log, end));
    }
  }
  return labelled;
}

std::string ExtentSession::label_of(std::uint64_t number, const StepBegin& begin,
                                    const std::vector<Call>& log, std::uint64_t end) const {
  if (std::find(openings_.begin(), openings_.end(), number) != openings_.end()) return "open";
  const auto writes_slots = [&](const Call& call) {
    return call.kind == CallKind::write && call.offset_bytes >= geometry_.extent_data_bytes() &&
           call.offset_bytes < layout_.bits_offset_bytes();
  };
  const auto first_call = log.begin() + static_cast<std::ptrdiff_t>(begin.number);
  const auto this_call = log.begin() + static_cast<std::ptrdiff_t>(number);
  const auto end_of_step = log.begin() + static_cast<std::ptrdiff_t>(end);
  if (begin.step == ExtentStep::flush || begin.step == ExtentStep::kill_flush) {
    if (protocol_.ordering == WriteOrdering::zfs) return "flush";
    const bool is_second =
        std::any_of(std::find_if(first_call, this_call,
                                 [](const Call& call) { return call.kind == CallKind::write; }),
                    this_call, [](const Call& call) { return is_sync(call.kind); });
    return is_second ? "flush: metadata" : "flush: bits";
  }
  const bool is_first = number == begin.number || is_sync(log[number - 1].kind);
  const bool slots_follow = std::any_of(this_call, end_of_step, writes_slots);
  if (begin.step == ExtentStep::defragment) {
    if (is_first) return "defragment: before anything";
    if (!writes_slots(log[number - 1])) return "defragment: bits and count";
    return slots_follow ? "defragment: slots emptied" : "defragment: slots copied";
  }
  if (is_first) return "before a second write";
  if (writes_slots(log[number - 1])) return slots_follow ? "copies emptied" : "slots";
  return "dirty mark";
}

}  // namespace libregion
