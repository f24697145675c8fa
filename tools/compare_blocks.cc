#include "tools/compare_blocks.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/compare.h"
#include "tools/common/side_by_side.h"
#include "tools/compare_text.h"
#include "tools/extent_comparison.h"

namespace region_tools {
namespace {

using libregion::BlockComparison;
using libregion::CompareSummary;
using libregion::DumpRow;
using libregion::Error;
using libregion::ErrorKind;
using libregion::Region;

constexpr std::uint64_t hash_digits = 16;

// Passes on what is compared: as text for people, as records for programs.
class Show : public libregion::ComparisonReporter {
 public:
  Show(Session& session, const CompareBlocksOptions& options, RegionsSideBySide& regions)
      : session_(session), options_(options), regions_(regions), text_(shape()) {}

  void finding(std::size_t replica, const libregion::Finding& finding) override {
    regions_.reporter(replica).finding(finding);
  }

  void extent(const DumpRow& row) override {
    if (!is_for_people()) {
      if (row.differs() || !options_.only_differences) {
        session_.compare(extent_comparison(row, sides()));
      }
      return;
    }
    // The head of an extent that has nothing to show is not shown.
    head_ = text_.head(row);
    if (row.differs() || !options_.only_differences) show_head();
  }

  void blocks(const BlockComparison& comparison) override {
    const libregion::Geometry& geometry = regions_.region(0).definition.geometry;
    if (!is_for_people()) {
      session_.compare(BlockComparisonRecord{
          comparison, geometry.region_block(comparison.extent, comparison.blocks.first), sides()});
      return;
    }
    show_head();
    show(text_.blocks(comparison));
  }

  void show(std::string text) {
    libregion::OtherRecord record{"table"};
    record.text = std::move(text);
    session_.reporter().record(record);
  }

  [[nodiscard]] bool is_for_people() const {
    return session_.options().format == RecordFormat::human;
  }

  [[nodiscard]] std::vector<ComparisonRecord::Side> sides() const {
    std::vector<ComparisonRecord::Side> sides;
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      const Region& region = regions_.region(i);
      sides.push_back({region.path, to_text(region.definition.uuid)});
    }
    return sides;
  }

 private:
  [[nodiscard]] CompareText::Shape shape() const {
    CompareText::Shape shape;
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      shape.names.push_back(regions_.region(i).path);
    }
    shape.extent_size_blocks = regions_.region(0).definition.geometry.extent_size_blocks();
    shape.hash_width = options_.hash_width;
    shape.shows_integrity = session_.options().verbose;
    shape.shows_all = !options_.folds || session_.options().blocks.has_value();
    shape.uses_color = session_.uses_color();
    return shape;
  }

  void show_head() {
    if (!head_.empty()) show(std::exchange(head_, {}));
  }

  Session& session_;
  const CompareBlocksOptions& options_;
  RegionsSideBySide& regions_;
  CompareText text_;
  std::string head_;  // not shown yet
};

std::string describe(const CompareSummary& summary) {
  std::string text =
      fmt::format("{} of {} compared: {} different", plural(summary.totals.block_count, "block"),
                  plural(summary.totals.extent_count, "extent"), summary.differing_blocks);
  if (summary.unsound_blocks > 0) text += fmt::format(", {} damaged", summary.unsound_blocks);
  if (summary.lost_blocks > 0) text += fmt::format(", {} lost in all", summary.lost_blocks);
  return text;
}

ExitCode end(Session& session, RegionsSideBySide& regions, const CompareSummary& summary) {
  auto code = ExitCode::done;
  if (summary.differing_extents > 0 || summary.differing_blocks > 0 || summary.unsound_blocks > 0) {
    code = ExitCode::findings;
  }
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const FindingCounts counts = regions.counts(i);
    if (has_grave_findings(session.options(), counts)) {
      code = more_serious(code, ExitCode::findings);
    }
    if (const auto& failure = summary.failures[i]) {
      session.report_failure(*failure, regions.region(i).path);
      code = more_serious(code, exit_code_of(failure->kind()));
    }
    const bool is_worth_a_line = counts.errors + counts.warnings > 0 || session.options().verbose ||
                                 session.options().format != RecordFormat::human;
    if (is_worth_a_line) regions.end(i, {}, counts_text(counts));
  }
  if (summary.totals.stopped) code = more_serious(code, ExitCode::stopped);
  if (summary.totals.has_changed) code = more_serious(code, ExitCode::in_use);
  if (summary.totals.has_io_errors) code = more_serious(code, ExitCode::failed);
  if (code != ExitCode::done && code != ExitCode::findings) session.set_incomplete();
  session.add_to_totals({{"extents", summary.totals.extent_count},
                         {"blocks", summary.totals.block_count},
                         {"bytes", summary.totals.read_bytes},
                         {"different", summary.differing_blocks},
                         {"damaged", summary.unsound_blocks},
                         {"lost", summary.lost_blocks}});
  return code;
}

ExitCode compare(Session& session, const CompareBlocksOptions& options, RegionsSideBySide& regions,
                 const LoneExtents& files) {
  std::vector<const Region*> replicas;
  for (std::size_t i = 0; i < regions.size(); ++i) replicas.push_back(&regions.region(i));
  const libregion::CompareOptions compare_options{
      files.empty() ? session.walk_options(replicas.front()->definition) : files.walk_options(),
      options.only_differences, options.folds, &session.progress()};
  const auto totals = walk_totals(replicas.front()->definition, compare_options.walk);
  session.progress().start(totals.extent_count, totals.data_bytes * replicas.size());
  Show show(session, options, regions);
  const bool is_for_people = show.is_for_people() && !session.options().quiet;
  if (is_for_people && !files.empty()) show.show(files.text());
  if (is_for_people) show.show(CompareText::legend());
  const CompareSummary summary = compare_replicas(replicas, compare_options, show);
  const ExitCode code = end(session, regions, summary);
  if (is_for_people) {
    show.show("\n" + describe(summary) + (summary.totals.stopped ? ", then stopped\n" : "\n"));
  }
  return code;
}

}  // namespace

ExitCode compare_blocks(Session& session, const CompareBlocksOptions& options) {
  if (options.hash_width < 1 || options.hash_width > hash_digits) {
    throw Error(ErrorKind::usage, fmt::format("--hash-width: expected 1 to {}, found {}",
                                              hash_digits, options.hash_width));
  }
  const auto paths = region_paths(session.options(), Session::stop_flag());
  LoneExtents files(session, paths, options.lone);
  const libregion::UseOptions use{libregion::Access::read, options.live,
                                  session.options().lock_wait_seconds, &Session::stop_flag()};
  std::optional<libregion::Geometry> geometry;
  RegionsSideBySide regions(
      session, paths, use,
      [&](const Region& region) {
        require_same_geometry(region, geometry);
        if (files.empty()) (void)session.walk_options(region.definition);
      },
      [&](const std::string& path) { return files.open(path, use); });
  if (regions.size() == 0) return regions.exit_code();
  return more_serious(regions.exit_code(), compare(session, options, regions, files));
}

}  // namespace region_tools
