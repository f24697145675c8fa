// region-export: a region's data as an image.

#include <limits>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/text.h"
#include "libregion/io/paths.h"
#include "libregion/ops/export.h"
#include "libregion/ops/image_map.h"
#include "tools/common/key_option.h"
#include "tools/common/run_tool.h"
#include "tools/export_salvage.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;
using libregion::ExportOptions;
using libregion::ExportSummary;
using libregion::ImageTarget;
using libregion::OnBad;
using libregion::Region;

constexpr std::uint64_t all_blocks = std::numeric_limits<std::uint64_t>::max();

// As they stand on the command line.
struct Arguments {
  std::uint64_t skip_blocks = 0;
  std::uint64_t count_blocks = all_blocks;
  std::optional<std::string> offset;
  std::optional<std::string> length;
  bool no_sparse = false;
  bool target_is_zero = false;
  bool no_check = false;
  OnBad on_bad = OnBad::stop;
  std::optional<std::string> key_file;
  std::optional<std::string> contexts;
  std::optional<std::string> manifest;
  bool map = false;
  bool force = false;
  bool salvage = false;
};

void add_options(CommandLine& line, Arguments& arguments) {
  line.add_number("--skip", arguments.skip_blocks, "BLOCKS", "leave out so many at the beginning");
  line.add_number("--count", arguments.count_blocks, "BLOCKS", "no more than so many");
  line.add_text("--offset", arguments.offset, "BYTES", "--skip in bytes, as in 64M");
  line.add_text("--length", arguments.length, "BYTES", "--count in bytes");
  line.exclude("--offset", "--skip");
  line.exclude("--length", "--count");
  line.add_choice<OnBad>("--on-bad", arguments.on_bad,
                         {{"stop", OnBad::stop}, {"keep", OnBad::keep}, {"zero", OnBad::zero}},
                         "stop|keep|zero", "blocks that do not match their context");
  line.add_text("--key-file", arguments.key_file, "FILE", "decrypt, with the key in this file");
  line.add_flag("--no-check", arguments.no_check, "copy the data, check no context");
  line.add_flag("--no-sparse", arguments.no_sparse, "write zeros into a new file too");
  line.add_flag("--target-is-zero", arguments.target_is_zero, "write no zeros to the device");
  line.add_text("--contexts", arguments.contexts, "FILE", "contexts too: .csv, or else JSON lines");
  line.add_text("--manifest", arguments.manifest, "FILE", "hashes and numbers too, as JSON");
  line.add_flag("--map", arguments.map, "instead, where it has data, as qemu-img map");
  line.add_flag("--salvage", arguments.salvage, "of several replicas, what any of them proves");
  line.add_flag("-f,--force", arguments.force, "replace files that are there");
}

std::uint64_t bytes_of_blocks(const std::string& option, std::uint64_t blocks,
                              const libregion::Geometry& geometry) {
  if (const auto bytes = libregion::checked_multiply(blocks, geometry.block_size_bytes())) {
    return *bytes;
  }
  throw Error(ErrorKind::usage,
              fmt::format("{}: {} blocks are more than there are", option, blocks));
}

ExportOptions make_options(Session& session, const Arguments& arguments, const Region& region,
                           const libregion::EncryptionKey* key) {
  const libregion::Geometry& geometry = region.definition.geometry;
  ExportOptions options;
  options.walk = session.walk_options(region.definition);
  options.offset_bytes = arguments.offset
                             ? require_size("--offset", *arguments.offset)
                             : bytes_of_blocks("--skip", arguments.skip_blocks, geometry);
  if (arguments.length) {
    options.length_bytes = require_size("--length", *arguments.length);
  } else if (arguments.count_blocks != all_blocks) {
    options.length_bytes = bytes_of_blocks("--count", arguments.count_blocks, geometry);
  }
  options.check = !arguments.no_check;
  options.on_bad = arguments.on_bad;
  options.key = key;
  options.progress = &session.progress();
  return options;
}

// A salvaged image is one of whole extents, in which every block was checked.
void refuse_with_salvage(const Arguments& arguments) {
  const bool is_part = arguments.skip_blocks > 0 || arguments.count_blocks != all_blocks ||
                       arguments.offset || arguments.length;
  const bool is_other = arguments.contexts || arguments.manifest || arguments.map ||
                        arguments.no_check || arguments.on_bad != OnBad::stop;
  if (!is_part && !is_other) return;
  throw Error(ErrorKind::usage,
              "--salvage: of the options for a part of the image, what is bad, contexts, manifest "
              "and map none goes with it");
}

