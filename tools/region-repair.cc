// region-repair: what can be mended in a region is mended, and can be taken back.

#include <map>
#include <sstream>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/io/paths.h"
#include "libregion/ops/block_sources.h"
#include "libregion/ops/repair.h"
#include "libregion/ops/undo.h"
#include "tools/common/run_tool.h"

namespace region_tools {
namespace {

using libregion::Access;
using libregion::Error;
using libregion::ErrorKind;
using libregion::Region;
using libregion::RepairOptions;
using libregion::RepairSummary;
using libregion::UndoSummary;

// As they stand on the command line.
struct Arguments {
  bool plan = false;
  bool write = false;
  std::optional<std::string> apply_undo;
  std::optional<std::string> undo;
  bool no_undo = false;
  std::vector<std::string> from;
  bool mix = false;
  std::optional<std::string> forget;
  std::optional<std::string> metadata;
};

void add_options(CommandLine& line, Arguments& arguments) {
  line.add_flag("--plan", arguments.plan, "say what would be mended; the same as --dry-run");
  line.add_flag("--write", arguments.write, "mend it");
  line.add_texts("--from", arguments.from, "REGION...", "take what is damaged from these replicas");
  line.add_flag("--mix", arguments.mix, "also from those with other numbers; marks dirty");
  line.add_text("--forget", arguments.forget, "LIST", "blocks that become never written: 5,7-9");
  line.add_text("--metadata", arguments.metadata, "TEXT", "of -e's extents: gen=G,flush=F,dirty=1");
  line.add_text("--undo", arguments.undo, "FILE", "save what is changed there; default DIR.undo");
  line.add_flag("--no-undo", arguments.no_undo, "save nothing");
  line.add_text("--apply-undo", arguments.apply_undo, "FILE", "take a repair back");
  line.exclude("--write", "--plan");
  line.exclude("--no-undo", "--undo");
}

// "gen=3,flush=17,dirty=1". Never clean: that would say that the bits are right, and keep the
// replicas from being made equal. Throws Error (usage).
libregion::ExtentMetadata parse_metadata(const std::string& text) {
  const auto refuse = [&] {
    throw Error(ErrorKind::usage,
                fmt::format("--metadata: expected gen=G,flush=F,dirty=1, found '{}'",
                            libregion::printable(text)));
  };
  std::map<std::string, std::uint64_t> numbers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto number = libregion::parse_decimal(part.substr(std::min(equals + 1, part.size())));
    if (!number || !numbers.emplace(part.substr(0, equals), *number).second) refuse();
  }
  const bool is_whole = numbers.size() == 3 && numbers.contains("gen") &&
                        numbers.contains("flush") && numbers.contains("dirty");
  if (!is_whole || numbers["dirty"] != 1) refuse();
  return {.dirty = true, .gen_number = numbers["gen"], .flush_number = numbers["flush"]};
}

// What is to be done must be said. Throws Error (usage).
void check_arguments(const Arguments& arguments, const CommonOptions& common) {
  const auto refuse = [](const char* message) { throw Error(ErrorKind::usage, message); };
  const bool only_looks = arguments.plan || common.dry_run;
  if (!only_looks && !arguments.write && !arguments.apply_undo) {
    refuse("expected --plan, which changes nothing, or --write, which mends what --plan shows");
  }
  if (arguments.mix && arguments.from.empty()) refuse("--mix: only with --from");
  if (arguments.metadata && !common.extents) refuse("--metadata: only with --extent");
  if (arguments.metadata) (void)parse_metadata(*arguments.metadata);
  if (arguments.write && only_looks) refuse("--write: not with --dry-run");
  if (!arguments.apply_undo) return;
  if (arguments.write) refuse("--apply-undo takes a repair back: not with --write");
  if (arguments.undo || arguments.no_undo) refuse("--apply-undo: not with --undo or --no-undo");
  if (!arguments.from.empty() || arguments.forget || arguments.metadata) {
    refuse("--apply-undo takes a repair back: not with --from, --forget or --metadata");
  }
  if (common.extents) refuse("--apply-undo takes back all that was saved: not with --extent");
}

// "3 extents: 2 repaired (18 blocks), 1 with errors that stay".
class Counts {
 public:
  void add(std::uint64_t count, std::string_view what) {
    if (count > 0) text_ += fmt::format("{}{} {}", text_.empty() ? "" : ", ", count, what);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

ExitCode exit_code_of(const Session& session, bool has_something_to_do) {
  const bool is_damaged = has_grave_findings(session.options(), session.region_counts());
  return is_damaged || has_something_to_do ? ExitCode::findings : ExitCode::done;
}

// ---- repair -------------------------------------------------------------------------------------

std::string describe(const Session& session, const RepairSummary& summary,
                     const RepairOptions& options) {
  std::string text = plural(summary.extent_count, "extent") + ": ";
  Counts counts;
  counts.add(summary.repaired_count, "repaired");
  counts.add(summary.put_back_count, "put back");
  counts.add(summary.left_count, "with errors that stay");
  if (counts.text().empty()) {
    text += "nothing to do";
  } else {
    text += (options.dry_run ? "would be: " : "") + counts.text();
  }
  if (summary.has_undo)
    text += fmt::format("; --apply-undo '{}' takes it back", *options.undo_path);
  if (summary.stopped) text += ", then stopped";
  const FindingCounts& findings = session.region_counts();
  return findings.by_id.empty() ? text : text + ": " + counts_text(findings);
}

std::optional<std::string> undo_path_of(Session& session, const Region& region,
                                        const Arguments& arguments) {
  if (arguments.no_undo) return std::nullopt;
  if (!arguments.undo) {
    return libregion::UndoLog::default_path(session.file_system(), region.path,
                                            region.definition.uuid);
  }
  if (is_below(session.file_system(), *region.root, libregion::follow_links(*arguments.undo))) {
    throw Error(ErrorKind::usage,
                fmt::format("--undo: '{}' is in the region's own directory", *arguments.undo));
  }
  return arguments.undo;
}

// Opened for reading. They are no part of what the records are about.
std::vector<Region> open_replicas(Session& session, const std::vector<std::string>& paths) {
  std::vector<Region> regions;
  if (paths.size() >= libregion::replicas_max) {
    throw Error(ErrorKind::usage,
                fmt::format("--from: expected at most {}", libregion::replicas_max - 1));
  }
  for (const std::string& path : paths) {
    auto opened = libregion::open_region(
        session.file_system(), path,
        {Access::read, false, session.options().lock_wait_seconds, &Session::stop_flag()});
    if (!opened.region) {
      throw Error(ErrorKind::not_a_region,
                  fmt::format("--from: '{}/region.json' cannot be used", path));
    }
    regions.push_back(std::move(*opened.region));
  }
  return regions;
}

std::optional<libregion::BlockSelection> forgotten_blocks(const Session& session,
                                                          const Region& region,
                                                          const Arguments& arguments) {
  if (!arguments.forget) return std::nullopt;
  try {
    std::optional<libregion::ExtentId> within;
    const auto& extents = session.options().extents;
    if (extents) within = libregion::parse_extent_reference(*extents);
    auto blocks = libregion::BlockSelection::parse(*arguments.forget, within);
    blocks.check_against(region.definition);
    return blocks;
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("--forget: {}", error.what()));
  }
}

ExitCode repair(Session& session, const Region& region, const Arguments& arguments) {
  const std::vector<Region> replicas = open_replicas(session, arguments.from);
  RepairOptions options;
  for (const Region& replica : replicas) options.replicas.push_back(&replica);
  options.mix = arguments.mix;
  options.forget = forgotten_blocks(session, region, arguments);
  if (arguments.metadata) options.metadata = parse_metadata(*arguments.metadata);
  options.walk = session.walk_options(region.definition);
  options.dry_run = !arguments.write;
  if (arguments.write) options.undo_path = undo_path_of(session, region, arguments);
  options.undo_file_system = &session.file_system();
  options.progress = &session.progress();
  const auto [extent_count, data_bytes] = walk_totals(region.definition, options.walk);
  session.progress().start(extent_count, data_bytes);
  const RepairSummary summary = repair_region(region, options, session.reporter());
  if (summary.stopped || summary.has_io_errors || summary.left_count > 0) session.set_incomplete();
  session.end_region({{"extents", summary.extent_count},
                      {"repaired", summary.repaired_count},
                      {"put_back", summary.put_back_count},
                      {"left", summary.left_count},
                      {"blocks", summary.block_count},
                      {"bytes", summary.read_bytes}},
                     describe(session, summary, options));
  auto code = exit_code_of(session, options.dry_run && summary.repaired_count > 0);
  if (summary.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.has_changed) code = more_serious(code, ExitCode::in_use);
  if (summary.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

// ---- undo ---------------------------------------------------------------------------------------

libregion::UndoFile open_undo(Session& session, const std::string& path) {
  const libregion::SplitPath split = libregion::split_path(path);
  const auto directory =
      expect_opened(session.file_system().open_directory(split.directory), split.directory);
  return libregion::UndoFile(open_file_in(*directory, split.name, Access::read));
}

ExitCode undo(Session& session, const Region& region, const Arguments& arguments) {
  const libregion::UndoFile file = open_undo(session, *arguments.apply_undo);
  const bool only_looks = arguments.plan || session.options().dry_run;
  session.progress().start(file.sections().size(), 0);
  const UndoSummary summary = undo_repair(
      region, file, {only_looks, &Session::stop_flag(), &session.progress()}, session.reporter());
  if (summary.stopped || summary.left_count > 0) session.set_incomplete();
  Counts counts;
  counts.add(summary.restored_count, "taken back");
  counts.add(summary.left_count, "left alone");
  const std::string what = counts.text().empty() ? "nothing to do" : counts.text();
  session.end_region({{"extents", summary.extent_count},
                      {"restored", summary.restored_count},
                      {"left", summary.left_count},
                      {"bytes", std::uint64_t{0}}},
                     fmt::format("{}: {}{}{}", plural(summary.extent_count, "extent"),
                                 only_looks && !counts.text().empty() ? "would be: " : "", what,
                                 summary.stopped ? ", then stopped" : ""));
  const auto code = exit_code_of(session, only_looks && summary.restored_count > 0);
  return summary.stopped ? more_serious(code, ExitCode::stopped) : code;
}

}  // namespace
}  // namespace region_tools

int main(int argc, char** argv) {
  using namespace region_tools;
  Arguments arguments;
  const ToolInfo info{"region-repair",
                      "Mend what can be mended in a region; nothing without --plan or --write.",
                      "REGION",
                      {"region-repair /data/r1 --plan                        what would be done?",
                       "region-repair /data/r1 --write                       do it",
                       "region-repair /data/r1 --plan --from /data/r2 /data/r3",
                       "region-repair /data/r1 --apply-undo /data/r1.undo    take it back"}};
  return run_tool(
      argc, argv, info, {.several_regions = false, .dry_run = true, .strict = true},
      [&](CommandLine& line) { add_options(line, arguments); },
      [&](Session& session) {
        const CommonOptions& common = session.options();
        check_arguments(arguments, common);
        const bool only_looks = arguments.plan || common.dry_run;
        return for_each_region(session,
                               {only_looks ? Access::read : Access::read_write, false,
                                common.lock_wait_seconds, &Session::stop_flag()},
                               [&](const Region& region) {
                                 return arguments.apply_undo ? undo(session, region, arguments)
                                                             : repair(session, region, arguments);
                               });
      });
}
