#include "libregion/ops/salvage.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/block_decryption.h"
#include "libregion/io/paths.h"
#include "libregion/ops/block_sources.h"
#include "libregion/ops/block_text.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/image_writer.h"
#include "libregion/ops/reconciliation.h"

namespace libregion {
namespace {

// Where neighbouring blocks are from.
struct Origin {
  enum class Kind : std::uint8_t { proven, unwritten, lost };
  Kind kind;
  std::size_t replica = 0;  // of those that are proven, or never written
  bool operator==(const Origin&) const = default;
};
struct OriginRun {
  BlockRange blocks;
  Origin origin;
};

std::string_view origin_name(Origin::Kind kind) {
  switch (kind) {
    case Origin::Kind::proven: return "proven";
    case Origin::Kind::unwritten: return "unwritten";
    case Origin::Kind::lost: break;
  }
  return "lost";
}

class ExtentSalvage {
 public:
  ExtentSalvage(const ReplicaSet& replicas, ExtentId extent, std::uint64_t image_offset_bytes,
                ImageTarget& image, const SalvageOptions& options)
      : replicas_(replicas),
        definition_(replicas.region(0).definition),
        geometry_(definition_.geometry),
        extent_(extent),
        image_offset_bytes_(image_offset_bytes),
        image_(image),
        options_(options),
        writer_(image, {{0, geometry_.extent_data_bytes()}, image_offset_bytes}, false),
        plain_(geometry_.block_size_bytes()) {
    if (options.key != nullptr) decryption_.emplace(*options.key);
  }

  SalvageSummary run(Reporter& reporter) {
    summary_.extent_count = 1;
    summary_.image_bytes = geometry_.extent_data_bytes();
    const auto opened = replicas_.open(
        extent_, [&](std::size_t replica, const Error& error) { note_unreadable(replica, error); });
    std::vector<ExtentReader*> readers;
    for (const auto& reader : opened) readers.push_back(reader.get());
    sort_by_age(readers);
    read(readers);
    flush();
    for (const ExtentReader* reader : readers) {
      summary_.has_changed |= reader != nullptr && has_broken_lease(*reader);
    }
    summary_.data_bytes = writer_.data_bytes();
    if (!summary_.stopped) report(reporter);
    return summary_;
  }

 private:
  static constexpr std::uint64_t pending_bytes_max = std::uint64_t{1} << 20;
  static constexpr std::uint64_t step_bytes = std::uint64_t{8} << 20;

  void sort_by_age(const std::vector<ExtentReader*>& readers) {
    const auto age = [&](std::size_t i) {
      return readers[i] == nullptr ? std::nullopt : readers[i]->metadata();
    };
    order_.resize(readers.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t left, std::size_t right) {
      if (!age(left) || !age(right)) return age(left) && !age(right);
      return is_newer(*age(left), *age(right));
    });
  }

  void read(const std::vector<ExtentReader*>& readers) {
    ReplicaBlocks blocks(readers, geometry_);
    const std::uint64_t block_count = geometry_.extent_size_blocks();
    const std::uint64_t step = std::max<std::uint64_t>(1, step_bytes >> geometry_.shift());
    for (std::uint64_t next = 0; next < block_count; next += step) {
      const bool is_stopped = options_.walk.stop != nullptr && *options_.walk.stop;
      if (is_stopped || image_.is_closed()) {
        summary_.stopped = true;
        return;
      }
      const std::uint64_t count = std::min(step, block_count - next);
      blocks.read(
          {next, count},
          [&](std::uint64_t block, std::span<const ReplicaBlock> found) { take(block, found); },
          [&](std::size_t replica, std::uint64_t /*block*/, const Error& error) {
            note_unreadable(replica, error);
          });
      if (options_.progress != nullptr) options_.progress->advance(0, count << geometry_.shift());
    }
  }

  // The first error of each replica.
  void note_unreadable(std::size_t replica, const Error& error) {
    summary_.has_io_errors = true;
    Finding finding{unreadable_finding_id(error), extent_, extent_path(extent_)};
    finding.found = error.what();
    unreadable_.try_emplace(replica, std::move(finding));
  }

  void take(std::uint64_t block, std::span<const ReplicaBlock> found) {
    ++summary_.block_count;
    for (const std::size_t replica : order_) {
      const ByteView data = proven_data(found[replica]);
      if (data.empty()) continue;
      write(block, data);
      return note(block, {Origin::Kind::proven, replica});
    }
    flush();
    writer_.zeros({geometry_.block_offset_bytes(block), geometry_.block_size_bytes()});
    if (std::any_of(found.begin(), found.end(), has_any_context)) {
      return note(block, {Origin::Kind::lost});
    }
    for (const std::size_t replica : order_) {
      if (found[replica].state == BlockState::unwritten) {
        return note(block, {Origin::Kind::unwritten, replica});
      }
    }
    note(block, {Origin::Kind::lost});
  }

  // Empty where no context proves it, or the key does not decrypt it.
  ByteView proven_data(const ReplicaBlock& block) {
    const BlockContext* context = usable_context(block, definition_.encrypted);
    if (context == nullptr) return {};
    if (!decryption_ || !context->encryption) return block.record.data;
    return decryption_->decrypt(*context->encryption, block.record.data, plain_) ? ByteView(plain_)
                                                                                 : ByteView();
  }

  void note(std::uint64_t block, Origin origin) {
    if (!runs_.empty() && runs_.back().origin == origin) {
      ++runs_.back().blocks.count;
    } else {
      runs_.push_back({{block, 1}, origin});
    }
    summary_.proven_count += origin.kind == Origin::Kind::proven ? 1U : 0U;
    summary_.unwritten_count += origin.kind == Origin::Kind::unwritten ? 1U : 0U;
    summary_.lost_count += origin.kind == Origin::Kind::lost ? 1U : 0U;
  }

