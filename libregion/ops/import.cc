#include "libregion/ops/import.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/raw_extent.h"
#include "libregion/io/durable.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/ops/extent_rebuild.h"
#include "libregion/ops/import_check.h"
#include "libregion/ops/parallel.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

// Extents that share a sync. Of each two files and a directory are open at the same time.
constexpr std::uint64_t batch_extents_max = 128;
// So much is built at most before it is put in place.
constexpr std::uint64_t batch_bytes_max = std::uint64_t{1} << 30;

// What is done to one extent.
struct Job {
  ExtentId extent;
  ExtentParts parts;
  std::vector<Finding> findings;
  std::optional<ExtentMetadata> metadata;

  bool replaces = false;           // a replacement that was pending is put in place
  bool removes_leftovers = false;  // .copy, .completed
  bool rebuilds = false;
  bool is_left = false;  // because of damage
  std::uint64_t image_blocks = 0;
  std::uint64_t written_blocks = 0;

  std::unique_ptr<ExtentReader> old;  // open and claimed until the batch is done
  File* data_file = nullptr;          // that it reads
  bool has_copy = false;              // .copy is there, and ours
  std::unique_ptr<Directory> copy_directory;
  std::unique_ptr<File> copy;  // the extent built anew

  [[nodiscard]] bool changes() const { return rebuilds || replaces || removes_leftovers; }
};

