#include "libregion/ops/undo.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/ops/extent_probe.h"
#include "libregion/region/extent_copy.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

constexpr std::array file_parts = {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal,
                                   ExtentPart::db_shm};

class OneRestoration {
 public:
  explicit OneRestoration(const Restoration& of)
      : of_(of), section_(of.section), geometry_(of.region.definition.geometry) {}

  RestoreOutcome run() {
    switch (section_.change) {
      case UndoChange::in_place: return undo_in_place();
      case UndoChange::replaced: return undo_replacement();
      case UndoChange::finished: break;
    }
    return undo_finishing();
  }

  // Whether the .replace that this section is of is there: not finished yet, or made anew.
  [[nodiscard]] bool has_own_replacement() const {
    return section_.change == UndoChange::finished && has(ExtentPart::replace) &&
           hash_of_pending() == section_.hash_after;
  }

 private:
  [[nodiscard]] std::string name_of(ExtentPart part) const {
    return extent_file_name(section_.extent, part);
  }
  [[nodiscard]] bool has(ExtentPart part) const {
    return of_.leaf.status_of(name_of(part)).has_value();
  }

  // ---- in place ---------------------------------------------------------------------------------

  RestoreOutcome undo_in_place() {
    bool differs = false;
    if (const SavedFile* saved = section_.file(ExtentPart::data)) {
      if (!has(ExtentPart::data) || has(ExtentPart::db) || has(ExtentPart::replace)) {
        return RestoreOutcome::changed_since;
      }
      const auto file = open_file_in(of_.leaf, name_of(ExtentPart::data), access());
      of_.region.use->claim(*file);
      std::vector<Patch> patches;
      for (const SavedRange& range : saved->ranges) {
        patches.push_back({range.offset_bytes, of_.read(range)});
      }
      const bool is_theirs = file->status().size_bytes == saved->size_bytes &&
                             hash_of_tail(*file, geometry_, patches) == section_.hash_before;
      if (!is_theirs) return RestoreOutcome::changed_since;
      differs = hash_of_tail(*file, geometry_) != section_.hash_before;
      if (differs && !of_.dry_run) {
        for (const Patch& patch : patches) file->write(patch.offset_bytes, patch.bytes);
      }
      // That it is so already may be so in memory only.
      if (!of_.dry_run) file->sync();
    }
    for (const ExtentPart part : {ExtentPart::db_wal, ExtentPart::db_shm}) {
      if (const SavedFile* saved = section_.file(part)) differs |= restore_log(*saved);
    }
    if (!of_.dry_run) of_.leaf.sync();
    return differs ? RestoreOutcome::restored : RestoreOutcome::was_so_already;
  }

  // It means nothing without its database: what a crash left of it is written over.
  bool restore_log(const SavedFile& saved) {
    const std::string name = name_of(saved.part);
    if (of_.leaf.status_of(name) && holds(saved, *open_file_in(of_.leaf, name, Access::read))) {
      return false;
    }
    if (of_.dry_run) return true;
    const auto like = of_.leaf.status_of(name_of(ExtentPart::data));
    const auto file =
        of_.leaf.status_of(name)
            ? open_file_in(of_.leaf, name, Access::read_write)
            : of_.leaf.create_file(name, like ? std::optional(like->ownership) : std::nullopt);
    file->resize(saved.size_bytes);
    for (const SavedRange& range : saved.ranges) file->write(range.offset_bytes, of_.read(range));
    file->sync();
    return true;
  }

  // ---- replaced ---------------------------------------------------------------------------------

  RestoreOutcome undo_replacement() {
    if (has(ExtentPart::replace)) {
      // The repair's, or that of an undo that was interrupted; where there was nothing before, an
      // undo builds none.
      const std::uint64_t pending = hash_of_pending();
      const bool is_ours = pending == section_.hash_after ||
                           (pending == section_.hash_before && !section_.files.empty());
      if (!is_ours) return RestoreOutcome::changed_since;
      if (of_.dry_run) return RestoreOutcome::restored;
      finish_replacement(of_.leaf, section_.extent, parts_in(of_.leaf, section_.extent),
                         *of_.region.use);
    }
    if (!of_.dry_run) {
      remove_leftovers(of_.leaf, section_.extent, parts_in(of_.leaf, section_.extent));
    }
    if (is_so_already()) return RestoreOutcome::was_so_already;
    if (hash_of_state(of_.leaf, section_.extent, geometry_) != section_.hash_after) {
      return RestoreOutcome::changed_since;
    }
    if (of_.dry_run) return RestoreOutcome::restored;
    remove_new_files();
    if (!section_.files.empty()) rebuild();
    return RestoreOutcome::restored;
  }

