// What the operations that show an extent have in common: opening it, whatever state it is in, and
// reading its blocks past those that cannot be read.

#pragma once

#include <functional>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/extent/extent_reader.h"
#include "libregion/ops/walk.h"

namespace libregion {

// Reads the blocks and visits each that can be read, in order. After a read that fails, blocks are
// tried one by one for a while, so that one bad sector hides no more than its own block;
// `skip` is told of each that is left out.
void read_past_errors(ExtentReader& reader, BlockRange range,
                      const std::function<void(const BlockRecord&)>& visit,
                      const std::function<void(std::uint64_t block, const Error&)>& skip);

// Blocks of one extent that are read step by step, while somebody waits.
struct WatchedRange {
  BlockRange blocks;
  std::uint32_t shift = 0;       // of the block size
  Progress* progress = nullptr;  // told of each step's bytes; nullptr: nobody waits
};
void for_each_step(const WatchedRange& range, const std::function<void(BlockRange)>& read);

// What came of a number of visits.
struct VisitTotals {
  std::uint64_t extent_count = 0;
  std::uint64_t block_count = 0;  // looked at
  std::uint64_t read_bytes = 0;
  bool has_io_errors = false;
  bool has_changed = false;  // somebody used an extent while it was read
  bool stopped = false;      // before all extents were looked at

  void add(const VisitTotals& part);
};

// One extent while it is looked at. What stands in the way of that is reported as findings.
class ExtentVisit {
 public:
  ExtentVisit(const Region& region, const Leaf& leaf, ExtentId extent, Reporter& reporter,
              Progress* progress)
      : region_(region), leaf_(leaf), extent_(extent), reporter_(reporter), progress_(progress) {
    totals_.extent_count = 1;
  }

  [[nodiscard]] const Region& region() const { return region_; }
  [[nodiscard]] ExtentId extent() const { return extent_; }
  [[nodiscard]] ExtentParts parts() const { return leaf_.parts_of(extent_); }
  // That the extent's files are in. nullptr where there is none.
  [[nodiscard]] Directory* directory() const { return leaf_.directory(); }
  [[nodiscard]] Reporter& reporter() { return reporter_; }
  [[nodiscard]] VisitTotals& totals() { return totals_; }

  [[nodiscard]] WatchedRange watched(BlockRange blocks) const {
    return {blocks, region_.definition.geometry.shift(), progress_};
  }
  // So much was read of it: counts that, and tells the progress.
  void add_read(std::uint64_t length_bytes);

  // Opens the extent. nullptr where its blocks cannot be looked at.
  ExtentReader* open();
  // Reads what it says of itself as a whole. Returns the file of a raw extent; nullptr where it is
  // a SQLite one, or cannot be opened.
  const File* open_raw_file();
  // Does the work; where the disk fails, reports that. Nothing is reported by the work itself: a
  // failure to do so would be taken for one of the disk.
  void guard(const std::function<void()>& work);

  void report(const std::vector<Finding>& findings);
  // The record of the extent, with what is known of it by now; the number of findings is added.
  void report_extent(std::vector<ReportField> fields);
  // The last thing: reports it where somebody has opened the extent meanwhile.
  void check_lease();

 private:
  [[nodiscard]] bool can_be_opened();
  void report(FindingId id, std::string found = {});

  const Region& region_;
  const Leaf& leaf_;
  ExtentId extent_;
  Reporter& reporter_;
  Progress* progress_;
  std::unique_ptr<ExtentReader> reader_;
  std::vector<std::unique_ptr<File>> files_;  // open and claimed without a reader
  VisitTotals totals_;
  std::uint64_t finding_count_ = 0;
};

// Visits the extents that a walk selects, in order, and adds up what came of it.
VisitTotals visit_extents(const Region& region, const WalkOptions& walk, Progress* progress,
                          Reporter& reporter, const std::function<void(ExtentVisit&)>& visit);

}  // namespace libregion