std::string_view action_of(const Job& job) {
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

  void check_stop() const {
    if (is_stopped()) throw Error(ErrorKind::stopped, "stopped on request");
  }

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
      Job job;
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

  void check_space() const {
    const std::uint64_t needed_bytes = 2 * file_bytes_;
    const std::uint64_t free_bytes = region_.root->free_bytes();
    if (needed_bytes <= free_bytes) return;
    throw Error(ErrorKind::failed,
                fmt::format("'{}': no space to build an extent anew: expected {} free, found {}",
                            region_.path, human_size(needed_bytes), human_size(free_bytes)));
  }

  void run_batch(const Leaf& leaf, std::uint64_t end) {
    Directory& directory = *leaf.directory();
    std::vector<Job> batch;
    const std::uint64_t size = std::min(batch_size(), end - next_extent_);
    while (batch.size() < size && !is_awaited(batch) && image_goes_on()) {
      Job job;
      job.extent = ExtentId{next_extent_ + static_cast<std::uint32_t>(batch.size())};
      job.parts = leaf.parts_of(job.extent);
      finish_repairs(directory, job);
      if (!build_or_remove(directory, batch, std::move(job))) break;
    }
    if (!options_.dry_run) commit(directory, batch);

    std::vector<ExtentId> awaited;
    for (Job& job : batch) {
      if (has_broken_lease(*job.old)) awaited.push_back(job.extent);
      job.old.reset();  // closing the file gives up its lease
      report(job);
      ++next_extent_;
    }
    if (!awaited.empty()) yield_to_others(region_, directory, awaited);
  }

  static bool is_awaited(const std::vector<Job>& batch) {
    return std::any_of(batch.begin(), batch.end(),
                       [](const Job& job) { return has_broken_lease(*job.old); });
  }

  void finish_repairs(Directory& directory, Job& job) const {
    job.replaces = job.parts.has(ExtentPart::replace);
    job.removes_leftovers = job.parts.has(ExtentPart::copy) || job.parts.has(ExtentPart::completed);
    if (options_.dry_run) return;
    remove_leftovers(directory, job.extent, job.parts);
    if (job.replaces) finish_replacement(directory, job.extent, job.parts, *region_.use);
  }

  // Nothing that is built here outlasts a failure. False where it was stopped in this extent.
  bool build_or_remove(Directory& directory, std::vector<Job>& batch, Job job) {
    batch.push_back(std::move(job));
    try {
      build(directory, batch.back());
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::stopped) {
        summary_.stopped = true;
        remove_copy(directory, batch.back());
        batch.pop_back();
        return false;
      }
      remove_copies_after_failure(directory, batch);
      throw;
    }
  }

  void build(Directory& directory, Job& job) {
    if (job.replaces && options_.dry_run) {
      // By then the extent would be what the replacement is.
      open_old(*open_replacement(directory, job.extent).directory, job);
    } else {
      open_old(directory, job);
    }
    RebuildOptions options;
    options.first_block = range_.blocks_of(job.extent).first;
    options.skip_zeros = options_.skip_zeros;
    options.make_file = [&] {
      check_space();
      return options_.dry_run ? nullptr : make_copy(directory, job);
    };
    RebuildResult result =
        rebuild_extent(region_.definition, job.extent, *job.old, image_, options);
    // The image may have ended here because whoever made it was stopped with us.
    if (result.image_blocks < range_.blocks_of(job.extent).count) check_stop();
    job.image_blocks = result.image_blocks;
    if (!result.errors.empty()) {
      job.is_left = true;
      job.findings = std::move(result.errors);
      return remove_copy(directory, job);
    }
    job.rebuilds = result.differs();
    job.written_blocks = result.written_blocks;
    job.metadata = result.metadata;
  }

  // What check_import had nothing against.
  void open_old(const Directory& directory, Job& job) const {
    auto file = open_file_in(directory, extent_file_name(job.extent),
                             options_.dry_run ? Access::read : Access::read_write);
    region_.use->claim(*file);
    job.data_file = file.get();
    const std::string path = file->path();
    OpenedExtent opened =
        RawExtent::open(std::move(file), geometry_, job.extent, extent_path(job.extent));
    const bool is_usable = opened.reader != nullptr && !has_error(opened.findings) &&
                           !find_obstacle(job.extent, *opened.reader->metadata());
    if (!is_usable) {
      throw Error(ErrorKind::failed,
                  describe_failure({"open", path}, "it was changed since it was looked at"));
    }
    job.old = std::move(opened.reader);
    job.metadata = job.old->metadata();
  }

  // Owner and mode are those of what stands beside it and of what it replaces.
  static File* make_copy(Directory& directory, Job& job) {
    const std::string name = extent_file_name(job.extent, ExtentPart::copy);
    directory.make_directory(name, directory.status().ownership);
    job.has_copy = true;
    job.copy_directory = open_directory_in(directory, name);
    job.copy = job.copy_directory->create_file(extent_file_name(job.extent),
                                               job.data_file->status().ownership);
    return job.copy.get();
  }

  static void remove_copy(Directory& directory, Job& job) {
    if (job.copy != nullptr) job.copy_directory->remove_file(extent_file_name(job.extent));
    job.copy.reset();
    job.copy_directory.reset();
    if (job.has_copy) directory.remove_directory(extent_file_name(job.extent, ExtentPart::copy));
  }

  // Best effort: what stays is what an interrupted repair leaves, and the next run removes it.
  static void remove_copies_after_failure(Directory& directory, std::vector<Job>& batch) {
    for (Job& job : batch) {
      try {
        remove_copy(directory, job);
      } catch (const Error&) {
      }
    }
  }

  // Steps 3 to 6 of the order above, for all extents of the batch at once.
  void commit(Directory& directory, std::vector<Job>& batch) const {
    std::vector<Job*> rebuilt;
    std::vector<File*> built;
    std::vector<File*> data_files;
    std::vector<ExtentId> extents;
    for (Job& job : batch) {
      if (job.rebuilds) {
        rebuilt.push_back(&job);
        built.push_back(job.copy.get());
        data_files.push_back(job.data_file);
        extents.push_back(job.extent);
      } else {
        // That it holds the image may be so in memory only.
        built.push_back(job.data_file);
      }
    }
    sync_files(*region_.root, built);
    if (rebuilt.empty()) return;
    for (Job* job : rebuilt) {
      job->copy_directory->sync();
      job->copy_directory.reset();
      job->copy.reset();
    }
    for (const ExtentId extent : extents) {
      directory.rename(extent_file_name(extent, ExtentPart::copy),
                       extent_file_name(extent, ExtentPart::replace));
    }
    directory.sync();
    for_each_in_parallel(options_.jobs, extents.size(), [&](std::size_t i) {
      copy_raw_replacement(directory, extents[i], *data_files[i]);
    });
    sync_files(*region_.root, data_files);
    retire_replacements(directory, extents);
  }

  // ---- reports ----------------------------------------------------------------------------------

  void report(const Job& job) {
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

  void count(const Job& job) {
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
