#include "tools/common/options.h"

#include <algorithm>
#include <limits>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/io/input_stream.h"

namespace region_tools {
namespace {

using libregion::Error;
using libregion::ErrorKind;

constexpr std::uint64_t jobs_max = 1024;
// A disk is at its fastest when it has so many requests at hand.
constexpr std::uint64_t readers_min = 8;

std::string read_list(const std::string& path, const std::atomic<bool>& stop) {
  constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
  libregion::InputStream input(path, &stop);
  std::string text;
  libregion::Bytes chunk(chunk_bytes);
  while (const std::size_t count = input.read(chunk)) {
    text += libregion::to_text(libregion::ByteView(chunk).first(count));
  }
  return text;
}

libregion::ExtentSelection selected_extents(const CommonOptions& options,
                                            std::uint32_t extent_count) {
  if (!options.extents) return {};
  try {
    auto selection = libregion::ExtentSelection::parse(*options.extents);
    selection.check_against(extent_count);
    return selection;
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("--extent: {}", error.what()));
  }
}

// Counted within the one extent that --extent names, else over the region.
libregion::BlockSelection selected_blocks(const CommonOptions& options) {
  try {
    std::optional<libregion::ExtentId> within;
    if (options.extents) within = libregion::parse_extent_reference(*options.extents);
    return libregion::BlockSelection::parse(*options.blocks, within);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("--blocks: {}", error.what()));
  }
}

}  // namespace

void add_common_options(CommandLine& line, CommonOptions& options, const OptionSet& set) {
  constexpr std::size_t regions_max = 1'000'000;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  if (set.several_regions) {
    line.add_arguments(options.regions, 0, regions_max);
    line.add_text("--regions-from", options.regions_from, "FILE",
                  "more regions, one a line; - is standard input");
    line.add_flag("-0,--null", options.null_separated, "they are separated by NUL");
  } else {
    line.add_arguments(options.regions, 1, set.operand ? 2 : set.replicas ? regions_max : 1);
  }
  if (set.extents) {
    line.add_text("-e,--extent", options.extents, "LIST", "only these: 7,0x10-0x1F,67D,00/000/064");
  }
  if (set.blocks) {
    line.add_text("-b,--blocks", options.blocks, "LIST",
                  "5,7-9: of the region, or of -e's one extent");
  }
  if (set.several_regions) {
    line.add_text("--shard", options.shard, "K/N",
                  set.dry_run ? "only the regions of share K of N" : "only share K of N");
  }
  if (set.dry_run) {
    line.add_flag("-n,--dry-run", options.dry_run, "say what would be done, change nothing");
  }
  line.add_number("-j,--jobs", options.jobs, "N", "threads; one for each core unless given");
  line.add_choice<RecordFormat>("--format", options.format,
                                {{"human", RecordFormat::human},
                                 {"json", RecordFormat::json},
                                 {"jsonl", RecordFormat::jsonl},
                                 {"csv", RecordFormat::csv}},
                                "FORMAT", "human, json, jsonl (a record a line) or csv");
  line.add_flag("--json", options.json, "the same as --format json");
  line.exclude("--json", "--format");
  if (set.product) {
    line.add_text("-o,--output", options.output, "FILE", "where it goes; - is standard output");
    line.add_text("--report", options.report, "FILE", "records go there, not to standard error");
  } else {
    line.add_text("-o,--output", options.output, "FILE", "write there, not to standard output");
  }
  line.add_flag("-q,--quiet", options.quiet, "errors only");
  line.add_flag("-v,--verbose", options.verbose, "every extent, and notes");
  if (set.strict) line.add_flag("--strict", options.strict, "warnings too make exit status 1");
  line.add_choice<ProgressStyle>("--progress", options.progress,
                                 {{"auto", ProgressStyle::automatic},
                                  {"always", ProgressStyle::always},
                                  {"never", ProgressStyle::never},
                                  {"json", ProgressStyle::json}},
                                 "WHEN", "auto, always, never, json; on standard error");
  line.add_choice<When>(
      "--color", options.color,
      {{"auto", When::automatic}, {"always", When::always}, {"never", When::never}}, "WHEN",
      "auto, always, never");
  line.add_number("--lock-wait", options.lock_wait_seconds, "SECONDS",
                  "wait so long for a region in use");
  line.add_text("--max-rate", options.rate_max, "BYTES", "read and write at most so much a second");
  line.add_text("--metrics", options.metrics, "FILE", "write numbers of the run for Prometheus");
}