  [[nodiscard]] std::uint64_t hash_of_pending() const {
    return hash_of_state(*open_directory_in(of_.leaf, name_of(ExtentPart::replace)),
                         section_.extent, geometry_);
  }

  [[nodiscard]] bool is_so_already() const {
    for (const ExtentPart part : file_parts) {
      const SavedFile* saved = section_.file(part);
      if (has(part) != (saved != nullptr)) return false;
      if (saved != nullptr && !holds(*saved, *open_file_in(of_.leaf, name_of(part), Access::read)))
        return false;
    }
    return hash_of_state(of_.leaf, section_.extent, geometry_) == section_.hash_before;
  }

  [[nodiscard]] bool holds(const SavedFile& saved, const File& file) const {
    if (file.status().size_bytes != saved.size_bytes) return false;
    return std::all_of(saved.ranges.begin(), saved.ranges.end(), [&](const SavedRange& range) {
      return file.read(range.offset_bytes, range.length_bytes) == of_.read(range);
    });
  }

  // What was not there before the repair. Of an extent that keeps its database only the data file
  // goes first: until that is as it was, the state is the repaired one.
  void remove_new_files() {
    bool is_changed = false;
    for (const ExtentPart part : file_parts) {
      const bool goes = section_.files.empty() || part == ExtentPart::data;
      if (!goes || section_.file(part) != nullptr || !has(part)) continue;
      of_.region.use->claim(*open_file_in(of_.leaf, name_of(part), Access::read_write));
      of_.leaf.remove_file(name_of(part));
      is_changed = true;
    }
    if (is_changed) of_.leaf.sync();
  }

  void rebuild() {
    {
      ExtentCopy copy(of_.leaf, section_.extent);
      for (const SavedFile& saved : section_.files) build(saved, copy);
      copy.commit();
    }
    finish_replacement(of_.leaf, section_.extent, parts_in(of_.leaf, section_.extent),
                       *of_.region.use);
  }

  void build(const SavedFile& saved, ExtentCopy& copy) {
    const auto current =
        has(saved.part) ? open_file_in(of_.leaf, name_of(saved.part), Access::read) : nullptr;
    File& file = copy.create(saved.part, ownership_like(current.get()));
    if (!saved.is_whole()) {
      const std::uint64_t kept_bytes = std::min(current->status().size_bytes, saved.size_bytes);
      current->copy_to(file, {{0, kept_bytes}, 0});
    }
    file.resize(saved.size_bytes);
    for (const SavedRange& range : saved.ranges) {
      const Bytes bytes = of_.read(range);
      // What is zero stays a hole.
      if (!saved.is_whole() || !all_zero(bytes)) file.write(range.offset_bytes, bytes);
    }
  }

  // ---- a replacement that was finished ----------------------------------------------------------

  RestoreOutcome undo_finishing() {
    bool differs = false;
    if (!has_own_replacement()) {
      const bool is_theirs =
          !has(ExtentPart::replace) &&
          hash_of_state(of_.leaf, section_.extent, geometry_) == section_.hash_after;
      if (!is_theirs) return RestoreOutcome::changed_since;
      if (of_.dry_run) return RestoreOutcome::restored;
      remove_leftovers(of_.leaf, section_.extent, parts_in(of_.leaf, section_.extent));
      make_replacement();
      differs = true;
    }
    for (const ExtentPart part : file_parts) differs |= restore_in_place(part);
    if (!of_.dry_run) of_.leaf.sync();
    return differs ? RestoreOutcome::restored : RestoreOutcome::was_so_already;
  }

  void make_replacement() {
    ExtentCopy copy(of_.leaf, section_.extent);
    for (const ExtentPart part : file_parts) {
      if (!section_.replacement.has(part) || !has(part)) continue;
      const auto current = open_file_in(of_.leaf, name_of(part), Access::read);
      const FileStatus status = current->status();
      current->copy_to(copy.create(part, status.ownership), {{0, status.size_bytes}, 0});
    }
    copy.commit();
  }

  bool restore_in_place(ExtentPart part) {
    const SavedFile* saved = section_.file(part);
    const std::string name = name_of(part);
    if (saved == nullptr) {
      if (!has(part)) return false;
      if (!of_.dry_run) of_.leaf.remove_file(name);
      return true;
    }
    if (has(part) && holds(*saved, *open_file_in(of_.leaf, name, Access::read))) return false;
    if (of_.dry_run) return true;
    const auto file = has(part) ? open_file_in(of_.leaf, name, Access::read_write)
                                : of_.leaf.create_file(name, ownership_like(nullptr));
    of_.region.use->claim(*file);
    file->resize(saved->size_bytes);
    for (const SavedRange& range : saved->ranges) file->write(range.offset_bytes, of_.read(range));
    file->sync();
    return true;
  }

