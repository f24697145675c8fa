// The options that every tool has.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libregion/ops/walk.h"
#include "tools/common/command_line.h"

namespace region_tools {

enum class RecordFormat : std::uint8_t { human, json, jsonl, csv };
enum class When : std::uint8_t { automatic, always, never };
enum class ProgressStyle : std::uint8_t { automatic, always, never, json };

struct CommonOptions {
  std::vector<std::string> regions;
  std::string operand;
  std::optional<std::string> regions_from;
  bool null_separated = false;
  RecordFormat format = RecordFormat::human;
  bool json = false;
  std::string output = "-";
  std::optional<std::string> report;  // where the records go if --output is for something else
  std::optional<std::string> extents;
  std::optional<std::string> blocks;
  std::optional<std::string> shard;
  std::uint64_t jobs = 1;  // threads
  bool dry_run = false;
  bool quiet = false;
  bool verbose = false;
  ProgressStyle progress = ProgressStyle::automatic;
  When color = When::automatic;
  std::uint64_t lock_wait_seconds = 0;
  bool strict = false;
  std::optional<std::string> rate_max;  // bytes a second
  std::optional<std::string> metrics;   // a file
};

// The records that --format csv has rows of.
struct CsvRows {
  std::string_view type = "finding";
  // The names of what the tool adds to such a record, in order: the header is there before the
  // first row, or without any.
  std::vector<std::string_view> fields = {};
};

// Which of them a tool takes besides those that all take.
struct OptionSet {
  bool several_regions = true;  // else exactly one, which may not be there yet
  bool replicas = false;        // and more of them, where an option says so
  bool operand = false;         // and behind that one something else
  bool extents = true;          // --extent
  bool blocks = false;          // --blocks
  bool dry_run = false;         // tools that change something
  bool strict = false;          // tools whose findings are their result
  bool product = false;         // --output is for what the tool makes, records go to --report
  // Asked once the options are known; none: findings.
  std::function<CsvRows(const CommonOptions&)> choose_csv_rows = {};
};

void add_common_options(CommandLine& line, CommonOptions& options, const OptionSet& set);

// Takes the operand, where the tool has one, from behind the region. Throws Error (usage).
void separate_operand(CommonOptions& options, const OptionSet& set);

// What the values of the options have to keep to; settles what one says of another. Throws Error
// (usage).
void check_common_options(CommonOptions& options);

// The regions of the command line and of --regions-from, which is read here. Throws Error.
std::vector<std::string> region_paths(const CommonOptions& options, const std::atomic<bool>& stop);

// What --extent, --blocks, --jobs and --shard say of a walk over this region. Throws Error (usage).
libregion::WalkOptions walk_options(const CommonOptions& options,
                                    const libregion::RegionDefinition& definition,
                                    const std::atomic<bool>& stop);

// What --shard says; nullopt where it was not given. Throws Error (usage).
std::optional<libregion::Shard> selected_shard(const CommonOptions& options);

// A size as in parse_size_bytes. Throws Error (usage) that names the option.
std::uint64_t require_size(const std::string& option, const std::string& text);

}  // namespace region_tools
