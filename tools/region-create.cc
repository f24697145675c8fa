// region-create: a new region, empty, with the content of an image, or made of a bundle.

#include <limits>

#include <fmt/format.h>

#include "libregion/base/checked.h"
#include "libregion/base/text.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/create.h"
#include "libregion/ops/unbundle.h"
#include "tools/common/run_tool.h"
#include "tools/common/uuid_option.h"

namespace region_tools {
namespace {

using libregion::CreateOptions;
using libregion::CreateSummary;
using libregion::Error;
using libregion::ErrorKind;
using libregion::ExtentFormat;
using libregion::Geometry;
using libregion::RegionDefinition;

// As they stand on the command line. The defaults are those of Crucible.
struct Arguments {
  std::string block_size = "512";
  std::uint64_t extent_size_blocks = 100;
  std::optional<std::string> extent_bytes;
  std::uint64_t extent_count = 15;
  std::optional<std::string> size;
  std::optional<std::string> uuid;
  bool encrypted = false;
  ExtentFormat format = ExtentFormat::raw;
  std::optional<std::string> import_path;
  bool skip_zeros = false;
  std::optional<std::string> bundle_path;
  bool force = false;
};

[[noreturn]] void throw_usage(const std::string& message) {
  throw Error(ErrorKind::usage, message);
}

void add_options(CommandLine& line, Arguments& arguments) {
  line.add_text("--block-size", arguments.block_size, "BYTES", "512 (the default) to 32K");
  line.add_number("--extent-size", arguments.extent_size_blocks, "BLOCKS",
                  "blocks in an extent; default 100");
  line.add_text("--extent-bytes", arguments.extent_bytes, "BYTES", "the same in bytes, as in 64M");
  line.exclude("--extent-bytes", "--extent-size");
  line.add_number("--extent-count", arguments.extent_count, "N", "extents; default 15");
  line.add_text("--size", arguments.size, "BYTES", "the same in bytes, as in 128G");
  line.exclude("--size", "--extent-count");
  line.add_text("--uuid", arguments.uuid, "UUID", "made if not given");
  line.add_flag("--encrypted", arguments.encrypted, "its blocks will be encrypted");
  line.add_choice<ExtentFormat>("--extent-format", arguments.format,
                                {{"raw", ExtentFormat::raw}, {"sqlite", ExtentFormat::sqlite}},
                                "raw|sqlite", "default raw");
  line.add_text("--import", arguments.import_path, "FILE",
                "fill with this image; - is standard input");
  line.add_flag("--skip-zeros", arguments.skip_zeros, "leave its blocks of zeros unwritten");
  line.add_text("--from-bundle", arguments.bundle_path, "FILE",
                "one without data, as it was bundled; - as above");
  for (const char* other :
       {"--block-size", "--extent-size", "--extent-bytes", "--extent-count", "--size", "--uuid",
        "--encrypted", "--extent-format", "--import", "--skip-zeros"}) {
    line.exclude("--from-bundle", other);
  }
  line.add_flag("-f,--force", arguments.force, "clear what an interrupted create left");
}

Geometry make_geometry(const Arguments& arguments) {
  const std::uint64_t block_size = require_size("--block-size", arguments.block_size);
  std::uint64_t blocks = arguments.extent_size_blocks;
  if (arguments.extent_bytes) {
    const std::uint64_t bytes = require_size("--extent-bytes", *arguments.extent_bytes);
    if (block_size == 0 || bytes % block_size != 0) {
      throw_usage(fmt::format("--extent-bytes: expected a multiple of the block size {}, found {}",
                              block_size, bytes));
    }
    blocks = bytes / block_size;
  }
  auto made = Geometry::make(block_size, blocks);
  if (const auto* problem = std::get_if<libregion::GeometryProblem>(&made)) {
    using Number = libregion::GeometryProblem::Number;
    throw_usage(fmt::format("{}: expected {}, found {}",
                            problem->number == Number::block_size ? "--block-size"
                            : arguments.extent_bytes              ? "--extent-bytes"
                                                                  : "--extent-size",
                            problem->expected, problem->found));
  }
  return std::get<Geometry>(made);
}

std::uint32_t make_extent_count(const Arguments& arguments, const Geometry& geometry) {
  std::uint64_t count = arguments.extent_count;
  if (arguments.size) {
    count = libregion::divide_rounding_up(require_size("--size", *arguments.size),
                                          geometry.extent_data_bytes());
  }
  if (count > std::numeric_limits<std::uint32_t>::max()) {
    throw_usage(fmt::format("{}: expected at most {} extents, found {}",
                            arguments.size ? "--size" : "--extent-count",
                            std::numeric_limits<std::uint32_t>::max(), count));
  }
  return static_cast<std::uint32_t>(count);
}

std::string describe(const RegionDefinition& definition, std::uint64_t apparent_bytes) {
  return fmt::format("{}; {} bytes in all files", describe_region(definition), apparent_bytes);
}

Fields summary_fields(const CreateSummary& summary, bool dry_run) {
  return {{dry_run ? "would_change" : "changed", true},
          {"extents", std::uint64_t{summary.definition.extent_count}},
          {"blocks", summary.definition.block_count()},
          {"written", summary.written_blocks},
          {"bytes", summary.written_blocks * summary.definition.geometry.block_size_bytes()},
          {"imported_bytes", summary.imported_bytes},
          {"apparent_bytes", summary.apparent_bytes}};
}

void warn_of_straddling_metadata(Session& session, const Geometry& geometry) {
  if (!libregion::RawLayout(geometry).metadata_straddles_sector()) return;
  session.warn(
      "with this extent size the metadata of an extent straddles two sectors; a "
      "writer must flush it in two steps");
}

// Without a size: of what would be created.
Fields bundle_fields(const RegionDefinition& definition,
                     std::optional<std::uint64_t> apparent_bytes) {
  Fields fields = {{apparent_bytes ? "changed" : "would_change", true},
                   {"extents", std::uint64_t{definition.extent_count}},
                   {"blocks", definition.block_count()}};
  if (apparent_bytes) fields.push_back({"apparent_bytes", *apparent_bytes});
  return fields;
}

const std::string& require_path(const Session& session) {
  const std::string& path = session.options().regions.front();
  if (path.empty()) throw_usage("DIR: expected a directory's name, found none");
  return path;
}

// Of a bundle with -n the head is read, which says what region it is.
ExitCode create_from(Session& session, const Arguments& arguments) {
  const std::string& bundle_path = *arguments.bundle_path;
  if (bundle_path.empty()) throw_usage("--from-bundle: expected a file's name, found none");
  const std::string& path = require_path(session);
  libregion::InputStream stream(bundle_path, &Session::stop_flag());
  libregion::BundleReader bundle(stream);
  const RegionDefinition& definition = bundle.definition();
  session.begin_region(path, &definition, libregion::UseCheck::none);
  const libregion::UnbundleOptions options{
      {arguments.force, session.options().lock_wait_seconds, &Session::stop_flag()},
      &session.progress()};
  if (session.options().dry_run) {
    check_create_target(session.file_system(), path, arguments.force);
    check_unbundle_space(session.file_system(), path, bundle);
    session.end_region(bundle_fields(definition, std::nullopt),
                       "would be created: " + describe_region(definition));
    return ExitCode::findings;
  }
  session.progress().start(definition.extent_count,
                           definition.extent_count * definition.geometry.extent_data_bytes());
  const auto summary = create_from_bundle(session.file_system(), path, bundle, options);
  session.end_region(bundle_fields(definition, summary.apparent_bytes),
                     "created: " + describe(definition, summary.apparent_bytes));
  return ExitCode::done;
}

ExitCode create(Session& session, const Arguments& arguments) {
  if (arguments.bundle_path) return create_from(session, arguments);
  const Geometry geometry = make_geometry(arguments);
  RegionDefinition definition{
      geometry, make_extent_count(arguments, geometry),
      arguments.uuid ? require_uuid("--uuid", *arguments.uuid) : random_uuid(),
      arguments.encrypted};
  if (arguments.encrypted && arguments.import_path) {
    throw_usage("--import writes blocks that are not encrypted: not into an --encrypted region");
  }
  if (arguments.import_path == "") throw_usage("--import: expected a file's name, found none");
  std::optional<libregion::InputStream> image;
  if (arguments.import_path) image.emplace(*arguments.import_path, &Session::stop_flag());
  if (image && image->size_bytes()) definition = extend_to_fit(definition, *image->size_bytes());
  warn_of_straddling_metadata(session, geometry);

  const std::string& path = require_path(session);
  session.begin_region(path, &definition, libregion::UseCheck::none);
  CreateOptions options{definition};
  options.format = arguments.format;
  options.image = image ? &*image : nullptr;
  options.skip_zeros = arguments.skip_zeros;
  options.force = arguments.force;
  options.lock_wait_seconds = session.options().lock_wait_seconds;
  options.jobs = static_cast<unsigned>(session.options().jobs);
  options.stop = &Session::stop_flag();
  options.progress = &session.progress();
  if (session.options().dry_run) {
    check_create_target(session.file_system(), path, arguments.force);
    check_create_space(session.file_system(), path, options);
    const std::uint64_t bytes = apparent_region_bytes(definition, arguments.format,
                                                      image ? image->size_bytes().value_or(0) : 0);
    session.end_region(summary_fields({definition, 0, 0, bytes}, /*dry_run=*/true),
                       "would be created: " + describe(definition, bytes));
    return ExitCode::findings;
  }
  session.progress().start(definition.extent_count,
                           definition.extent_count * geometry.extent_data_bytes());
  const CreateSummary summary = create_region(session.file_system(), path, options);
  session.end_region(summary_fields(summary, /*dry_run=*/false),
                     "created: " + describe(summary.definition, summary.apparent_bytes));
  return ExitCode::done;
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{"region-create",
                      "Create a Crucible region: whole or not at all.",
                      "DIR",
                      {"region-create /data/r1 --block-size 4K --extent-bytes 64M --size 128G",
                       "region-create /data/r2 --import disk.img --skip-zeros",
                       "region-create /data/r3 -n --size 1T          how much would it take?",
                       "region-create /tmp/r4 --from-bundle r4.tar   look at a bug report"}};
  return run_tool(
      argc, argv, info, {.several_regions = false, .extents = false, .dry_run = true},
      [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) { return create(session, arguments); });
}
