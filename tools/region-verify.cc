// region-verify: every block of every extent, both hashes, both formats.

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/verify_replicas.h"
#include "tools/common/side_by_side.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::Region;
using libregion::VerifyReplicasSummary;
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

ExitCode end(Session& session, const VerifySummary& summary) {
  if (summary.stopped || summary.has_changed || summary.has_io_errors) session.set_incomplete();
  return exit_code_for(session, summary);
}

Fields fields_of(const VerifySummary& summary) {
  return {{"extents", summary.extent_count},
          {"blocks", summary.block_count},
          {"written", summary.written_count},
          {"bytes", summary.data_bytes}};
}

ExitCode verify(Session& session, const Region& region) {
  const libregion::VerifyOptions options{session.walk_options(region.definition),
                                         &session.progress()};
  const auto totals = walk_totals(region.definition, options.walk);
  session.progress().start(totals.extent_count, totals.data_bytes);
  const VerifySummary summary = verify_region(region, options, session.reporter());
  session.end_region(fields_of(summary),
                     describe(summary) + ": " + counts_text(session.region_counts()));
  return end(session, summary);
}

// ---- replicas -----------------------------------------------------------------------------------

std::string describe(const VerifyReplicasSummary& summary) {
  std::string text = fmt::format("{} in all replicas: {} to be reconciled",
                                 plural(summary.extent_count, "extent"), summary.differing_count);
  if (summary.lost_block_count > 0) {
    text += fmt::format(", which would lose {}", plural(summary.lost_block_count, "block"));
  }
  if (summary.contradicting_block_count > 0) {
    text += fmt::format("; {} contradict each other",
                        plural(summary.contradicting_block_count, "block"));
  }
  return text + "\n";
}

ExitCode end_replica(Session& session, RegionsSideBySide& regions, std::size_t index,
                     const VerifyReplicasSummary& summary) {
  VerifySummary replica = summary.replicas[index];
  replica.stopped = summary.stopped;
  const std::string counts = counts_text(regions.counts(index));
  regions.end(index, fields_of(replica), describe(replica) + ": " + counts);
  const ExitCode code = end(session, replica);
  const auto& failure = summary.failures[index];
  if (!failure) return code;
  session.report_failure(*failure, regions.region(index).path);
  session.set_incomplete();
  return more_serious(code, exit_code_of(failure->kind()));
}

ExitCode verify_replicas(Session& session, const libregion::UseOptions& use) {
  const auto paths = region_paths(session.options(), Session::stop_flag());
  std::optional<libregion::Geometry> geometry;
  RegionsSideBySide regions(session, paths, use, [&](const Region& region) {
    (void)session.walk_options(region.definition);
    require_same_geometry(region, geometry);
  });
  if (regions.size() == 0) return regions.exit_code();
  std::vector<libregion::DumpReplica> replicas;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    replicas.push_back({&regions.region(i), &regions.reporter(i)});
  }
  const auto& definition = regions.region(0).definition;
  const libregion::VerifyOptions options{session.walk_options(definition), &session.progress()};
  const auto totals = walk_totals(definition, options.walk);
  session.progress().start(totals.extent_count, totals.data_bytes * regions.size());
  const VerifyReplicasSummary summary = libregion::verify_replicas(replicas, options);
  auto code = regions.exit_code();
  for (std::size_t i = 0; i < regions.size(); ++i) {
    code = more_serious(code, end_replica(session, regions, i, summary));
  }
  session.add_to_totals({{"different", summary.differing_count},
                         {"lost", summary.lost_block_count},
                         {"contradicting", summary.contradicting_block_count}});
  if (!session.options().quiet && session.options().format == RecordFormat::human) {
    libregion::OtherRecord record{"table"};
    record.text = describe(summary);
    session.reporter().record(record);
  }
  return code;
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  bool live = false;
  bool replicas = false;
  const ToolInfo info{
      "region-verify",
      "Verify Crucible regions: every block, both hashes. Changes nothing.",
      "REGION...",
      {"region-verify /data/r1                         what is wrong with it?",
       "region-verify -e 67D --format jsonl /data/r1   one extent, for a program",
       "region-verify --replicas r1 r2 r3             what their differences may cost",
       "region-verify --regions-from rack.txt -q       many: errors only"}};
  return run_tool(
      argc, argv, info, {.blocks = true, .strict = true},
      [&](CommandLine& line) {
        line.add_flag("--replicas", replicas, "the regions are replicas: compare them as well");
        line.add_flag("--live", live, "look at one in use; findings may be stale");
      },
      [&](Session& session) {
        const libregion::UseOptions use{Access::read, live, session.options().lock_wait_seconds,
                                        &Session::stop_flag()};
        if (replicas) return verify_replicas(session, use);
        return for_each_region(session, use,
                               [&](const Region& region) { return verify(session, region); });
      });
}
