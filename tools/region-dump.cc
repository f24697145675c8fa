// region-dump: what is in a region, and how replicas of it differ.

#include "tools/compare_blocks.h"
#include "tools/dump_table.h"
#include "tools/dump_views.h"

namespace region_tools {
namespace {

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
  const auto key = read_key(shown.key_file);
  return for_each_region(
      session,
      {libregion::Access::read, arguments.live, session.options().lock_wait_seconds,
       &Session::stop_flag()},
      [&](const libregion::Region& region) { return show_region(session, region, shown, key); });
}

void add_options(CommandLine& line, Arguments& arguments) {
  Shown& shown = arguments.shown;
  CompareBlocksOptions& compare = arguments.compare;
  line.add_flag("--compare", shown.compare, "blocks of replicas, or of one extent's files");
  line.add_flag("--slots", shown.slots, "every block with its slots or rows, decoded");
  line.add_flag("--raw", shown.raw, "the bytes of metadata, bits and slots, by field");
  line.add_flag("--layout", shown.layout, "where the parts of extents and blocks are");
  line.add_flag("--inventory", shown.inventory, "formats, repairs, strays, sizes, slot runs");
  line.add_text("--key-file", shown.key_file, "FILE", "with --slots: does each block decrypt?");
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
  line.require("--key-file", "--slots");
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
