// region-dump: what is in a region, and how replicas of it differ.

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/dump_inventory.h"
#include "libregion/ops/dump_layout.h"
#include "libregion/ops/dump_raw.h"
#include "libregion/ops/dump_slots.h"
#include "tools/compare_blocks.h"
#include "tools/dump_bundle.h"
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
  bool compare = false;
  BundleArguments bundle;
};

CsvRows csv_rows(const Shown& shown) {
  if (shown.slots) return {"block"};
  if (shown.raw) {
    return {"bytes",
            {"part", "first_block", "last_block", "field", "offset", "length", "hex", "value"}};
  }
  if (shown.compare) return {"comparison"};
  if (shown.bundle.path) return {"not_carried", {"reason"}};
  if (shown.layout) {
    return {"part", {"part", "first_block", "last_block", "offset", "length", "bit"}};
  }
  if (shown.inventory) {
    return {"extent",
            {"apparent_bytes", "allocated_bytes", "pending_bytes", "a_runs", "b_runs",
             "extra_system_calls", "findings"}};
  }
  return {"extent", {"findings"}};
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

ExitCode show_bundled(Session& session, const Region& region, const BundleArguments& arguments) {
  const auto summary = bundle_region(session, region, arguments);
  const VisitTotals totals{.extent_count = summary.extent_count,
                           .block_count = summary.block_count,
                           .read_bytes = summary.data_bytes,
                           .has_io_errors = summary.has_io_errors,
                           .has_changed = summary.has_changed};
  std::string text = fmt::format("{} bundled, {}", plural(totals.extent_count, "extent"),
                                 libregion::human_size(summary.bundle_bytes));
  if (summary.not_carried_count > 0) {
    text += fmt::format(", {} not carried", plural(summary.not_carried_count, "file"));
  }
  return end(session, totals,
             {{"blocks", summary.block_count},
              {"bundle_bytes", summary.bundle_bytes},
              {"not_carried", summary.not_carried_count}},
             text);
}

// How much will be read, for the progress; 0 where that is not known before.
std::uint64_t expected_bytes(const Region& region, const libregion::WalkTotals& totals,
                             const Shown& shown) {
  if (shown.slots) return totals.data_bytes;
  if (!shown.raw) return 0;
  const std::uint64_t blocks = totals.data_bytes >> region.definition.geometry.shift();
  return blocks * 2 * libregion::context_slot_bytes + blocks / 8 +
         totals.extent_count * libregion::metadata_bytes;
}

ExitCode show(Session& session, const Region& region, const Shown& shown) {
  if (shown.bundle.path) return show_bundled(session, region, shown.bundle);
  const auto walk = session.walk_options(region.definition);
  const libregion::WalkTotals totals = walk_totals(region.definition, walk);
  session.progress().start(totals.extent_count, expected_bytes(region, totals, shown));
  if (shown.layout) return show_layout(session, region, walk);
  if (shown.inventory) return show_inventory(session, region, walk);
  const auto dump = shown.slots ? libregion::dump_slots : libregion::dump_raw;
  return end_blocks(session, dump(region, walk, &session.progress(), session.reporter()));
}

struct Arguments {
  Shown shown;
  bool only_differences = false;
  bool live = false;
  bool no_fold = false;
  CompareBlocksOptions compare;
};

ExitCode dump(Session& session, Arguments& arguments) {
  const Shown& shown = arguments.shown;
  if (shown.compare) {
    arguments.compare.live = arguments.live;
    arguments.compare.only_differences = arguments.only_differences;
    arguments.compare.folds = !arguments.no_fold;
    return compare_blocks(session, arguments.compare);
  }
  check_bundle_arguments(session, shown.bundle);
  if (!shown.slots && !shown.raw && !shown.layout && !shown.inventory && !shown.bundle.path) {
    return dump_table(session, {arguments.live, arguments.only_differences});
  }
  return for_each_region(session,
                         {libregion::Access::read, arguments.live,
                          session.options().lock_wait_seconds, &Session::stop_flag()},
                         [&](const Region& region) { return show(session, region, shown); });
}

void add_options(CommandLine& line, Arguments& arguments) {
  Shown& shown = arguments.shown;
  CompareBlocksOptions& compare = arguments.compare;
  line.add_flag("--compare", shown.compare, "blocks of replicas, or of one extent's files");
  line.add_flag("--slots", shown.slots, "every block with its slots or rows, decoded");
  line.add_flag("--raw", shown.raw, "the bytes of metadata, bits and slots, by field");
  line.add_flag("--layout", shown.layout, "where the parts of extents and blocks are");
  line.add_flag("--inventory", shown.inventory, "formats, repairs, strays, sizes, slot runs");
  add_bundle_options(line, shown.bundle);
  line.add_flag("--only-differences", arguments.only_differences,
                "only what is not the same in all regions");
  line.add_flag("--no-fold", arguments.no_fold, "compare: every block by itself");
  line.add_number("--hash-width", compare.hash_width, "N", "compare: digits of hashes; default 8");
  line.add_text("--block-size", compare.lone.block_size, "BYTES", "compare: of a file's extent");
  line.add_number("--extent-size", compare.lone.extent_size_blocks, "BLOCKS",
                  "compare: blocks in a file's extent");
  line.add_flag("--live", arguments.live, "look at one in use; what is shown may be stale");
  const std::vector<std::string> modes = {"--slots", "--raw", "--layout", "--inventory",
                                          "--bundle"};
  for (std::size_t i = 0; i < modes.size(); ++i) {
    for (std::size_t j = i + 1; j < modes.size(); ++j) line.exclude(modes[i], modes[j]);
    line.exclude(modes[i], "--only-differences");
    line.exclude(modes[i], "--compare");
  }
  for (const char* name : {"--no-fold", "--hash-width", "--block-size", "--extent-size"}) {
    line.require(name, "--compare");
  }
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{
      "region-dump",
      "Show what is in Crucible regions, and how replicas differ. Changes nothing.",
      "REGION...",
      {"region-dump /data/r1                      the table of its extents",
       "region-dump --only-differences r1 r2 r3   where replicas differ",
       "region-dump --compare -e 67D r1 r2 r3     and in which blocks, with hashes",
       "region-dump --slots -e 67D -b 5 /data/r1  one block, both slots",
       "region-dump --inventory -v /data/r1       formats, repairs, sizes, slot runs",
       "region-dump --bundle r1.tar /data/r1      all but the data, for a bug report"}};
  const OptionSet options{
      .blocks = true, .strict = true, .choose_csv_rows = [&](const CommonOptions&) {
        return csv_rows(arguments.shown);
      }};
  return run_tool(
      argc, argv, info, options, [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) { return dump(session, arguments); });
}
