#include "tools/dump_bundle.h"

#include <fmt/format.h>

#include "libregion/io/paths.h"
#include "tools/common/version.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;

[[noreturn]] void throw_usage(const std::string& message) {
  throw Error(ErrorKind::usage, message);
}

}  // namespace

void add_bundle_options(CommandLine& line, BundleArguments& arguments) {
  line.add_text("--bundle", arguments.path, "FILE", "all but the data into FILE, for a bug report");
  line.add_flag("--blind", arguments.blind, "in the bundle hide nonces and tags");
  line.add_flag("-f,--force", arguments.force, "replace a bundle that is there");
}

void check_bundle_arguments(const Session& session, const BundleArguments& arguments) {
  if (!arguments.path) {
    if (arguments.blind) throw_usage("--blind: there is no --bundle");
    if (arguments.force) throw_usage("--force: there is no --bundle");
    return;
  }
  if (arguments.path->empty() || *arguments.path == "-") {
    throw_usage(fmt::format("--bundle: expected a file's name, found '{}'", *arguments.path));
  }
  const CommonOptions& options = session.options();
  if (options.extents || options.blocks || options.shard) {
    throw_usage("--bundle: a bundle is of a whole region, without --extent, --blocks or --shard");
  }
  if (options.regions_from || options.regions.size() != 1) {
    throw_usage("--bundle: expected one region");
  }
}

libregion::BundleSummary bundle_region(Session& session, const libregion::Region& region,
                                       const BundleArguments& arguments) {
  const std::string path = libregion::follow_links(*arguments.path);
  if (is_below(session.file_system(), *region.root, path)) {
    throw_usage(fmt::format("'{}' is in the region's own directory", *arguments.path));
  }
  libregion::BundleOptions options{"region-dump", std::string(tools_version)};
  if (arguments.blind) options.blinding_key = libregion::make_random_blinding_key();
  options.stop = &Session::stop_flag();
  options.progress = &session.progress();
  session.progress().start(
      region.definition.extent_count,
      region.definition.extent_count * region.definition.geometry.extent_data_bytes());
  return write_bundle_file(session.file_system(), region, options, {path, arguments.force},
                           session.reporter());
}

}  // namespace region_tools
