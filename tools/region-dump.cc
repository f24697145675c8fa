// region-dump: what is in a region, and how replicas of it differ.

#include "tools/dump_table.h"

int main(int argc, char** argv) {
  using namespace region_tools;
  DumpTableOptions table;
  const ToolInfo info{"region-dump",
                      "Show what is in Crucible regions, and how replicas differ. Changes nothing.",
                      "REGION...",
                      {"region-dump /data/r1                 the table of its extents"}};
  return run_tool(
      argc, argv, info, {.blocks = true, .strict = true, .csv_rows = "extent"},
      [&](CommandLine& line) {
        line.add_flag("--live", table.live, "look at one in use; what is shown may be stale");
        line.add_flag("--only-differences", table.only_differences,
                      "of several regions, only what is not the same everywhere");
      },
      [&](Session& session) { return dump_table(session, table); });
}
