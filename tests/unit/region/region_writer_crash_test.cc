// A region that is written, flushed and defragmented as a service does it, with a crash at every
// call that changes or syncs something: in each state that may be left, every block has the version
// that was flushed last, or one that was written later, and its own context. Blocks of 512 bytes,
// one sector: none is torn in the middle, and so none is excused.

#include "libregion/format/raw_layout.h"
#include "tests/unit/region/region_writer_session.h"

namespace libregion {
namespace {

std::string first_harm(const Workload& workload, WriteOrdering ordering,
                       const CrashOptions& options) {
  Session session(workload, ordering);
  const Judge judge(workload, session.promises());
  return first_problem(
      *before_workload(workload), [&](MemoryFileSystem& memory) { session.run(memory); },
      [&](MemoryFileSystem& left, bool /*finished*/) { return judge.harm(left); }, options);
}

TEST_CASE("a crash at any call loses no block that was flushed, and confuses no context") {
  on_every_workload([](const Workload& workload) {
    CHECK(first_harm(workload, WriteOrdering::posix,
                     {{CrashModel::ordered, CrashModel::posix_512}, workload.seed_count}) == "");
  });
}

// ---- while the service goes on ------------------------------------------------------------------

// What there is to be said of a clean extent whose bits on disk are not those in memory: both slots
// of such a block are the same, and match its data. Counts these blocks.
std::string moved_blocks_problem(const MemoryFileSystem& disk, const RegionWriter& writer,
                                 std::uint64_t& moved_count) {
  const Geometry& geometry = writer.definition().geometry;
  const RawLayout layout(geometry);
  for (std::uint32_t extent = 0; extent < writer.definition().extent_count; ++extent) {
    const Bytes content = disk.content_of(region_path + "/" + extent_path(ExtentId{extent}));
    const auto part = [&](std::uint64_t offset_bytes, std::uint64_t length_bytes) {
      return ByteView(content).subspan(offset_bytes, length_bytes);
    };
    if (part(layout.metadata_offset_bytes(), 1)[0] != std::byte{0}) continue;
    const ActiveSlots on_disk(geometry.extent_size_blocks(),
                              part(layout.bits_offset_bytes(), layout.bits_bytes()));
    for (std::uint64_t block = 0; block < on_disk.block_count(); ++block) {
      if (on_disk.at(block) == writer.extent(ExtentId{extent}).active_slot(block)) continue;
      ++moved_count;
      const auto slot = [&](ContextSlot array) {
        return decode_context_slot(
            SlotView(part(layout.slot_offset_bytes(array, block), context_slot_bytes)));
      };
      const SlotValue value = slot(ContextSlot::A);
      if (value != slot(ContextSlot::B)) return "different slots";
      const auto* context = std::get_if<BlockContext>(&value);
      const ByteView data = part(geometry.block_offset_bytes(block), geometry.block_size_bytes());
      const bool matches =
          context == nullptr ? all_zero(data) : context->on_disk_hash == on_disk_hash(data);
      if (!matches) return "slots that do not match the data";
    }
  }
  return {};
}

TEST_CASE(
    "where the bits on disk name the other array both slots are the same and match the data") {
  std::uint64_t moved_count = 0;
  on_every_workload([&](const Workload& workload) {
    for (const WriteOrdering ordering : {WriteOrdering::posix, WriteOrdering::zfs}) {
      const auto memory = before_workload(workload);
      Session session(workload, ordering);
      std::string problem;
      memory->watch([&](std::uint64_t number, const Call& call) {
        if (session.writer() == nullptr || !problem.empty()) return;
        const auto now = after_crash(*memory, CrashModel::ordered, 0);
        problem = moved_blocks_problem(*now, *session.writer(), moved_count);
        if (!problem.empty())
          problem += " at call " + std::to_string(number) + ", " + describe(call);
      });
      session.run(*memory);
      CHECK(problem == "");
    }
  });
  CHECK(moved_count > 50);
}

TEST_CASE("Crucible's ordering does so where writes become durable in their order") {
  on_every_workload([](const Workload& workload) {
    CHECK(first_harm(workload, WriteOrdering::zfs, {{CrashModel::ordered}}) == "");
  });
}

TEST_CASE("Crucible's ordering does not where they become durable in any order") {
  CHECK(first_harm(workloads().front(), WriteOrdering::zfs, {{CrashModel::posix_512}, 24}) != "");
}

// ---- the syncs ----------------------------------------------------------------------------------

// What each sync of a run is for: "opening", "mark" or "writing".
std::vector<std::string> purposes_of_syncs(const std::vector<Call>& log, const RawLayout& layout) {
  std::vector<std::string> purposes;
  const Call* write = nullptr;  // the last one before
  for (const Call& call : log) {
    if (call.kind == CallKind::write) write = &call;
    if (!is_sync(call.kind)) continue;
    // When it is opened there is a sync of the directory, and then one of a file not written since.
    if (call.kind == CallKind::sync_directory) write = nullptr;
    const bool is_mark = write != nullptr &&
                         write->offset_bytes == layout.metadata_offset_bytes() &&
                         write->length_bytes == 1;
    purposes.emplace_back(write == nullptr ? "opening" : is_mark ? "mark" : "writing");
  }
  return purposes;
}

TEST_CASE("of the syncs none is without need, that of a mark after a defragmentation neither") {
  for (const Workload& workload : workloads()) {
    if (std::string_view(workload.name).find("defragment encrypted") != 0) continue;
    CAPTURE(std::string(workload.name));
    Session session(workload, WriteOrdering::posix);
    const Judge judge(workload, session.promises());
    const auto before = before_workload(workload);
    const Operation run = [&](MemoryFileSystem& memory) { session.run(memory); };
    const Examine examine = [&](MemoryFileSystem& left, bool /*finished*/) {
      return judge.harm(left);
    };
    const std::vector<Call> log = log_of(*before, run);
    const RawLayout layout(std::get<Geometry>(Geometry::make(512, workload.extent_size_blocks)));
    const std::vector<std::string> purposes = purposes_of_syncs(log, layout);
    std::size_t sync = 0;
    std::size_t marks = 0;
    for (std::uint64_t number = 0; number < log.size(); ++number) {
      if (!is_sync(log[number].kind)) continue;
      const std::string& purpose = purposes[sync++];
      // Here all was durable before it was opened. The mark is written four times, before the third
      // of them slots were copied; at the others the rule that nothing comes before it is kept
      // without need.
      if (purpose == "mark") ++marks;
      const bool is_needed = purpose == "writing" || (purpose == "mark" && marks == 3);
      CrashOptions without{{CrashModel::posix_512}, 40};
      without.ignored_sync = number;
      CAPTURE(describe(log[number - (number > 0 ? 1 : 0)]));
      CAPTURE(number);
      const std::string problem = first_problem(*before, run, examine, without);
      CHECK(problem.empty() != is_needed);
    }
    CHECK(marks == 4);
  }
}

}  // namespace
}  // namespace libregion
