#include "libregion/ops/dump_inventory.h"

#include <mutex>

#include "libregion/format/raw_layout.h"
#include "libregion/format/slot_fragmentation.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

constexpr std::array file_parts = {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal,
                                   ExtentPart::db_shm, ExtentPart::db_journal};
constexpr std::array pending_parts = {ExtentPart::copy, ExtentPart::replace, ExtentPart::completed};

class ExtentInventory {
 public:
  explicit ExtentInventory(ExtentVisit& visit) : visit_(visit), parts_(visit.parts()) {}

  Inventory run() {
    report_pending();
    if (ExtentReader* reader = visit_.open()) {
      inventory_.raw_count = std::uint64_t{reader->format() == ExtentFormat::raw};
      inventory_.sqlite_count = std::uint64_t{reader->format() == ExtentFormat::sqlite};
      if (reader->format() == ExtentFormat::raw) count_runs(*reader);
    }
    if (visit_.directory() != nullptr) visit_.guard([&] { add_sizes(); });
    visit_.report_extent({{"apparent_bytes", inventory_.apparent_bytes},
                          {"allocated_bytes", inventory_.allocated_bytes},
                          {"pending_bytes", inventory_.pending_bytes},
                          {"a_runs", inventory_.a_run_count},
                          {"b_runs", inventory_.b_run_count},
                          {"extra_system_calls", inventory_.extra_system_calls}});
    return inventory_;
  }

 private:
  void report_pending() {
    inventory_.copy_count = std::uint64_t{parts_.has(ExtentPart::copy)};
    inventory_.replace_count = std::uint64_t{parts_.has(ExtentPart::replace)};
    inventory_.completed_count = std::uint64_t{parts_.has(ExtentPart::completed)};
    visit_.report(pending_findings(visit_.extent(), parts_));
    visit_.report(stray_findings(visit_.extent(), parts_));
    if (!parts_.has(ExtentPart::replace)) return;
    std::vector<Finding> findings;
    visit_.guard([&] {
      findings = check_replacement(*visit_.directory(), visit_.extent(), parts_,
                                   visit_.region().definition.geometry);
    });
    visit_.report(findings);
  }

  void count_runs(ExtentReader& reader) {
    visit_.guard([&] {
      const bool bits_are_valid = reader.metadata() && !reader.metadata()->dirty;
      const SlotFragmentation slots = measure_fragmentation(
          bits_are_valid ? read_bits(*reader.files().front()) : find_slots(reader));
      inventory_.a_run_count = slots.a.run_count;
      inventory_.b_run_count = slots.b.run_count;
      inventory_.extra_system_calls = slots.extra_system_calls();
    });
  }

  ActiveSlots read_bits(const File& file) {
    const Geometry& geometry = visit_.region().definition.geometry;
    const RawLayout layout(geometry);
    const Bytes bits = file.read(layout.bits_offset_bytes(), layout.bits_bytes());
    visit_.add_read(layout.bits_bytes());
    return {geometry.extent_size_blocks(), bits};
  }

  // A block that has lost its context goes on with the run it is in.
  ActiveSlots find_slots(ExtentReader& reader) {
    const Geometry& geometry = visit_.region().definition.geometry;
    ActiveSlots slots(geometry.extent_size_blocks());
    ContextSlot last = ContextSlot::A;
    const auto follow = [&](const BlockRecord& record) {
      if (record.selected) last = *record.selected == 0 ? ContextSlot::A : ContextSlot::B;
      slots.set(record.block, last);
    };
    for_each_step(visit_.watched({0, reader.readable_blocks()}),
                  [&](BlockRange step) { reader.read_blocks(step, follow); });
    visit_.totals().read_bytes += reader.readable_blocks() << geometry.shift();
    return slots;
  }

  void add_sizes() {
    const Directory& leaf = *visit_.directory();
    for (const ExtentPart part : file_parts) {
      if (!parts_.has(part)) continue;
      const auto status = leaf.status_of(extent_file_name(visit_.extent(), part));
      if (!status || status->kind != FileKind::regular) continue;
      inventory_.apparent_bytes += status->size_bytes;
      inventory_.allocated_bytes += status->allocated_bytes;
    }
    for (const ExtentPart part : pending_parts) {
      if (parts_.has(part)) add_pending_size(leaf, extent_file_name(visit_.extent(), part));
    }
  }

  // A repair's directory holds files and nothing else.
  void add_pending_size(const Directory& leaf, const std::string& name) {
    const auto opened = leaf.open_directory(name);
    const auto* directory = std::get_if<std::unique_ptr<Directory>>(&opened);
    if (directory == nullptr) return;
    (*directory)->list([&](const DirectoryEntry& entry) {
      const auto status = (*directory)->status_of(entry.name);
      if (status) inventory_.pending_bytes += status->allocated_bytes;
    });
  }

  ExtentVisit& visit_;
  ExtentParts parts_;
  Inventory inventory_;
};

}  // namespace

void Inventory::add(const Inventory& part) {
  raw_count += part.raw_count;
  sqlite_count += part.sqlite_count;
  copy_count += part.copy_count;
  replace_count += part.replace_count;
  completed_count += part.completed_count;
  apparent_bytes += part.apparent_bytes;
  allocated_bytes += part.allocated_bytes;
  pending_bytes += part.pending_bytes;
  a_run_count += part.a_run_count;
  b_run_count += part.b_run_count;
  extra_system_calls += part.extra_system_calls;
}

InventorySummary take_inventory(const Region& region, const WalkOptions& walk, Progress* progress,
                                Reporter& reporter) {
  InventorySummary summary;
  std::mutex mutex;
  summary.totals = visit_extents(region, walk, progress, reporter, [&](ExtentVisit& visit) {
    const Inventory part = ExtentInventory(visit).run();
    const std::lock_guard lock(mutex);
    summary.inventory.add(part);
  });
  if (!summary.totals.stopped && walk.is_everything()) {
    report_surplus(region, reporter, summary.totals.has_io_errors);
  }
  return summary;
}

}  // namespace libregion
