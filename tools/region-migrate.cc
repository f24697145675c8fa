// region-migrate: SQLite extents become raw ones, in place.

#include <fmt/format.h>

#include "libregion/ops/migrate.h"
#include "tools/common/run_tool.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::MigrateOptions;
using libregion::MigrateSummary;
using libregion::Region;

ExitCode exit_code_for(const Session& session, const MigrateSummary& summary) {
  const bool has_something_to_do = session.options().dry_run && summary.changed_count() > 0;
  const bool is_damaged = session.region_counts().errors > 0;
  auto code = is_damaged || has_something_to_do ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

// "4 extents: 3 migrated, 1 left alone": of what there was to do, what was done.
std::string describe(const MigrateSummary& summary, const Session& session) {
  std::string text = plural(summary.extent_count, "extent") + ": ";
  if (session.options().dry_run) text += "would be: ";
  const std::size_t start = text.size();
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{}{} {}", text.size() > start ? ", " : "", count, what);
  };
  add(summary.migrated_count, "migrated");
  add(summary.replaced_count, "replaced");
  add(summary.cleaned_count, "cleaned");
  add(summary.left_count, "left alone");
  if (text.size() == start) text += "nothing to do";
  if (summary.stopped) text += ", then stopped";
  const FindingCounts& counts = session.region_counts();
  return counts.by_id.empty() ? text : text + ": " + counts_text(counts);
}

ExitCode migrate(Session& session, const Region& region, MigrateOptions options) {
  options.walk.extents = selected_extents(session.options(), region.definition.extent_count);
  options.walk.jobs = static_cast<unsigned>(session.options().jobs);
  options.walk.stop = &Session::stop_flag();
  options.dry_run = session.options().dry_run;
  options.progress = &session.progress();
  const std::uint64_t extent_count = options.walk.extents.count_of(region.definition.extent_count);
  session.progress().start(extent_count,
                           extent_count * region.definition.geometry.extent_data_bytes());
  const MigrateSummary summary = migrate_region(region, options, session.reporter());
  if (summary.stopped || summary.has_io_errors || summary.left_count > 0) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"migrated", summary.migrated_count},
                      {"replaced", summary.replaced_count},
                      {"cleaned", summary.cleaned_count},
                      {"left", summary.left_count},
                      {"rows", summary.row_count},
                      {"bytes", summary.written_bytes}},
                     describe(summary, session));
  return exit_code_for(session, summary);
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  MigrateOptions options;
  const ToolInfo info{
      "region-migrate",
      "Make raw extents of SQLite ones, in place; finish interrupted repairs.",
      "REGION...",
      {"region-migrate -n -v /data/r1       what would be done?",
       "region-migrate --check /data/r1     migrate, hashing every block on the way",
       "region-verify /data/r1              afterwards: is everything there?"}};
  return run_tool(
      argc, argv, info, {.dry_run = true},
      [&](CommandLine& line) {
        line.add_flag("--check", options.check, "hash every block; leave what has errors alone");
        line.add_flag("--accept-damage", options.accept_damage,
                      "migrate that all the same, as Crucible does");
        line.add_flag("--extend-short", options.extend_short,
                      "fill up short data files with zeros");
      },
      [&](Session& session) {
        const Access access = session.options().dry_run ? Access::read : Access::read_write;
        return for_each_region(
            session, {access, false, session.options().lock_wait_seconds, &Session::stop_flag()},
            [&](const Region& region) { return migrate(session, region, options); });
      });
}
