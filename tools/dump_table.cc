#include "tools/dump_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "tools/extent_comparison.h"

namespace region_tools {
namespace {

using libregion::DefinitionRow;
using libregion::DumpReplica;
using libregion::DumpRow;
using libregion::DumpSummary;
using libregion::DumpTotals;
using libregion::ExtentMetadata;
using libregion::ReplicaExtent;
using libregion::ReplicaState;

std::size_t digits_of(std::uint64_t number) { return std::to_string(number).size(); }

std::string_view format_cell(const ReplicaExtent& replica) {
  switch (replica.state) {
    case ReplicaState::missing: return "none";
    case ReplicaState::unreadable: return "?";
    case ReplicaState::present: break;
  }
  return replica.format == "sqlite" ? "sql" : replica.format;
}

}  // namespace

DumpTable::DumpTable(const Shape& shape)
    : shape_(shape),
      extent_width_(
          std::max<std::size_t>(3, digits_of(std::max<std::uint64_t>(shape.extent_count, 1) - 1))),
      block_width_(std::max<std::size_t>(
          3, digits_of(std::max<std::uint64_t>(shape.extent_count * shape.extent_size_blocks, 1) -
                       1))),
      gen_width_(3 + digits_of(shape.replica_count - 1)),
      flush_width_(2 + digits_of(shape.replica_count - 1)) {}

void DumpTable::add(const DumpRow& row) {
  rows_.push_back({row, {row.replicas.begin(), row.replicas.end()}});
}

std::string DumpTable::take_text() {
  for (const Row& row : rows_) widen_for(row);
  std::string text;
  if (!has_header_) text = header_text();
  has_header_ = true;
  for (const Row& row : rows_) text += row_text(row);
  rows_.clear();
  return text;
}

void DumpTable::widen_for(const Row& row) {
  for (const ReplicaExtent& replica : row.replicas) {
    if (!replica.metadata) continue;
    gen_width_ = std::max(gen_width_, digits_of(replica.metadata->gen_number));
    flush_width_ = std::max(flush_width_, digits_of(replica.metadata->flush_number));
  }
}

std::string DumpTable::header_text() const {
  std::string text =
      fmt::format("{:>{}} {:>{}}", "EXT", extent_width_, "BLOCKS", 2 * block_width_ + 1);
  const auto add_group = [&](std::string_view name, std::size_t width) {
    for (std::size_t i = 0; i < shape_.replica_count; ++i) {
      text += fmt::format(" {:>{}}", fmt::format("{}{}", name, i), width);
    }
  };
  const std::size_t digits = digits_of(shape_.replica_count - 1);
  add_group("GEN", gen_width_);
  text += ' ';
  add_group("FL", flush_width_);
  text += ' ';
  add_group("D", 1 + digits);
  text += ' ';
  add_group("FMT", 3 + digits);
  return text + (shape_.replica_count > 1 ? " DIFF\n" : "\n");
}

std::string DumpTable::row_text(const Row& row) const {
  const std::uint64_t first = row.row.extent.value * shape_.extent_size_blocks;
  std::string text = fmt::format("{:>{}} {:0{}}-{:0{}}", row.row.extent.value, extent_width_, first,
                                 block_width_, first + shape_.extent_size_blocks - 1, block_width_);
  text += number_cells(row, gen_width_, &ExtentMetadata::gen_number, row.row.gen_number_differs);
  text += ' ';
  text +=
      number_cells(row, flush_width_, &ExtentMetadata::flush_number, row.row.flush_number_differs);
  text += ' ' + dirty_cells(row) + ' ' + format_cells(row);
  return text + (row.row.differs() ? " <---\n" : "\n");
}

std::string DumpTable::number_cells(const Row& row, std::size_t width,
                                    std::uint64_t ExtentMetadata::*number, bool differs) const {
  std::uint64_t number_max = 0;
  for (const ReplicaExtent& replica : row.replicas) {
    if (replica.metadata) number_max = std::max(number_max, (*replica.metadata).*number);
  }
  std::string text;
  for (const ReplicaExtent& replica : row.replicas) {
    const std::string value =
        replica.metadata ? std::to_string((*replica.metadata).*number) : std::string("-");
    const std::string cell = fmt::format(" {:>{}}", value, width);
    const bool is_newest = replica.metadata && (*replica.metadata).*number == number_max;
    text += differs ? colored(cell, is_newest) : cell;
  }
  return text;
}

std::string DumpTable::dirty_cells(const Row& row) const {
  std::string text;
  for (const ReplicaExtent& replica : row.replicas) {
    const bool is_dirty = replica.metadata && replica.metadata->dirty;
    const std::string_view value = !replica.metadata ? "-" : is_dirty ? "T" : "F";
    const std::string cell = fmt::format(" {:>{}}", value, 1 + digits_of(shape_.replica_count - 1));
    text += row.row.dirty_differs ? colored(cell, replica.metadata && !is_dirty) : cell;
  }
  return text;
}

std::string DumpTable::format_cells(const Row& row) const {
  std::string text;
  const bool differs = row.row.format_differs || row.row.state_differs;
  for (const ReplicaExtent& replica : row.replicas) {
    const std::string cell =
        fmt::format(" {:>{}}", format_cell(replica), 3 + digits_of(shape_.replica_count - 1));
    text += differs ? colored(cell, format_cell(replica) == "raw") : cell;
  }
  return text;
}

std::string DumpTable::colored(std::string text, bool is_good) const {
  if (!shape_.uses_color) return text;
  return (is_good ? "\033[32m" : "\033[31m") + text + "\033[0m";
}

namespace {

std::string describe(const DumpTotals& totals, bool stopped) {
  std::string text =
      fmt::format("{}, {} dirty", plural(totals.extent_count, "extent"), totals.dirty_count);
  if (totals.sqlite_count > 0) text += fmt::format(", {} SQLite", totals.sqlite_count);
  if (totals.missing_count > 0) text += fmt::format(", {} missing", totals.missing_count);
  if (totals.unreadable_count > 0) text += fmt::format(", {} unreadable", totals.unreadable_count);
  return text + (stopped ? ", then stopped" : "");
}

// The job of one run.
class TableJob {
 public:
  TableJob(Session& session, const DumpTableOptions& options, RegionsSideBySide& regions)
      : session_(session), options_(options), regions_(regions) {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      replicas_.push_back({&regions.region(i), &regions.reporter(i)});
    }
    is_for_people_ = session.options().format == RecordFormat::human && !session.options().quiet;
  }

