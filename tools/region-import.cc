// region-import: an image into an existing region, each extent old or new whatever happens.

#include <fmt/format.h>

#include "libregion/ops/import.h"
#include "tools/common/run_tool.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::Error;
using libregion::ErrorKind;
using libregion::ImportOptions;
using libregion::ImportSummary;
using libregion::Region;

// As they stand on the command line.
struct Arguments {
  std::uint64_t at_block = 0;
  std::optional<std::string> at_bytes;
  bool skip_zeros = false;
};

void add_options(CommandLine& line, Arguments& arguments) {
  line.add_number("--at", arguments.at_block, "BLOCK",
                  "begin at this block of the region; default 0");
  line.add_text("--at-bytes", arguments.at_bytes, "BYTES", "the same in bytes, as in 64M");
  line.exclude("--at-bytes", "--at");
  line.add_flag("--skip-zeros", arguments.skip_zeros, "its zeros leave unwritten blocks unwritten");
}

std::uint64_t offset_of(const Arguments& arguments) {
  return arguments.at_bytes ? require_size("--at-bytes", *arguments.at_bytes) : 0;
}

std::uint64_t first_block_of(const Arguments& arguments, const libregion::Geometry& geometry) {
  if (!arguments.at_bytes) return arguments.at_block;
  const std::uint64_t offset_bytes = offset_of(arguments);
  if (offset_bytes % geometry.block_size_bytes() == 0) return offset_bytes >> geometry.shift();
  throw Error(ErrorKind::usage,
              fmt::format("--at-bytes: expected a multiple of the block size {}, found {}",
                          geometry.block_size_bytes(), offset_bytes));
}

ExitCode exit_code_for(const Session& session, const ImportSummary& summary) {
  const bool has_something_to_do = session.options().dry_run && summary.changed_count() > 0;
  auto code = summary.left_count > 0 || has_something_to_do ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

// "3 extents: 2 replaced, 1 as it was; 20 of 30 blocks written".
std::string describe(const ImportSummary& summary, const Session& session) {
  std::string text = plural(summary.extent_count, "extent") + ": ";
  if (session.options().dry_run) text += "would be: ";
  const std::uint64_t unchanged_count =
      summary.extent_count - summary.changed_count() - summary.left_count;
  const std::size_t start = text.size();
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{}{} {}", text.size() > start ? ", " : "", count, what);
  };
  add(summary.replaced_count, "replaced");
  add(summary.cleaned_count, "cleaned");
  add(unchanged_count, "as before");
  add(summary.left_count, "left alone");
  if (text.size() == start) text += "nothing to do";
  text += fmt::format("; {} of {} written", summary.written_blocks,
                      plural(summary.image_blocks, "block"));
  if (summary.stopped) text += ", then stopped";
  const FindingCounts& counts = session.region_counts();
  return counts.by_id.empty() ? text : text + ": " + counts_text(counts);
}

ExitCode import(Session& session, const Region& region, const Arguments& arguments) {
  libregion::InputStream image(session.options().operand, &Session::stop_flag());
  const libregion::Geometry& geometry = region.definition.geometry;
  ImportOptions options;
  options.image = &image;
  options.first_block = first_block_of(arguments, geometry);
  options.skip_zeros = arguments.skip_zeros;
  options.dry_run = session.options().dry_run;
  options.jobs = static_cast<unsigned>(session.options().jobs);
  options.stop = &Session::stop_flag();
  options.progress = &session.progress();
  const std::uint64_t extent_count = count_import_extents(region.definition, options);
  session.progress().start(extent_count, extent_count * geometry.extent_data_bytes());
  const ImportSummary summary = import_image(region, options, session.reporter());
  if (summary.stopped || summary.has_io_errors || summary.left_count > 0) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"replaced", summary.replaced_count},
                      {"cleaned", summary.cleaned_count},
                      {"left", summary.left_count},
                      {"blocks", summary.image_blocks},
                      {"written", summary.written_blocks},
                      {"bytes", summary.written_blocks << geometry.shift()},
                      {"imported_bytes", summary.imported_bytes}},
                     describe(summary, session));
  return exit_code_for(session, summary);
}

CsvRows csv_rows(const CommonOptions& options) {
  return {"extent",
          {"action", options.dry_run ? "would_change" : "changed", "replaced", "first_block",
           "blocks", "written", "findings"}};
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{"region-import",
                      "Write an image into a region; - is standard input.",
                      "DIR FILE",
                      {"region-import -n /data/r1 disk.img          what would be done?",
                       "region-import /data/r1 disk.img --at-bytes 64M",
                       "zcat disk.img.gz | region-import /data/r1 -"}};
  return run_tool(
      argc, argv, info,
      {.several_regions = false,
       .operand = true,
       .extents = false,
       .dry_run = true,
       .choose_csv_rows = csv_rows},
      [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) {
        (void)offset_of(arguments);  // before the region is opened
        const Access access = session.options().dry_run ? Access::read : Access::read_write;
        return for_each_region(
            session,
            {access, false, session.options().lock_wait_seconds, &Session::stop_flag(),
             /*refuses_older=*/true},
            [&](const Region& region) { return import(session, region, arguments); });
      });
}
