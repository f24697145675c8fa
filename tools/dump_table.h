// The table of extents: one column group for each region, and where they differ.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libregion/ops/dump.h"
#include "tools/common/side_by_side.h"

namespace region_tools {

// The table as text, a few hundred rows at a time: columns are as wide as the widest value so far.
class DumpTable {
 public:
  struct Shape {
    std::size_t replica_count = 1;
    std::uint64_t extent_count = 0;
    std::uint64_t extent_size_blocks = 1;  // the first region's
    bool uses_color = false;
  };
  explicit DumpTable(const Shape& shape);

  void add(const libregion::DumpRow& row);
  // The text that is ready, nothing left behind.
  [[nodiscard]] bool is_full() const { return rows_.size() >= rows_max; }
  std::string take_text();

 private:
  static constexpr std::size_t rows_max = 1024;

  // A row that outlives its call.
  struct Row {
    libregion::DumpRow row;
    std::vector<libregion::ReplicaExtent> replicas;
  };

  void widen_for(const Row& row);
  [[nodiscard]] std::string header_text() const;
  [[nodiscard]] std::string row_text(const Row& row) const;
  [[nodiscard]] std::string number_cells(const Row& row, std::size_t width,
                                         std::uint64_t libregion::ExtentMetadata::*number,
                                         bool differs) const;
  [[nodiscard]] std::string dirty_cells(const Row& row) const;
  [[nodiscard]] std::string format_cells(const Row& row) const;
  [[nodiscard]] std::string colored(std::string text, bool is_good) const;

  Shape shape_;
  std::size_t extent_width_;
  std::size_t block_width_;
  std::size_t gen_width_;
  std::size_t flush_width_;
  bool has_header_ = false;
  std::vector<Row> rows_;
};

// ": 1 error, 0 warnings, 2 notes"; nothing where there are none, for what is shown is not checked.
std::string findings_text(const FindingCounts& counts);

struct DumpTableOptions {
  bool live = false;
  bool only_differences = false;
};
// The whole job, for all regions of the command line at once.
ExitCode dump_table(Session& session, const DumpTableOptions& options);

}  // namespace region_tools