  // ---- the image --------------------------------------------------------------------------------

  // Blocks follow each other: neighbouring ones are written at once.
  void write(std::uint64_t block, ByteView data) {
    if (pending_.size() >= pending_bytes_max) flush();
    if (pending_.empty()) pending_first_block_ = block;
    pending_.insert(pending_.end(), data.begin(), data.end());
  }

  void flush() {
    if (pending_.empty()) return;
    writer_.add(geometry_.block_offset_bytes(pending_first_block_), pending_);
    writer_.flush();
    pending_.clear();
  }

  // ---- the report -------------------------------------------------------------------------------

  void report(Reporter& reporter) {
    for (const OriginRun& run : runs_) report_origin(run, reporter);
    std::uint64_t finding_count = 0;
    for (const OriginRun& run : runs_) {
      if (run.origin.kind != Origin::Kind::lost) continue;
      Finding finding{FindingId::no_proven_copy, extent_, extent_path(extent_)};
      finding.blocks = run.blocks;
      finding.offset_bytes = geometry_.block_offset_bytes(run.blocks.first);
      finding.length_bytes = run.blocks.count << geometry_.shift();
      reporter.finding(finding);
      ++finding_count;
    }
    // Where another replica had what could not be read, nobody needs it.
    for (const auto& [replica, finding] : unreadable_) {
      if (summary_.lost_count == 0) break;
      reporter.finding(finding);
      ++finding_count;
    }
    if (summary_.has_changed) {
      reporter.finding({FindingId::changed_while_read, extent_, extent_path(extent_)});
      ++finding_count;
    }
    ExtentRecord record{extent_, extent_path(extent_), "unknown"};
    record.fields = {{"image_offset", image_offset_bytes_},
                     {"bytes", summary_.image_bytes},
                     {"data_bytes", summary_.data_bytes},
                     {"bad", summary_.lost_count},
                     {"findings", finding_count}};
    reporter.extent(record);
  }

  void report_origin(const OriginRun& run, Reporter& reporter) const {
    OtherRecord record{"origin", extent_, extent_path(extent_)};
    const bool is_known = run.origin.kind != Origin::Kind::lost;
    const std::string source = is_known ? replicas_.region(run.origin.replica).path : "";
    record.fields = {
        {"state", origin_name(run.origin.kind)},
        {"first_block", run.blocks.first},
        {"block_count", run.blocks.count},
        {"image_offset", image_offset_bytes_ + geometry_.block_offset_bytes(run.blocks.first)},
        {"source", source}};
    record.text = fmt::format("extent {} ({}) {}: {}{}\n", extent_.value, record.file,
                              blocks_text(run.blocks), is_known ? "from " : "lost", source);
    // People are told of what is there; what was never written is nothing to tell.
    if (run.origin.kind == Origin::Kind::unwritten) record.text.clear();
    reporter.record(record);
  }

  const ReplicaSet& replicas_;
  const RegionDefinition& definition_;
  Geometry geometry_;
  ExtentId extent_;
  std::uint64_t image_offset_bytes_;
  ImageTarget& image_;
  const SalvageOptions& options_;
  ImageWriter writer_;
  std::optional<BlockDecryption> decryption_;
  Bytes plain_;
  std::vector<std::size_t> order_;  // the newest replica first
  std::vector<OriginRun> runs_;
  std::map<std::size_t, Finding> unreadable_;
  Bytes pending_;
  std::uint64_t pending_first_block_ = 0;
  SalvageSummary summary_;
};

void add(SalvageSummary& total, const SalvageSummary& part) {
  total.extent_count += part.extent_count;
  total.block_count += part.block_count;
  total.proven_count += part.proven_count;
  total.unwritten_count += part.unwritten_count;
  total.lost_count += part.lost_count;
  total.image_bytes += part.image_bytes;
  total.data_bytes += part.data_bytes;
  total.has_io_errors |= part.has_io_errors;
  total.has_changed |= part.has_changed;
  total.stopped |= part.stopped;
}

void require_other_file(const ReplicaSet& replicas, const ImageTarget& image) {
  const auto written = image.identity();
  for (std::size_t i = 0; written && i < replicas.size(); ++i) {
    if (!has_file_below(*replicas.region(i).root, *written)) continue;
    throw Error(ErrorKind::usage, fmt::format("'{}': the image would be written over the region",
                                              replicas.region(i).path));
  }
}

}  // namespace

SalvageSummary salvage(const ReplicaSet& replicas, ImageTarget& image,
                       const SalvageOptions& options, Reporter& reporter) {
  require_other_file(replicas, image);
  const Region& first = replicas.region(0);
  const std::uint64_t extent_bytes = first.definition.geometry.extent_data_bytes();
  image.start(options.walk.extents.count_of(first.definition.extent_count) * extent_bytes);
  WalkOptions walk = options.walk;
  if (!image.is_seekable()) walk.go_in_order();
  SalvageSummary total;
  std::mutex mutex;
  const bool finished = walk_extents(
      first, walk, reporter, [&](const Leaf& /*leaf*/, ExtentId extent, Reporter& turn) {
        const std::uint64_t offset = options.walk.extents.count_of(extent.value) * extent_bytes;
        const SalvageSummary part =
            ExtentSalvage(replicas, extent, offset, image, options).run(turn);
        if (options.progress != nullptr) options.progress->advance(1, 0);
        const std::lock_guard lock(mutex);
        add(total, part);
      });
  total.stopped |= !finished;
  if (!total.is_whole()) return total;
  try {
    image.sync();
    image.commit();
  } catch (const SystemError&) {
    // A failed sync is final: the file stays as it is.
    image.leave();
    throw;
  }
  return total;
}

}  // namespace libregion