  // A file that is not there any more is made like one that is.
  [[nodiscard]] Ownership ownership_like(const File* current) const {
    if (current != nullptr) return current->status().ownership;
    for (const ExtentPart part : file_parts) {
      if (const auto status = of_.leaf.status_of(name_of(part))) return status->ownership;
    }
    return of_.region.root->status_of(definition_name)->ownership;
  }

  [[nodiscard]] Access access() const { return of_.dry_run ? Access::read : Access::read_write; }

  const Restoration& of_;
  const UndoSection& section_;
  Geometry geometry_;
};

class Undoing {
 public:
  Undoing(const Region& region, const SavedRepair& saved, const UndoOptions& options,
          Reporter& reporter)
      : region_(region), read_(saved.read), options_(options), reporter_(reporter) {
    for (const UndoSection& section : saved.sections) {
      sections_[section.extent].push_back(&section);
    }
  }

  UndoSummary run() {
    for (const auto& [extent, sections] : sections_) probe(extent);
    for (const auto& [extent, sections] : sections_) {
      if (options_.stop != nullptr && *options_.stop) {
        summary_.stopped = true;
        break;
      }
      undo(extent, sections);
      if (options_.progress != nullptr) options_.progress->advance(1, 0);
    }
    return summary_;
  }

 private:
  using Sections = std::vector<const UndoSection*>;

  void probe(ExtentId extent) const {
    const Leaf leaf = Leaf::open(region_, leaf_of(extent));
    if (leaf.directory() == nullptr) {
      throw Error(ErrorKind::failed,
                  describe_failure({"open", region_.path + "/" + leaf_directory_path(leaf.id())},
                                   "no such directory"));
    }
    for (const ExtentPart part : {ExtentPart::data, ExtentPart::db}) {
      if (!leaf.parts_of(extent).has(part)) continue;
      (void)probe_extent_file(region_, *leaf.directory(), extent, part);
    }
  }

  // What was saved last is taken back first.
  void undo(ExtentId extent, const Sections& sections) {
    const Leaf leaf = Leaf::open(region_, leaf_of(extent));
    bool is_restored = false;
    bool is_left = false;
    auto section = sections.rbegin();
    // All that came after it is taken back already.
    const Restoration first{region_, *leaf.directory(), *sections.front(), read_};
    if (OneRestoration(first).has_own_replacement()) section = std::prev(sections.rend());
    for (; section != sections.rend() && !is_left; ++section) {
      const RestoreOutcome outcome =
          restore_extent({region_, *leaf.directory(), **section, read_, options_.dry_run});
      is_restored |= outcome == RestoreOutcome::restored;
      is_left = outcome == RestoreOutcome::changed_since;
      // Without doing it nobody can see what the sections before it would have to do.
      if (options_.dry_run && is_restored) break;
    }
    report(extent, is_left ? "left" : is_restored ? "restored" : "none");
    ++summary_.extent_count;
    summary_.left_count += is_left ? 1U : 0U;
    summary_.restored_count += is_restored && !is_left ? 1U : 0U;
  }

  void report(ExtentId extent, std::string_view action) {
    const bool is_left = action == "left";
    if (is_left) {
      Finding finding{FindingId::changed_since_repair, extent, extent_path(extent)};
      reporter_.finding(finding);
    }
    const ExtentParts parts = Leaf::open(region_, leaf_of(extent)).parts_of(extent);
    ExtentRecord record{extent, extent_path(extent),
                        parts.empty() ? "unknown" : format_name(format_of(parts))};
    record.fields = {{"action", action},
                     {options_.dry_run ? "would_change" : "changed", action == "restored"},
                     {"findings", std::uint64_t{is_left ? 1U : 0U}}};
    reporter_.extent(record);
  }

  const Region& region_;
  const ReadSaved& read_;
  const UndoOptions& options_;
  Reporter& reporter_;
  std::map<ExtentId, Sections> sections_;
  UndoSummary summary_;
};

}  // namespace

RestoreOutcome restore_extent(const Restoration& restoration) {
  return OneRestoration(restoration).run();
}

UndoSummary undo_repair(const Region& region, const SavedRepair& saved, const UndoOptions& options,
                        Reporter& reporter) {
  return Undoing(region, saved, options, reporter).run();
}

UndoSummary undo_repair(const Region& region, const UndoFile& undo, const UndoOptions& options,
                        Reporter& reporter) {
  if (undo.uuid() != region.definition.uuid) {
    throw Error(ErrorKind::usage, fmt::format("'{}' is of the region {}, not of '{}'", undo.path(),
                                              to_text(undo.uuid()), region.path));
  }
  const ReadSaved read = [&](const SavedRange& range) { return undo.read(range); };
  return undo_repair(region, SavedRepair{undo.sections(), read}, options, reporter);
}

}  // namespace libregion
