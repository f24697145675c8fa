// region-verify: every block of every extent, both hashes, both formats.

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/verify.h"
#include "tools/common/run_tool.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::Region;
using libregion::VerifySummary;

ExitCode exit_code_for(const Session& session, const VerifySummary& summary) {
  const bool is_damaged = has_grave_findings(session.options(), session.region_counts());
  auto code = is_damaged ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_changed) code = more_serious(code, ExitCode::in_use);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

std::string describe(const VerifySummary& summary) {
  return fmt::format("{}, {} ({} written), {} verified{}", plural(summary.extent_count, "extent"),
                     plural(summary.block_count, "block"), summary.written_count,
                     libregion::human_size(summary.data_bytes),
                     summary.stopped ? ", then stopped" : "");
}

ExitCode verify(Session& session, const Region& region) {
  const libregion::VerifyOptions options{session.walk_options(region.definition),
                                         &session.progress()};
  const auto totals = walk_totals(region.definition, options.walk);
  session.progress().start(totals.extent_count, totals.data_bytes);
  const VerifySummary summary = verify_region(region, options, session.reporter());
  if (summary.stopped || summary.has_changed || summary.has_io_errors) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"blocks", summary.block_count},
                      {"written", summary.written_count},
                      {"bytes", summary.data_bytes}},
                     describe(summary) + ": " + counts_text(session.region_counts()));
  return exit_code_for(session, summary);
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  bool live = false;
  const ToolInfo info{"region-verify",
                      "Verify Crucible regions: every block, both hashes. Changes nothing.",
                      "REGION...",
                      {"region-verify /data/r1                         what is wrong with it?",
                       "region-verify -e 67D --format jsonl /data/r1   one extent, for a program",
                       "region-verify --regions-from rack.txt -q       many: errors only"}};
  return run_tool(
      argc, argv, info, {.blocks = true, .strict = true},
      [&](CommandLine& line) {
        line.add_flag("--live", live, "look at one in use; findings may be stale");
      },
      [&](Session& session) {
        return for_each_region(
            session,
            {Access::read, live, session.options().lock_wait_seconds, &Session::stop_flag()},
            [&](const Region& region) { return verify(session, region); });
      });
}
