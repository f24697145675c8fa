#include "tools/export_salvage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "libregion/base/text.h"
#include "libregion/io/paths.h"
#include "libregion/ops/block_sources.h"
#include "libregion/ops/salvage.h"
#include "tools/common/key_option.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;
using libregion::Region;
using libregion::SalvageSummary;

struct Opened {
  std::vector<Region> regions;
  std::vector<std::string> left_out;  // why one is not among them
};

// Those that can be opened. The records are about the first of them.
Opened open_regions(Session& session) {
  const auto& paths = session.options().regions;
  session.require_outputs_outside(paths);
  if (paths.size() > libregion::replicas_max) {
    throw Error(ErrorKind::usage, fmt::format("--salvage: expected at most {} replicas, found {}",
                                              libregion::replicas_max, paths.size()));
  }
  Opened all;
  for (const std::string& path : paths) {
    auto opened =
        libregion::open_region(session.file_system(), path,
                               {libregion::Access::read, false, session.options().lock_wait_seconds,
                                &Session::stop_flag()});
    if (opened.region) {
      all.regions.push_back(std::move(*opened.region));
    } else {
      all.left_out.push_back(
          fmt::format("'{0}' is left out: '{0}/region.json' cannot be used", path));
      session.warn(all.left_out.back());
    }
  }
  if (!all.regions.empty()) return all;
  throw Error(ErrorKind::not_a_region,
              fmt::format("there is no replica left: {}", fmt::join(all.left_out, "; ")));
}

// Without a loss there was no need of them.
void report_left_out(Session& session, const Opened& opened, const SalvageSummary& summary) {
  if (summary.lost_count == 0) return;
  for (const std::string& why : opened.left_out) {
    session.report_failure(Error(ErrorKind::failed, why), opened.regions.front().path);
  }
}

void require_outside(Session& session, const std::vector<Region>& regions) {
  const std::string& output = session.options().output;
  for (const Region& region : regions) {
    if (output == "-" ||
        !is_below(session.file_system(), *region.root, libregion::follow_links(output))) {
      continue;
    }
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is in the directory of the region '{}'", output, region.path));
  }
}

std::string describe(const SalvageSummary& summary, std::size_t replica_count) {
  if (!summary.is_whole()) {
    return summary.has_changed ? "somebody used a replica meanwhile; there is no image"
                               : "stopped; there is no image";
  }
  return fmt::format(
      "{} of {} replicas, {} exported, {} of it data; {} proven, {} never written, "
      "{} lost",
      plural(summary.extent_count, "extent"), replica_count,
      libregion::human_size(summary.image_bytes), libregion::human_size(summary.data_bytes),
      plural(summary.proven_count, "block"), summary.unwritten_count, summary.lost_count);
}

ExitCode exit_code_for(const Session& session, const SalvageSummary& summary) {
  auto code = session.region_counts().errors > 0 ? ExitCode::findings : ExitCode::done;
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_changed) code = more_serious(code, ExitCode::in_use);
  // What one replica cannot give another one has, or it is among what is lost.
  if (summary.has_io_errors && summary.lost_count > 0) code = more_serious(code, ExitCode::failed);
  return code;
}

}  // namespace

CsvRows origin_rows() {
  return {"origin", {"state", "first_block", "block_count", "image_offset", "source"}};
}

ExitCode export_salvaged(Session& session, const libregion::ImageTargetOptions& target_options,
                         const std::optional<libregion::EncryptionKey>& key) {
  const Opened opened = open_regions(session);
  const std::vector<Region>& regions = opened.regions;
  const Region& first = regions.front();
  require_encrypted(first, key.has_value());
  require_outside(session, regions);
  session.begin_region(first.path, &first.definition, first.use->check());
  std::vector<const Region*> members;
  for (const Region& region : regions) members.push_back(&region);
  const libregion::ReplicaSet replicas(std::move(members));
  libregion::SalvageOptions options;
  options.walk = session.walk_options(first.definition);
  options.key = key ? &*key : nullptr;
  options.progress = &session.progress();
  const auto [extent_count, data_bytes] = walk_totals(first.definition, options.walk);
  session.progress().start(extent_count, data_bytes);
  const auto target =
      libregion::open_image_target(session.file_system(), session.options().output, target_options);
  const SalvageSummary summary = salvage(replicas, *target, options, session.reporter());
  report_left_out(session, opened, summary);
  if (!summary.is_whole()) session.set_incomplete();
  session.end_region(
      {{"extents", summary.extent_count},
       {"blocks", summary.block_count},
       {"bad", summary.lost_count},
       {"bytes", summary.image_bytes},
       {"data_bytes", summary.data_bytes},
       {"proven", summary.proven_count},
       {"unwritten", summary.unwritten_count}},
      describe(summary, replicas.size()) + ": " + counts_text(session.region_counts()));
  return exit_code_for(session, summary);
}

}  // namespace region_tools
