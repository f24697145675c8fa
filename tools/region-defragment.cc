// region-defragment: the active context slots of each raw extent come to lie in one array.

#include <fmt/format.h>

#include "libregion/format/raw_layout.h"
#include "libregion/ops/defragment.h"
#include "tools/common/run_tool.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::DefragmentOptions;
using libregion::DefragmentSummary;
using libregion::Region;

ExitCode exit_code_for(const Session& session, const DefragmentSummary& summary) {
  const bool has_something_to_do = session.options().dry_run && summary.defragmented_count > 0;
  const bool is_damaged = session.region_counts().errors > 0;
  auto code = is_damaged || has_something_to_do ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

// "4 extents: 3 defragmented (1201 blocks moved), 1 left alone".
std::string describe(const DefragmentSummary& summary, const DefragmentOptions& options,
                     const Session& session) {
  std::string text = plural(summary.extent_count, "extent") + ": ";
  if (summary.defragmented_count == 0) {
    text += "nothing to do";
  } else if (options.only_looks()) {
    text += fmt::format("would be: {} defragmented ({} moved)", summary.defragmented_count,
                        plural(summary.moved_block_count, "block"));
  } else {
    text += fmt::format("{} defragmented ({} moved)", summary.defragmented_count,
                        plural(summary.moved_block_count, "block"));
  }
  if (summary.left_count > 0) text += fmt::format(", {} left alone", summary.left_count);
  if (options.check) {
    text += fmt::format("; to read all takes {} more than needed",
                        plural(summary.extra_system_calls, "system call"));
  }
  if (summary.stopped) text += ", then stopped";
  const FindingCounts& counts = session.region_counts();
  return counts.by_id.empty() ? text : text + ": " + counts_text(counts);
}

ExitCode defragment(Session& session, const Region& region, DefragmentOptions options) {
  options.walk = session.walk_options(region.definition);
  options.dry_run = session.options().dry_run;
  options.progress = &session.progress();
  const libregion::RawLayout layout(region.definition.geometry);
  const std::uint64_t extent_count = options.walk.extents.count_of(region.definition.extent_count);
  session.progress().start(extent_count, extent_count * 2 * layout.slot_array_bytes());
  const DefragmentSummary summary = defragment_region(region, options, session.reporter());
  if (summary.stopped || summary.has_io_errors || summary.left_count > 0) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"defragmented", summary.defragmented_count},
                      {"left", summary.left_count},
                      {"moved_blocks", summary.moved_block_count},
                      {"extra_system_calls", summary.extra_system_calls},
                      {"bytes", summary.written_bytes}},
                     describe(summary, options, session));
  return exit_code_for(session, summary);
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  DefragmentOptions options;
  const ToolInfo info{"region-defragment",
                      "Bring the active slots of each raw extent together in one array.",
                      "REGION...",
                      {"region-defragment --check /data/r1   how scattered are they?",
                       "region-defragment -n -v /data/r1      what would be done?",
                       "region-defragment /data/r1            do it; data stays where it is"}};
  return run_tool(
      argc, argv, info, {.dry_run = true},
      [&](CommandLine& line) {
        line.add_flag("--check", options.check, "say how scattered they are; change nothing");
      },
      [&](Session& session) {
        options.dry_run = session.options().dry_run;
        const Access access = options.only_looks() ? Access::read : Access::read_write;
        return for_each_region(
            session,
            {access, false, session.options().lock_wait_seconds, &Session::stop_flag(),
             /*refuses_older=*/true},
            [&](const Region& region) { return defragment(session, region, options); });
      });
}