  ExitCode run() {
    const auto definitions = compare_definitions(replicas_);
    if (replicas_.size() > 1) compare(definitions);
    DumpTable table({replicas_.size(), extent_count(definitions),
                     replicas_.front().region->definition.geometry.extent_size_blocks(),
                     session_.uses_color()});
    const libregion::DumpOptions options{
        session_.walk_options(replicas_.front().region->definition), options_.only_differences,
        &session_.progress()};
    const std::uint64_t row_count =
        walk_totals(replicas_.front().region->definition, options.walk).extent_count;
    session_.progress().start(row_count, row_count * replicas_.size() * libregion::metadata_bytes);
    const DumpSummary summary = dump_regions(replicas_, options, [&](const DumpRow& row) {
      if (replicas_.size() > 1) session_.compare(extent_comparison(row, sides()));
      if (!is_for_people_) return;
      table.add(row);
      if (table.is_full()) show(table.take_text());
    });
    if (is_for_people_) show(table.take_text() + maxima_text(summary));
    return end(summary, definitions);
  }

 private:
  void show(std::string text) {
    libregion::OtherRecord record{"table"};
    record.text = std::move(text);
    session_.reporter().record(record);
  }

  static std::uint64_t extent_count(const std::vector<DefinitionRow>& definitions) {
    for (const DefinitionRow& row : definitions) {
      if (row.name == "extent_count")
        return *std::max_element(row.values.begin(), row.values.end());
    }
    return 0;
  }

  [[nodiscard]] std::vector<ComparisonRecord::Side> sides() const {
    std::vector<ComparisonRecord::Side> sides;
    for (const DumpReplica& replica : replicas_) {
      sides.push_back({replica.region->path, to_text(replica.region->definition.uuid)});
    }
    return sides;
  }

