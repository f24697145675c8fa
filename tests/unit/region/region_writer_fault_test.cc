// A service whose calls fail: each of those that change or sync something, once. It hears of it,
// and whatever a crash leaves afterwards has all that was acknowledged.

#include <cerrno>

#include "libregion/format/raw_layout.h"
#include "tests/unit/region/region_writer_session.h"

namespace libregion {
namespace {

// Of a write of data half of a block may be left, which no layout with one place for each block can
// help: raw_extent_writer_test.cc has these.
bool tears_a_block(const Call& call, const Geometry& geometry) {
  return call.kind == CallKind::write && call.offset_bytes < geometry.extent_data_bytes();
}

// A write that fails has written its first half, which ends in the middle of a sector: no page or
// sector of a disk does. Of an encrypted slot in B that held a copy of the one in A it may match.
bool tears_a_copy(const Workload& workload, const Call& call, const Geometry& geometry) {
  const RawLayout layout(geometry);
  return workload.is_encrypted && call.kind == CallKind::write &&
         call.offset_bytes >= layout.slot_array_offset_bytes(ContextSlot::B) &&
         call.offset_bytes < layout.bits_offset_bytes();
}

// And half of the metadata: their numbers are then written again by the flush that is tried again.
bool tears_metadata(const Call& call, const Geometry& geometry) {
  const std::uint64_t offset_bytes = RawLayout(geometry).metadata_offset_bytes();
  return call.kind == CallKind::write && call.offset_bytes + call.length_bytes > offset_bytes + 1;
}

std::string problem_with_fault(const Workload& workload, WriteOrdering ordering,
                               std::uint64_t number, bool looks_at_numbers) {
  const auto memory = before_workload(workload);
  Fault fault{EIO};
  fault.first = number;
  memory->add_fault(fault);
  Session session(workload, ordering);
  const Judge judge(workload, session.promises(), looks_at_numbers);
  try {
    session.run(*memory);
    return "nobody heard of it";
  } catch (const SystemError&) {  // as it should be
  }
  const std::vector<Call> log = memory->log();
  if (is_sync(log[number].kind) && log.size() > number + 1) return "something came after it";
  if (ordering == WriteOrdering::zfs) return judge.harm(*memory->copy());
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const std::string harm = judge.harm(*after_crash(*memory, CrashModel::posix_512, seed));
    if (!harm.empty()) return "seed " + std::to_string(seed) + ": " + harm;
  }
  return {};
}

TEST_CASE("a call that fails is an error, after a failed sync comes nothing, no harm is done") {
  on_every_workload([](const Workload& workload) {
    const Geometry geometry = std::get<Geometry>(Geometry::make(512, workload.extent_size_blocks));
    for (const WriteOrdering ordering : {WriteOrdering::posix, WriteOrdering::zfs}) {
      const std::vector<Call> log =
          log_of(*before_workload(workload),
                 [&](MemoryFileSystem& memory) { Session(workload, ordering).run(memory); });
      for (std::uint64_t number = 0; number < log.size(); ++number) {
        if (tears_a_block(log[number], geometry)) continue;
        if (tears_a_copy(workload, log[number], geometry)) continue;
        CAPTURE(number);
        CAPTURE(describe(log[number]));
        const bool looks_at_numbers = !tears_metadata(log[number], geometry);
        CHECK(problem_with_fault(workload, ordering, number, looks_at_numbers) == "");
      }
    }
  });
}

}  // namespace
}  // namespace libregion
