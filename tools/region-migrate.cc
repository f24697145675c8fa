// region-migrate: SQLite extents become raw ones, in place or in a new region.

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/migrate_into.h"
#include "tools/common/run_tool.h"
#include "tools/common/uuid_option.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::Error;
using libregion::ErrorKind;
using libregion::MigrateIntoOptions;
using libregion::MigrateIntoSummary;
using libregion::MigrateOptions;
using libregion::MigrateSummary;
using libregion::Region;

// As they stand on the command line.
struct Arguments {
  MigrateOptions options;
  std::optional<std::string> into;
  std::optional<std::string> uuid;
  bool force = false;
};

void add_options(CommandLine& line, Arguments& arguments) {
  line.add_text("--into", arguments.into, "DIR", "make a new region there, leave the source");
  line.add_text("--uuid", arguments.uuid, "UUID", "of the new region; new makes one");
  line.add_flag("-f,--force", arguments.force, "clear what an interrupted run left in DIR");
  line.add_flag("--check", arguments.options.check,
                "hash every block; leave what has errors alone");
  line.add_flag("--accept-damage", arguments.options.accept_damage,
                "migrate that all the same, as Crucible does");
  line.add_flag("--extend-short", arguments.options.extend_short,
                "fill up short data files with zeros");
}

// What the options ask for together must make sense. Throws Error (usage).
void check_arguments(const Arguments& arguments, const CommonOptions& common) {
  const auto refuse = [](const char* message) { throw Error(ErrorKind::usage, message); };
  if (!arguments.into) {
    if (arguments.uuid) refuse("--uuid: only with --into");
    if (arguments.force) refuse("--force: only with --into");
    return;
  }
  if (arguments.into->empty()) refuse("--into: expected a directory's name, found none");
  if (common.shard) refuse("--into makes one region: not with --shard");
  if (common.extents) refuse("--into makes a whole region: not with --extent");
  if (common.regions_from || common.regions.size() != 1) {
    refuse("--into: expected one region to migrate from");
  }
}

// "3 migrated, 1 left alone", or `nothing` where none of it happened.
class Counts {
 public:
  void add(std::uint64_t count, std::string_view what) {
    if (count > 0) text_ += fmt::format("{}{} {}", text_.empty() ? "" : ", ", count, what);
  }
  [[nodiscard]] std::string text(std::string_view nothing) const {
    return text_.empty() ? std::string(nothing) : text_;
  }

 private:
  std::string text_;
};

// ---- in place -----------------------------------------------------------------------------------

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
  Counts counts_of_extents;
  counts_of_extents.add(summary.migrated_count, "migrated");
  counts_of_extents.add(summary.replaced_count, "replaced");
  counts_of_extents.add(summary.cleaned_count, "cleaned");
  counts_of_extents.add(summary.left_count, "left alone");
  text += counts_of_extents.text("nothing to do");
  if (summary.stopped) text += ", then stopped";
  const FindingCounts& counts = session.region_counts();
  return counts.by_id.empty() ? text : text + ": " + counts_text(counts);
}

// What in place and out of place have in common; also tells how much there is to do.
void complete_options(Session& session, const Region& region, MigrateOptions& options) {
  options.walk = session.walk_options(region.definition);
  options.dry_run = session.options().dry_run;
  options.progress = &session.progress();
  const std::uint64_t extent_count = options.walk.extents.count_of(region.definition.extent_count);
  session.progress().start(extent_count,
                           extent_count * region.definition.geometry.extent_data_bytes());
}

ExitCode migrate(Session& session, const Region& region, MigrateOptions options) {
  complete_options(session, region, options);
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

// ---- into a new region --------------------------------------------------------------------------

ExitCode exit_code_for(const Session& session, const MigrateIntoSummary& summary) {
  const bool is_damaged = session.region_counts().errors > 0 || summary.left_count > 0;
  auto code = is_damaged || session.options().dry_run ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_changed) code = more_serious(code, ExitCode::in_use);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

// "4 extents: 3 migrated, 1 copied; made: /data/new".
std::string describe(const MigrateIntoSummary& summary, const Session& session,
                     const std::string& target) {
  Counts counts_of_extents;
  counts_of_extents.add(summary.migrated_count, "migrated");
  counts_of_extents.add(summary.copied_count, "copied");
  counts_of_extents.add(summary.replaced_count, "from a replacement");
  counts_of_extents.add(summary.left_count, "that cannot be");
  const bool would_be = session.options().dry_run && summary.left_count == 0;
  const std::string_view made = summary.is_made ? "made" : would_be ? "would be made" : "not made";
  std::string text =
      fmt::format("{}: {}{}; {}: {}", plural(summary.extent_count, "extent"),
                  counts_of_extents.text("nothing to copy"),
                  summary.stopped ? ", then stopped" : "", made, libregion::printable(target));
  const FindingCounts& counts = session.region_counts();
  return counts.by_id.empty() ? text : text + ": " + counts_text(counts);
}

ExitCode migrate_into(Session& session, const Region& source, const Arguments& arguments) {
  MigrateIntoOptions options;
  options.migrate = arguments.options;
  options.target = *arguments.into;
  complete_options(session, source, options.migrate);
  if (arguments.uuid == "new") options.uuid = random_uuid();
  if (arguments.uuid && !options.uuid) options.uuid = require_uuid("--uuid", *arguments.uuid);
  options.force = arguments.force;
  options.lock_wait_seconds = session.options().lock_wait_seconds;
  const MigrateIntoSummary summary =
      migrate_region_into(session.file_system(), source, options, session.reporter());
  if (!summary.is_made && (!options.migrate.dry_run || summary.left_count > 0)) {
    session.set_incomplete();
  }
  Fields fields = {{"extents", summary.extent_count},
                   {"migrated", summary.migrated_count},
                   {"copied", summary.copied_count},
                   {"replaced", summary.replaced_count},
                   {"left", summary.left_count},
                   {"rows", summary.row_count},
                   {"bytes", summary.written_bytes},
                   {"into", options.target},
                   {"into_uuid", to_text(summary.definition.uuid)},
                   {"made", summary.is_made}};
  if (!libregion::is_valid_utf8(options.target)) {
    fields.push_back({"into_b64", libregion::to_base64(options.target)});
  }
  session.end_region(fields, describe(summary, session, options.target));
  return exit_code_for(session, summary);
}

ExitCode run(Session& session, const Arguments& arguments) {
  check_arguments(arguments, session.options());
  const bool only_reads = session.options().dry_run || arguments.into.has_value();
  const Access access = only_reads ? Access::read : Access::read_write;
  return for_each_region(session,
                         {access, false, session.options().lock_wait_seconds, &Session::stop_flag(),
                          /*refuses_older=*/!arguments.into},
                         [&](const Region& region) {
                           return arguments.into ? migrate_into(session, region, arguments)
                                                 : migrate(session, region, arguments.options);
                         });
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{
      "region-migrate",
      "Make raw extents of SQLite ones, in place or in a new region; finish repairs.",
      "REGION...",
      {"region-migrate -n -v /data/r1               what would be done?",
       "region-migrate --check /data/r1             migrate, hashing every block",
       "region-migrate --into /data/r2 /snap/r1     leave the source as it is",
       "region-verify /data/r1                      afterwards: is all there?"}};
  return run_tool(
      argc, argv, info, {.dry_run = true}, [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) { return run(session, arguments); });
}