// What does not depend on the region is refused before it is opened.
void check_arguments(const Session& session, const Arguments& arguments) {
  if (arguments.offset) (void)require_size("--offset", *arguments.offset);
  if (arguments.length) (void)require_size("--length", *arguments.length);
  if (session.options().output.empty()) {
    throw Error(ErrorKind::usage, "--output: expected a file's name, found none");
  }
  if (session.options().output == "-" && session.options().report == "-") {
    throw Error(ErrorKind::usage, "--report: standard output is where the image goes");
  }
  if (!arguments.salvage && session.options().regions.size() > 1) {
    throw Error(ErrorKind::usage, "expected one REGION, found more: several only with --salvage");
  }
  if (arguments.salvage) refuse_with_salvage(arguments);
  if (arguments.map && (arguments.contexts || arguments.manifest)) {
    throw Error(ErrorKind::usage, "--map: there is no image for --contexts or --manifest");
  }
}

// Files that are made are never part of the region.
void require_outside(Session& session, const Region& region, const Arguments& arguments) {
  for (const std::optional<std::string>& path :
       {std::optional(session.options().output), arguments.contexts, arguments.manifest}) {
    if (!path || *path == "-") continue;
    if (is_below(session.file_system(), *region.root, libregion::follow_links(*path))) {
      throw Error(ErrorKind::usage, fmt::format("'{}' is in the region's own directory", *path));
    }
  }
}

libregion::ImageTargetOptions target_options(const Arguments& arguments) {
  return {!arguments.no_sparse, arguments.force, arguments.target_is_zero, &Session::stop_flag()};
}

std::optional<libregion::ExportRecords> make_records(Session& session, const Arguments& arguments) {
  if (!arguments.contexts && !arguments.manifest) return std::nullopt;
  libregion::ExportRecordsOptions options;
  options.contexts_path = arguments.contexts;
  if (arguments.contexts && arguments.contexts->ends_with(".csv")) {
    options.contexts_format = libregion::ContextsFormat::csv;
  }
  options.manifest_path = arguments.manifest;
  options.replace = arguments.force;
  return std::optional<libregion::ExportRecords>(std::in_place, session.file_system(), options);
}

ExitCode exit_code_for(const Session& session, const ExportSummary& summary) {
  auto code = session.region_counts().errors > 0 ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_changed) code = more_serious(code, ExitCode::in_use);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

std::string describe(const ExportSummary& summary) {
  if (!summary.is_whole()) {
    return summary.ended_at_bad  ? "ended at the first error, see --on-bad; there is no image"
           : summary.has_changed ? "somebody used the region meanwhile; there is no image"
                                 : "stopped; there is no image";
  }
  return fmt::format("{}, {} exported, {} of it data", plural(summary.extent_count, "extent"),
                     libregion::human_size(summary.image_bytes),
                     libregion::human_size(summary.data_bytes)) +
         (summary.bad_count > 0 ? fmt::format(", {} bad", plural(summary.bad_count, "block")) : "");
}

ExitCode export_to(Session& session, const Region& region, const Arguments& arguments,
                   const std::optional<libregion::EncryptionKey>& key) {
  require_encrypted(region, key.has_value());
  ExportOptions options = make_options(session, arguments, region, key ? &*key : nullptr);
  (void)exported_bytes(region.definition, options);
  require_outside(session, region, arguments);
  const auto target = libregion::open_image_target(session.file_system(), session.options().output,
                                                   target_options(arguments));
  libregion::ImageMap map(*target);
  auto records = make_records(session, arguments);
  if (records) options.records = &*records;
  const ExportSummary summary =
      export_region(region, arguments.map ? static_cast<ImageTarget&>(map) : *target, options,
                    session.reporter());
  if (!summary.is_whole() || summary.has_io_errors) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"blocks", summary.block_count},
                      {"bad", summary.bad_count},
                      {"bytes", summary.image_bytes},
                      {"data_bytes", summary.data_bytes}},
                     describe(summary) + ": " + counts_text(session.region_counts()));
  return exit_code_for(session, summary);
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{"region-export",
                      "Export a Crucible region's data as an image; checks every block.",
                      "REGION...",
                      {"region-export /data/r1 -o disk.img",
                       "region-export -e 67D --no-check /data/r1 | xxd | less",
                       "region-export /data/r1 -o /dev/sdb --contexts disk.csv",
                       "region-export --salvage r1 r2 r3 -o disk.img"}};
  return run_tool(
      argc, argv, info,
      {.several_regions = false,
       .replicas = true,
       .product = true,
       .choose_csv_rows =
           [&](const CommonOptions&) { return arguments.salvage ? origin_rows() : CsvRows{}; }},
      [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) {
        check_arguments(session, arguments);
        const auto key = read_key(arguments.key_file);
        if (arguments.salvage) return export_salvaged(session, target_options(arguments), key);
        return for_each_region(
            session,
            {libregion::Access::read, false, session.options().lock_wait_seconds,
             &Session::stop_flag()},
            [&](const Region& region) { return export_to(session, region, arguments, key); });
      });
}
