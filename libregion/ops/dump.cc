#include "libregion/ops/dump.h"

#include <algorithm>

#include "libregion/extent/open_extent.h"
#include "libregion/ops/parallel.h"

namespace libregion {
namespace {

// Extents that are read before their rows are taken.
constexpr std::size_t batch_extents_max = 256;

// What was read of one extent of one replica.
struct Reading {
  ReplicaExtent extent;
  std::vector<Finding> findings;
  std::optional<Error> failure;
  std::uint64_t read_bytes = 0;
  bool has_io_error = false;
  bool has_changed = false;
  bool is_counted = false;  // by the replica's region.json
};

bool is_broken(const std::unique_ptr<File>& file) { return file->lease_is_broken(); }

// Reads one extent of a leaf that is open.
class SummaryReader {
 public:
  SummaryReader(const Region& region, const Leaf& leaf, ExtentId extent)
      : region_(region), leaf_(leaf), extent_(extent) {}

  Reading run() {
    reading_.is_counted = extent_.value < region_.definition.extent_count;
    if (!reading_.is_counted) return std::move(reading_);
    if (leaf_.is_unreadable()) {
      // The finding of the directory has said it.
      reading_.extent.state = ReplicaState::unreadable;
      reading_.has_io_error = true;
      return std::move(reading_);
    }
    try {
      read();
    } catch (const Error& error) {
      reading_.extent.state = ReplicaState::unreadable;
      if (error.kind() == ErrorKind::failed) {
        reading_.has_io_error = true;
        add(unreadable_finding_id(error), error.what());
      } else {
        reading_.failure = error;
      }
    }
    return std::move(reading_);
  }

 private:
  void add(FindingId id, std::string found = {}) {
    Finding finding{id, extent_, extent_path(extent_)};
    finding.found = std::move(found);
    reading_.findings.push_back(std::move(finding));
  }

  void read() {
    const ExtentParts parts = leaf_.parts_of(extent_);
    if (!parts.has(ExtentPart::data) && !parts.has(ExtentPart::db)) {
      return add(FindingId::missing_extent);
    }
    reading_.extent.state = ReplicaState::unreadable;
    ExtentSummary summary =
        read_extent_summary(*leaf_.directory(), extent_, parts, region_.definition.geometry,
                            [&](File& file) { region_.use->claim(file); });
    if (std::any_of(summary.files.begin(), summary.files.end(), is_broken)) {
      reading_.has_changed = true;
      return add(FindingId::changed_while_read);
    }
    reading_.findings = std::move(summary.findings);
    if (!summary.metadata) return;
    reading_.extent = {ReplicaState::present, format_name(format_of(parts)), summary.metadata};
    reading_.read_bytes = summary.read_bytes;
    if (summary.metadata->dirty) add(FindingId::dirty_extent);
  }

  const Region& region_;
  const Leaf& leaf_;
  ExtentId extent_;
  Reading reading_;
};

void add(DumpTotals& totals, const Reading& reading) {
  if (!reading.is_counted) return;
  ++totals.extent_count;
  totals.missing_count += std::uint64_t{reading.extent.state == ReplicaState::missing};
  totals.unreadable_count += std::uint64_t{reading.extent.state == ReplicaState::unreadable};
  totals.sqlite_count += std::uint64_t{reading.extent.format == format_name(ExtentFormat::sqlite)};
  totals.read_bytes += reading.read_bytes;
  totals.has_io_errors |= reading.has_io_error;
  totals.has_changed |= reading.has_changed;
  const auto& metadata = reading.extent.metadata;
  if (!metadata) return;
  totals.dirty_count += std::uint64_t{metadata->dirty};
  totals.gen_number_max = std::max(totals.gen_number_max, metadata->gen_number);
  totals.flush_number_max = std::max(totals.flush_number_max, metadata->flush_number);
}

class Dump {
 public:
  Dump(std::span<const DumpReplica> replicas, const DumpOptions& options,
       const std::function<void(const DumpRow&)>& take_row)
      : replicas_(replicas), options_(options), take_row_(take_row) {
    summary_.totals.resize(replicas.size());
  }

  DumpSummary run() {
    const std::uint64_t end = extent_end();
    std::vector<const Region*> regions;
    for (const DumpReplica& replica : replicas_) regions.push_back(replica.region);
    const RegionDefinition walked = walked_definition(regions);
    for (std::uint64_t number = 0; number < end; ++number) {
      const ExtentId extent{static_cast<std::uint32_t>(number)};
      if (!options_.walk.includes(walked, extent)) continue;
      const bool is_full = batch_.size() == batch_extents_max;
      if (!batch_.empty() && (is_full || leaf_of(batch_.back()) != leaf_of(extent))) take_batch();
      if (is_over()) break;
      batch_.push_back(extent);
    }
    if (!is_over()) take_batch();
    return std::move(summary_);
  }

 private:
  // Beyond the last extent of the region that has the most.
  [[nodiscard]] std::uint64_t extent_end() const {
    std::uint32_t end = 0;
    for (const DumpReplica& replica : replicas_) {
      end = std::max(end, replica.region->definition.extent_count);
    }
    return end;
  }

  bool is_over() {
    if (options_.walk.stop != nullptr && *options_.walk.stop) summary_.stopped = true;
    return summary_.stopped ||
           std::all_of(summary_.totals.begin(), summary_.totals.end(),
                       [](const DumpTotals& totals) { return totals.failure.has_value(); });
  }