  // Geometry and UUIDs come first. That the UUIDs differ is as it should be.
  void compare(const std::vector<DefinitionRow>& definitions) {
    ComparisonRecord record{"region"};
    record.sides = sides();
    std::string text;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      text += fmt::format("{}: {}: {}\n", i, libregion::printable(replicas_[i].region->path),
                          describe_region(replicas_[i].region->definition));
    }
    for (const DefinitionRow& row : definitions) {
      if (row.differs) record.different.push_back(row.name);
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        if (row.is_flag) {
          record.sides[i].fields.push_back({row.name, row.values[i] != 0});
        } else {
          record.sides[i].fields.push_back({row.name, row.values[i]});
        }
      }
      if (row.differs) text += difference_text(row);
    }
    session_.compare(record);
    if (is_for_people_) show(text + "\n");
  }

  static std::string difference_text(const DefinitionRow& row) {
    std::string name(row.name);
    std::replace(name.begin(), name.end(), '_', ' ');
    return fmt::format("{}: {} <---\n", name, fmt::join(row.values, " "));
  }

  static std::string maxima_text(const DumpSummary& summary) {
    std::uint64_t gen_number_max = 0;
    std::uint64_t flush_number_max = 0;
    for (const DumpTotals& totals : summary.totals) {
      gen_number_max = std::max(gen_number_max, totals.gen_number_max);
      flush_number_max = std::max(flush_number_max, totals.flush_number_max);
    }
    std::string text = fmt::format("Max gen: {},  Max flush: {}", gen_number_max, flush_number_max);
    if (summary.totals.size() > 1) {
      text += fmt::format(",  {} of {} differ", summary.differing_count,
                          plural(summary.row_count, "extent"));
    }
    return text + "\n";
  }

  ExitCode end(const DumpSummary& summary, const std::vector<DefinitionRow>& definitions) {
    auto code = ExitCode::done;
    const bool geometry_differs = std::any_of(definitions.begin(), definitions.end(),
                                              [](const DefinitionRow& row) { return row.differs; });
    if (geometry_differs || summary.differing_count > 0) code = ExitCode::findings;
    if (summary.stopped) code = more_serious(code, ExitCode::stopped);
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      code = more_serious(code, end_region(i, summary.totals[i], summary.stopped));
    }
    if (replicas_.size() > 1) session_.add_to_totals({{"different", summary.differing_count}});
    if (summary.stopped) session_.set_incomplete();
    return code;
  }

  ExitCode end_region(std::size_t index, const DumpTotals& totals, bool stopped) {
    if (totals.failure) {
      (void)regions_.counts(index);
      session_.report_failure(*totals.failure, replicas_[index].region->path);
      session_.set_incomplete();
      return exit_code_of(totals.failure->kind());
    }
    const FindingCounts counts = regions_.counts(index);
    if (totals.has_changed || totals.has_io_errors) session_.set_incomplete();
    regions_.end(index,
                 {{"extents", totals.extent_count},
                  {"dirty", totals.dirty_count},
                  {"sqlite", totals.sqlite_count},
                  {"missing", totals.missing_count},
                  {"unreadable", totals.unreadable_count},
                  {"bytes", totals.read_bytes}},
                 describe(totals, stopped) + findings_text(counts));
    auto code =
        has_grave_findings(session_.options(), counts) ? ExitCode::findings : ExitCode::done;
    if (totals.has_changed) code = more_serious(code, ExitCode::in_use);
    if (totals.has_io_errors) code = more_serious(code, ExitCode::failed);
    return code;
  }

  Session& session_;
  const DumpTableOptions& options_;
  RegionsSideBySide& regions_;
  std::vector<DumpReplica> replicas_;
  bool is_for_people_ = false;
};

}  // namespace

std::string findings_text(const FindingCounts& counts) {
  return counts.by_id.empty() ? "" : ": " + counts_text(counts);
}

ExitCode dump_table(Session& session, const DumpTableOptions& options) {
  RegionsSideBySide regions(
      session, region_paths(session.options(), Session::stop_flag()),
      {libregion::Access::read, options.live, session.options().lock_wait_seconds,
       &Session::stop_flag()},
      [&](const libregion::Region& region) { (void)session.walk_options(region.definition); });
  if (regions.size() == 0) return regions.exit_code();
  return more_serious(regions.exit_code(), TableJob(session, options, regions).run());
}

}  // namespace region_tools