void separate_operand(CommonOptions& options, const OptionSet& set) {
  if (!set.operand) return;
  if (options.regions.size() < 2) {
    throw Error(ErrorKind::usage, fmt::format("expected another argument behind '{}', found none",
                                              libregion::printable(options.regions.front())));
  }
  options.operand = std::move(options.regions.back());
  options.regions.pop_back();
}

void check_common_options(CommonOptions& options) {
  if (options.json) options.format = RecordFormat::json;
  if (options.extents) (void)selected_extents(options, std::numeric_limits<std::uint32_t>::max());
  if (options.blocks) (void)selected_blocks(options);
  (void)selected_shard(options);
  if (options.rate_max && require_size("--max-rate", *options.rate_max) == 0) {
    throw Error(ErrorKind::usage, "--max-rate: expected at least 1 byte a second, found 0");
  }
  if (options.jobs >= 1 && options.jobs <= jobs_max) return;
  throw Error(ErrorKind::usage,
              fmt::format("--jobs: expected 1 to {}, found {}", jobs_max, options.jobs));
}

std::optional<libregion::Shard> selected_shard(const CommonOptions& options) {
  if (!options.shard) return std::nullopt;
  const std::string& text = *options.shard;
  const std::size_t slash = text.find('/');
  const auto index = libregion::parse_decimal(text.substr(0, slash));
  const auto count =
      slash == std::string::npos ? std::nullopt : libregion::parse_decimal(text.substr(slash + 1));
  if (index && count && *index >= 1 && *index <= *count) {
    return libregion::Shard{*index - 1, *count};
  }
  throw Error(ErrorKind::usage, fmt::format("--shard: expected K/N with K from 1 to N, found '{}'",
                                            libregion::printable(text)));
}

libregion::WalkOptions walk_options(const CommonOptions& options,
                                    const libregion::RegionDefinition& definition,
                                    const std::atomic<bool>& stop) {
  libregion::WalkOptions walk{selected_extents(options, definition.extent_count),
                              static_cast<unsigned>(options.jobs), &stop};
  const std::uint64_t extent_count = walk.extents.count_of(definition.extent_count);
  walk.readers = static_cast<unsigned>(std::min(readers_min, extent_count));
  if (options.blocks) walk.blocks = selected_blocks(options);
  try {
    walk.blocks.check_against(definition);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("--blocks: {}", error.what()));
  }
  walk.shard = selected_shard(options);
  return walk;
}

std::vector<std::string> region_paths(const CommonOptions& options, const std::atomic<bool>& stop) {
  std::vector<std::string> paths = options.regions;
  if (options.regions_from) {
    std::istringstream list(read_list(*options.regions_from, stop));
    for (std::string path; std::getline(list, path, options.null_separated ? '\0' : '\n');) {
      if (!path.empty()) paths.push_back(path);
    }
  }
  if (paths.empty()) throw Error(ErrorKind::usage, "no region was named");
  return paths;
}

std::uint64_t require_size(const std::string& option, const std::string& text) {
  if (const auto size = libregion::parse_size_bytes(text)) return *size;
  throw Error(ErrorKind::usage,
              fmt::format("{}: expected a size such as 4096, 64M or 128GiB, found '{}'", option,
                          libregion::printable(text)));
}

}  // namespace region_tools