  void take_batch() {
    if (batch_.empty()) return;
    enter_leaf(leaf_of(batch_.front()));
    const std::size_t count = replicas_.size();
    readings_.assign(batch_.size() * count, {});
    for_each_in_parallel(options_.walk.jobs, batch_.size(), [&](std::size_t i) {
      for (std::size_t r = 0; r < count; ++r) readings_[i * count + r] = read(batch_[i], r);
    });
    for (std::size_t i = 0; i < batch_.size() && !is_over(); ++i) {
      report(batch_[i], std::span(readings_).subspan(i * count, count));
    }
    batch_.clear();
  }

  void enter_leaf(LeafId id) {
    if (!leaves_.empty() && leaves_.front().id() == id) return;
    leaves_.clear();
    for (std::size_t r = 0; r < replicas_.size(); ++r) {
      leaves_.push_back(Leaf::open(*replicas_[r].region, id));
      if (summary_.totals[r].failure) continue;
      for (const Finding& finding : leaves_.back().findings()) {
        replicas_[r].reporter->finding(finding);
      }
    }
  }

  Reading read(ExtentId extent, std::size_t replica) {
    if (summary_.totals[replica].failure) return lost();
    return SummaryReader(*replicas_[replica].region, leaves_[replica], extent).run();
  }

  static Reading lost() {
    Reading reading;
    reading.extent.state = ReplicaState::unreadable;
    return reading;
  }

  void report(ExtentId extent, std::span<Reading> readings) {
    row_extents_.clear();
    for (std::size_t r = 0; r < readings.size(); ++r) {
      DumpTotals& totals = summary_.totals[r];
      if (readings[r].failure) totals.failure = readings[r].failure;
      if (totals.failure) readings[r] = lost();
      add(totals, readings[r]);
      row_extents_.push_back(readings[r].extent);
    }
    // A single region that is in use: nothing more is said of it.
    if (is_over()) return;
    DumpRow row{extent, row_extents_};
    find_differences(row);
    ++summary_.row_count;
    if (row.differs()) ++summary_.differing_count;
    const bool is_shown = row.differs() || !options_.only_differences;
    for (std::size_t r = 0; r < readings.size(); ++r) report(r, extent, readings[r], is_shown);
    if (is_shown) take_row_(row);
    if (options_.progress != nullptr)
      options_.progress->advance(1, readings.size() * metadata_bytes);
  }

  void report(std::size_t replica, ExtentId extent, const Reading& reading, bool is_shown) {
    Reporter& reporter = *replicas_[replica].reporter;
    for (const Finding& finding : reading.findings) reporter.finding(finding);
    if (!reading.is_counted || !is_shown) return;
    ExtentRecord record{extent, extent_path(extent), reading.extent.format};
    record.metadata = reading.extent.metadata;
    record.fields = {{"findings", std::uint64_t{reading.findings.size()}}};
    reporter.extent(record);
  }

  std::span<const DumpReplica> replicas_;
  const DumpOptions& options_;
  const std::function<void(const DumpRow&)>& take_row_;
  DumpSummary summary_;
  std::vector<Leaf> leaves_;  // of the batch in hand, one for each replica
  std::vector<ExtentId> batch_;
  std::vector<Reading> readings_;  // of the batch, extent by extent
  std::vector<ReplicaExtent> row_extents_;
};

}  // namespace

RegionDefinition walked_definition(std::span<const Region* const> regions) {
  RegionDefinition definition = regions.front()->definition;
  for (const Region* region : regions) {
    const Uuid& uuid = region->definition.uuid;
    if (uuid.bytes < definition.uuid.bytes) definition.uuid = uuid;
  }
  return definition;
}

void find_differences(DumpRow& row) {
  const ReplicaExtent* known = nullptr;
  for (const ReplicaExtent& replica : row.replicas) {
    row.state_differs |= replica.state != row.replicas.front().state;
    if (!replica.metadata) continue;
    if (known == nullptr) known = &replica;
    row.format_differs |= replica.format != known->format;
    row.gen_number_differs |= replica.metadata->gen_number != known->metadata->gen_number;
    row.flush_number_differs |= replica.metadata->flush_number != known->metadata->flush_number;
    row.dirty_differs |= replica.metadata->dirty != known->metadata->dirty;
  }
}

DumpSummary dump_regions(std::span<const DumpReplica> replicas, const DumpOptions& options,
                         const std::function<void(const DumpRow&)>& take_row) {
  LIBREGION_ASSERT(!replicas.empty());
  return Dump(replicas, options, take_row).run();
}

std::vector<DefinitionRow> compare_definitions(std::span<const DumpReplica> replicas) {
  using Value = std::uint64_t (*)(const RegionDefinition&);
  constexpr std::array<std::pair<std::string_view, Value>, 4> members = {{
      {"block_size", [](const RegionDefinition& d) { return d.geometry.block_size_bytes(); }},
      {"extent_size", [](const RegionDefinition& d) { return d.geometry.extent_size_blocks(); }},
      {"extent_count", [](const RegionDefinition& d) { return std::uint64_t{d.extent_count}; }},
      {"encrypted", [](const RegionDefinition& d) { return std::uint64_t{d.encrypted}; }},
  }};
  std::vector<DefinitionRow> rows;
  for (const auto& [name, value] : members) {
    DefinitionRow row{name, {}, name == "encrypted"};
    for (const DumpReplica& replica : replicas)
      row.values.push_back(value(replica.region->definition));
    row.differs = std::any_of(row.values.begin(), row.values.end(),
                              [&](std::uint64_t each) { return each != row.values.front(); });
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace libregion
