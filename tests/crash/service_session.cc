#include "tests/crash/service_session.h"

#include <algorithm>

#include "libregion/base/error.h"
#include "libregion/format/extent_names.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/crash_driver.h"

namespace libregion {
namespace {

BlockRange written_range(ServiceStep step, const ServiceShape& shape) {
  const std::uint64_t blocks = shape.geometry.extent_size_blocks();
  const auto from = [&](std::uint64_t first, std::uint64_t count) {
    return BlockRange{first, std::min(count, shape.block_count() - first)};
  };
  switch (step) {
    case ServiceStep::write_1: return from(blocks + blocks / 2, 1);
    case ServiceStep::write_3: return from(blocks - std::min<std::uint64_t>(2, blocks), 3);
    case ServiceStep::write_10: return from(blocks / 2, 10);
    case ServiceStep::write_unwritten: return from(0, shape.block_count());
    case ServiceStep::write_straddling: {
      const BlockRange range = straddling_range(shape.geometry);
      return from((shape.extent_count - 1) * blocks + range.first, range.count);
    }
    default: return {0, 0};
  }
}

}  // namespace

std::string_view service_step_name(ServiceStep step) {
  switch (step) {
    case ServiceStep::write_1: return "write-1";
    case ServiceStep::write_3: return "write-3";
    case ServiceStep::write_10: return "write-10";
    case ServiceStep::write_straddling: return "write-straddling";
    case ServiceStep::write_unwritten: return "write-unwritten";
    case ServiceStep::rewrite: return "rewrite";
    case ServiceStep::flush: return "flush";
    case ServiceStep::flush_first: return "flush-first";
    case ServiceStep::kill: return "kill";
    case ServiceStep::kill_flush: break;
  }
  return "kill-flush";
}

std::vector<ServiceStep> steps_for(const ServiceShape& shape) {
  std::vector<ServiceStep> steps;
  std::vector<BlockRange> ranges;
  for (const ServiceStep step : service_steps) {
    const BlockRange range = written_range(step, shape);
    const bool is_there = std::any_of(ranges.begin(), ranges.end(), [&](const BlockRange& other) {
      return other.first == range.first && other.count == range.count;
    });
    const bool is_plain = range.count > 0 && step != ServiceStep::write_unwritten;
    if (is_plain && is_there) continue;
    if (is_plain) ranges.push_back(range);
    steps.push_back(step);
  }
  return steps;
}

ServiceSession::ServiceSession(const ServiceShape& shape, ExtentStart start,
                               const ExtentProtocol& protocol, Left left)
    : shape_(shape),
      layout_(shape.geometry),
      disk_(std::move(left.disk)),
      promises_(std::move(left.promises)),
      is_encrypted_(is_encrypted(start)),
      next_version_(100),
      next_flush_(100),
      last_range_(written_range(ServiceStep::write_1, shape)) {
  options_.extents = {protocol.ordering, protocol.defragment_threshold};
}

ServiceSession::ServiceSession(const ServiceShape& shape, ExtentStart start,
                               const ExtentProtocol& protocol)
    : ServiceSession(shape, start, protocol, {std::make_unique<MemoryFileSystem>(), {}}) {
  next_version_ = 2;
  next_flush_ = 1;
  const RegionDefinition definition{shape.geometry, shape.extent_count, Uuid{}, is_encrypted_};
  disk_->add_file("/r/region.json", as_byte_view(to_json_text(definition)));
  const Bytes content = content_at(start, shape.geometry);
  promises_.assign(shape.extent_count, promise_of(content, shape.geometry));
  for (std::uint32_t extent = 0; extent < shape.extent_count; ++extent) {
    disk_->add_file(path_of(extent), content);
  }
}

std::string ServiceSession::path_of(std::uint32_t extent) {
  return region_path + "/" + extent_path(ExtentId{extent});
}

// ---- the steps ----------------------------------------------------------------------------------

void ServiceSession::run(ServiceStep step, const Observe& observe) {
  disk_->watch([&](std::uint64_t number, const Call& call) {
    if (observe) observe(number);
    before_call(step, number, call);
  });
  has_cleared_dirty_ = false;
  try {
    perform(step);
  } catch (const SimulatedCrash&) {
    // Of the process alone, and nobody was told.
  }
  if (step == ServiceStep::kill || step == ServiceStep::kill_flush) writer_.reset();
  disk_->watch(nullptr);
  if (observe) observe(disk_->log().size());
}

void ServiceSession::before_call(ServiceStep step, std::uint64_t number, const Call& call) {
  const bool is_flush = step == ServiceStep::flush || step == ServiceStep::flush_first ||
                        step == ServiceStep::kill_flush;
  if (is_sync(call.kind)) {
    if (is_opening_) {
      const bool is_of_leaf = call.kind == CallKind::sync_directory;
      labelled_syncs_.emplace_back(number, is_of_leaf ? "open: leaf" : "open: extents");
    } else if (is_flush) {
      labelled_syncs_.emplace_back(number, has_cleared_dirty_ ? "flush: last" : "flush: first");
    }
    if (step == ServiceStep::kill_flush && has_cleared_dirty_) {
      throw SimulatedCrash("killed in a flush");
    }
  }
  const std::uint64_t dirty = layout_.metadata_offset_bytes() + metadata_dirty_offset;
  const bool writes_dirty = call.kind == CallKind::write && call.offset_bytes <= dirty &&
                            dirty < call.offset_bytes + call.length_bytes;
  has_cleared_dirty_ |= is_flush && !is_opening_ && writes_dirty;
}

void ServiceSession::perform(ServiceStep step) {
  switch (step) {
    case ServiceStep::rewrite: return write(last_range_, WriteMode::always);
    case ServiceStep::write_unwritten:
      return write(written_range(step, shape_), WriteMode::only_unwritten);
    case ServiceStep::flush:
    case ServiceStep::kill_flush: return flush(std::nullopt);
    case ServiceStep::flush_first: return flush(ExtentId{0});
    case ServiceStep::kill: return;
    default: return write(written_range(step, shape_), WriteMode::always);
  }
}

RegionWriter& ServiceSession::writer() {
  if (writer_ != nullptr) return *writer_;
  is_opening_ = true;
  writer_ = RegionWriter::open(*disk_, region_path, options_);
  is_opening_ = false;
  for (std::uint32_t extent = 0; extent < shape_.extent_count; ++extent) {
    promises_[extent].note_durable(writer_->extent(ExtentId{extent}).metadata());
  }
  return *writer_;
}

void ServiceSession::write(BlockRange range, WriteMode mode) {
  RegionWriter& open = writer();
  const SentBlocks sent(shape_.geometry, range, {next_version_++, is_encrypted_});
  promise(range, sent, mode);
  if (mode == WriteMode::always) last_range_ = range;
  open.write({range.first, sent.data, sent.contexts}, mode);
}

void ServiceSession::promise(BlockRange range, const SentBlocks& sent, WriteMode mode) {
  const std::uint64_t blocks = shape_.geometry.extent_size_blocks();
  for (std::uint64_t i = 0; i < range.count; ++i) {
    ExtentPromise& promise = promises_[(range.first + i) / blocks];
    auto& versions = promise.blocks[(range.first + i) % blocks];
    if (mode == WriteMode::only_unwritten && versions.back().context) continue;
    versions.push_back(sent.version(i));
    promise.may_be_dirty = true;
    promise.array.reset();
  }
}

void ServiceSession::flush(std::optional<ExtentId> limit) {
  RegionWriter& open = writer();
  const ExtentPromise::Numbers numbers{first_gen_number + next_flush_,
                                       first_flush_number + next_flush_};
  ++next_flush_;
  std::vector<ExtentPromise*> flushed;
  for (std::uint32_t extent = 0; extent < shape_.extent_count; ++extent) {
    if (limit && extent > limit->value) break;
    if (!open.extent(ExtentId{extent}).metadata().dirty) continue;
    flushed.push_back(&promises_[extent]);
    flushed.back()->flushing = numbers;
  }
  open.flush({numbers.gen_number, numbers.flush_number}, limit);
  for (ExtentPromise* promise : flushed) promise->acknowledge(numbers);
}

}  // namespace libregion
