// region-dump: what is in a region, and how replicas of it differ.

#include <fmt/format.h>

#include "libregion/ops/dump_inventory.h"
#include "libregion/ops/dump_layout.h"
#include "libregion/ops/dump_raw.h"
#include "libregion/ops/dump_slots.h"
#include "tools/common/key_option.h"
#include "tools/dump_table.h"
#include "tools/inventory_text.h"

namespace region_tools {
namespace {

using libregion::Region;
using libregion::VisitTotals;

// What is shown in place of the table.
struct Shown {
  bool slots = false;
  bool raw = false;
  bool layout = false;
  bool inventory = false;
  std::optional<std::string> key_file;
};

std::string_view csv_rows(const Shown& shown) {
  if (shown.slots) return "block";
  if (shown.raw) return "bytes";
  return shown.layout ? "part" : "extent";
}

ExitCode end(Session& session, const VisitTotals& totals, Fields fields, const std::string& text) {
  fields.insert(fields.begin(), {{"extents", totals.extent_count}, {"bytes", totals.read_bytes}});
  if (totals.stopped || totals.has_changed || totals.has_io_errors) session.set_incomplete();
  session.end_region(fields, text + (totals.stopped ? ", then stopped" : "") +
                                 findings_text(session.region_counts()));
  const bool is_damaged = has_grave_findings(session.options(), session.region_counts());
  auto code = is_damaged ? ExitCode::findings : ExitCode::done;
  if (totals.stopped) code = more_serious(code, ExitCode::stopped);
  if (totals.has_changed) code = more_serious(code, ExitCode::in_use);
  if (totals.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

ExitCode end_blocks(Session& session, const VisitTotals& totals) {
  return end(session, totals, {{"blocks", totals.block_count}},
             fmt::format("{} of {} shown", plural(totals.block_count, "block"),
                         plural(totals.extent_count, "extent")));
}

ExitCode show_layout(Session& session, const Region& region, const libregion::WalkOptions& walk) {
  const auto summary = dump_layout(region, walk, session.reporter());
  const VisitTotals totals{.extent_count = summary.extent_count, .stopped = summary.stopped};
  return end(session, totals, {{"blocks", summary.block_count}},
             describe_region(region.definition));
}

ExitCode show_inventory(Session& session, const Region& region,
                        const libregion::WalkOptions& walk) {
  const auto [totals, inventory] =
      take_inventory(region, walk, &session.progress(), session.reporter());
  const Fields fields = {{"raw", inventory.raw_count},
                         {"sqlite", inventory.sqlite_count},
                         {"copy_pending", inventory.copy_count},
                         {"replace_pending", inventory.replace_count},
                         {"completed_pending", inventory.completed_count},
                         {"apparent_bytes", inventory.apparent_bytes},
                         {"allocated_bytes", inventory.allocated_bytes},
                         {"pending_bytes", inventory.pending_bytes},
                         {"a_runs", inventory.a_run_count},
                         {"b_runs", inventory.b_run_count},
                         {"extra_system_calls", inventory.extra_system_calls}};
  return end(session, totals, fields, inventory_text(region.definition, totals, inventory));
}

ExitCode show(Session& session, const Region& region, const Shown& shown,
              const std::optional<libregion::EncryptionKey>& key) {
  require_encrypted(region, key.has_value());
  const auto walk = session.walk_options(region.definition);
  const auto [extent_count, data_bytes] = walk_totals(region.definition, walk);
  session.progress().start(extent_count, shown.slots ? data_bytes : 0);
  if (shown.layout) return show_layout(session, region, walk);
  if (shown.inventory) return show_inventory(session, region, walk);
  if (shown.raw) {
    return end_blocks(session, dump_raw(region, walk, &session.progress(), session.reporter()));
  }
  return end_blocks(session, dump_slots(region, walk, &session.progress(), session.reporter(),
                                        key ? &*key : nullptr));
}

ExitCode dump(Session& session, const Shown& shown, const DumpTableOptions& table) {
  if (shown.key_file && !shown.slots) {
    throw libregion::Error(libregion::ErrorKind::usage, "--key-file: only with --slots");
  }
  const auto key = read_key(shown.key_file);
  if (!shown.slots && !shown.raw && !shown.layout && !shown.inventory) {
    return dump_table(session, table);
  }
  return for_each_region(session,
                         {libregion::Access::read, table.live, session.options().lock_wait_seconds,
                          &Session::stop_flag()},
                         [&](const Region& region) { return show(session, region, shown, key); });
}

void add_options(CommandLine& line, Shown& shown, DumpTableOptions& table) {
  line.add_flag("--slots", shown.slots, "every block with its slots or rows, decoded");
  line.add_flag("--raw", shown.raw, "the bytes of metadata, bits and slots, by field");
  line.add_flag("--layout", shown.layout, "where the parts of extents and blocks are");
  line.add_flag("--inventory", shown.inventory, "formats, repairs, strays, sizes, slot runs");
  line.add_text("--key-file", shown.key_file, "FILE", "with --slots: does each block decrypt?");
  line.add_flag("--only-differences", table.only_differences,
                "only what is not the same in all regions");
  line.add_flag("--live", table.live, "look at one in use; what is shown may be stale");
  const std::vector<std::string> modes = {"--slots", "--raw", "--layout", "--inventory",
                                          "--only-differences"};
  for (std::size_t i = 0; i < modes.size(); ++i) {
    for (std::size_t j = i + 1; j < modes.size(); ++j) line.exclude(modes[i], modes[j]);
  }
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Shown shown;
  DumpTableOptions table;
  const ToolInfo info{
      "region-dump",
      "Show what is in Crucible regions, and how replicas differ. Changes nothing.",
      "REGION...",
      {"region-dump /data/r1                      the table of its extents",
       "region-dump --only-differences r1 r2 r3   where replicas differ",
       "region-dump --slots -e 67D -b 5 /data/r1  one block, both slots",
       "region-dump --inventory -v /data/r1       formats, repairs, sizes, slot runs"}};
  const OptionSet options{
      .blocks = true, .strict = true, .choose_csv_rows = [&] { return csv_rows(shown); }};
  return run_tool(
      argc, argv, info, options, [&](CommandLine& line) { add_options(line, shown, table); },
      [&](Session& session) { return dump(session, shown, table); });
}
