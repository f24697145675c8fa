#include "libregion/ops/import.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/import_batch.h"
#include "libregion/ops/import_check.h"
#include "libregion/ops/parallel.h"

namespace libregion {
namespace {

// Extents that share a sync. Of each two files and a directory are open at the same time.
constexpr std::uint64_t batch_extents_max = 128;
// So much is built at most before it is put in place.
constexpr std::uint64_t batch_bytes_max = std::uint64_t{1} << 30;

std::string_view action_of(const ImportJob& job) {
  if (job.is_left) return "left";
  if (job.rebuilds || job.replaces) return "replaced";
  return job.removes_leftovers ? "cleaned" : "none";
}

class Import {
 public:
  Import(const Region& region, const ImportOptions& options, Reporter& reporter)
      : region_(region),
        options_(options),
        reporter_(reporter),
        geometry_(region.definition.geometry),
        file_bytes_(RawLayout(region.definition.geometry).file_bytes()),
        range_(region.definition, options.first_block, options.image->size_bytes()),
        image_(*options.image, region.definition.geometry),
        next_extent_(range_.first_extent()) {}

  ImportSummary run() {
    if (region_.definition.encrypted) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is encrypted: an import would write blocks that are not",
                              region_.path));
    }
    refuse_sqlite();
    if (!check_extents()) return summary_;
    try {
      import_extents();
    } catch (const Error& error) {
      if (next_extent_ == range_.first_extent()) throw;
      throw Error(error.kind(), fmt::format("{}; extents {} to {} were done before that",
                                            error.what(), range_.first_extent(), next_extent_ - 1));
    }
    summary_.imported_bytes = image_.imported_bytes();
    return summary_;
  }

 private:
  [[nodiscard]] bool is_stopped() const { return options_.stop != nullptr && *options_.stop; }

  // ---- before the first change ------------------------------------------------------------------

  // Calls visit(leaf, first, end) for the leaves that have some of these extents, with which ones;
  // ends early where it is false.
  template <class Visit>
  void for_each_leaf(std::uint64_t first, std::uint64_t end, Visit visit) const {
    while (first < end) {
      const LeafId id = leaf_of(ExtentId{static_cast<std::uint32_t>(first)});
      const std::uint64_t leaf_end =
          std::min(end, (std::uint64_t{id.value} + 1) * extents_per_leaf);
      if (!visit(Leaf::open(region_, id), first, leaf_end)) return;
      first = leaf_end;
    }
  }

  void refuse_sqlite() const {
    for_each_leaf(range_.first_extent(), range_.end_extent(),
                  [&](const Leaf& leaf, std::uint64_t first, std::uint64_t end) {
                    for (std::uint64_t number = first; number < end; ++number) {
                      refuse_sqlite(leaf, ExtentId{static_cast<std::uint32_t>(number)});
                    }
                    return true;
                  });
  }

  void refuse_sqlite(const Leaf& leaf, ExtentId extent) const {
    if (!leaf.parts_of(extent).has(ExtentPart::db)) return;
    throw Error(ErrorKind::usage,
                fmt::format("'{}/{}' is a SQLite extent: region-migrate makes raw ones, and only "
                            "then can an image be imported",
                            region_.path, extent_path(extent)));
  }

  // Whether all extents that the image touches can take it, and nobody uses any other one. What
  // stands in the way is reported.
  bool check_extents() {
    bool is_refused = false;
    for_each_leaf(0, region_.definition.extent_count,
                  [&](const Leaf& leaf, std::uint64_t first, std::uint64_t end) {
                    summary_.stopped |= is_stopped();
                    if (summary_.stopped) return false;
                    is_refused |= !check_leaf(leaf, first, end);
                    return true;
                  });
    return !is_refused && !summary_.stopped;
  }

  bool check_leaf(const Leaf& leaf, std::uint64_t first, std::uint64_t end) {
    std::vector<ImportCheck> checks(end - first);
    for_each_in_parallel(options_.jobs, checks.size(), [&](std::size_t i) {
      const ExtentId extent{static_cast<std::uint32_t>(first + i)};
      if (is_stopped()) return;
      if (range_.has(extent)) {
        checks[i] = check_import(region_, leaf, extent, range_);
      } else {
        probe(leaf, extent);
      }
    });
    bool is_fine = true;
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (!checks[i].is_refused) continue;
      if (is_fine) report_leaf(leaf);
      is_fine = false;
      ImportJob job;
      job.extent = ExtentId{static_cast<std::uint32_t>(first + i)};
      job.is_left = true;
      job.findings = std::move(checks[i].findings);
      job.metadata = checks[i].metadata;
      summary_.has_io_errors |= checks[i].has_io_errors;
      report(job);
    }
    return is_fine;
  }

  void report_leaf(const Leaf& leaf) {
    for (const Finding& finding : leaf.findings()) {
      if (finding_info(finding.id).severity == Severity::error) reporter_.finding(finding);
    }
  }

  // What cannot be opened is not touched, so it does not matter here.
  void probe(const Leaf& leaf, ExtentId extent) const {
    for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
      if (!leaf.parts_of(extent).has(part)) continue;
      (void)probe_extent_file(region_, *leaf.directory(), extent, part);
    }
  }

  // ---- batches ----------------------------------------------------------------------------------

  void import_extents() {
    for_each_leaf(range_.first_extent(), range_.end_extent(),
                  [&](const Leaf& leaf, std::uint64_t /*first*/, std::uint64_t end) {
                    expect_directory(leaf);
                    // What an earlier run found gone, or made, must stay so from here on.
                    if (!options_.dry_run) leaf.directory()->sync();
                    while (next_extent_ < end && image_goes_on()) run_batch(leaf, end);
                    return next_extent_ == end;
                  });
    if (!image_goes_on()) return;
    throw Error(ErrorKind::failed,
                fmt::format("the image goes on behind block {}, where the region ends or the image "
                            "did when it was opened",
                            range_.end_block() - 1));
  }

  // What was there when the extents were checked.
  void expect_directory(const Leaf& leaf) const {
    // Of one that cannot be listed nobody knows what else is there.
    if (leaf.is_unreadable()) throw Error(ErrorKind::failed, leaf.findings().front().found);
    if (leaf.directory() != nullptr) return;
    throw Error(ErrorKind::failed,
                describe_failure({"open", region_.path + "/" + leaf_directory_path(leaf.id())},
                                 "it was changed since it was looked at"));
  }

  // Whoever fills a pipe may have been stopped with us: its end is then not the image's.
  bool image_goes_on() {
    bool has_more = false;
    try {
      has_more = !summary_.stopped && !is_stopped() && image_.has_more();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::stopped) throw;
    }
    summary_.stopped |= is_stopped();
    return has_more && !summary_.stopped;
  }

  // Two copies of each extent must fit: the one that is built, and the extent itself, which may
  // have had holes.
  [[nodiscard]] std::uint64_t batch_size() const {
    const std::uint64_t fitting =
        std::min(region_.root->free_bytes() / 2, batch_bytes_max) / file_bytes_;
    return std::clamp<std::uint64_t>(fitting, 1, batch_extents_max);
  }

  void run_batch(const Leaf& leaf, std::uint64_t end) {
    ImportBatch batch(region_, *leaf.directory(), options_, range_);
    const std::uint64_t size = std::min(batch_size(), end - next_extent_);
    while (batch.jobs().size() < size && !batch.is_awaited() && image_goes_on()) {
      const ExtentId extent{next_extent_ + static_cast<std::uint32_t>(batch.jobs().size())};
      if (!batch.add(extent, leaf.parts_of(extent), image_)) summary_.stopped = true;
    }
    if (!options_.dry_run) batch.commit();
    const std::vector<ExtentId> awaited = batch.close();
    for (const ImportJob& job : batch.jobs()) report(job);
    next_extent_ += static_cast<std::uint32_t>(batch.jobs().size());
    if (!awaited.empty()) yield_to_others(region_, *leaf.directory(), awaited);
  }

  // ---- reports ----------------------------------------------------------------------------------

  void report(const ImportJob& job) {
    for (const Finding& finding : job.findings) reporter_.finding(finding);
    ExtentRecord record{job.extent, extent_path(job.extent), format_name(ExtentFormat::raw)};
    record.metadata = job.metadata;
    record.fields = {{"action", action_of(job)},
                     {options_.dry_run ? "would_change" : "changed", job.changes()},
                     {"replaced", job.replaces},
                     {"first_block", range_.blocks_of(job.extent).first},
                     {"blocks", job.image_blocks},
                     {"written", job.written_blocks},
                     {"findings", std::uint64_t{job.findings.size()}}};
    reporter_.extent(record);
    count(job);
    if (options_.progress != nullptr) {
      options_.progress->advance(1, geometry_.extent_data_bytes());
    }
  }

  void count(const ImportJob& job) {
    ++summary_.extent_count;
    summary_.image_blocks += job.image_blocks;
    summary_.written_blocks += job.written_blocks;
    const std::string_view action = action_of(job);
    if (action == "left") ++summary_.left_count;
    if (action == "replaced") ++summary_.replaced_count;
    if (action == "cleaned") ++summary_.cleaned_count;
  }

  const Region& region_;
  const ImportOptions& options_;
  Reporter& reporter_;
  Geometry geometry_;
  std::uint64_t file_bytes_;
  ImportRange range_;
  ImageReader image_;
  std::uint32_t next_extent_;  // those before are done
  ImportSummary summary_;
};

}  // namespace

std::uint64_t count_import_extents(const RegionDefinition& definition,
                                   const ImportOptions& options) {
  const ImportRange range(definition, options.first_block, options.image->size_bytes());
  return range.end_extent() - range.first_extent();
}

ImportSummary import_image(const Region& region, const ImportOptions& options, Reporter& reporter) {
  return Import(region, options, reporter).run();
}

}  // namespace libregion
