// What a migration does to one extent, in place or into a new region: what is found out of it,
// what becomes of it, and how that is told.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "libregion/base/error.h"
#include "libregion/extent/open_extent.h"
#include "libregion/extent/sqlite_extent.h"
#include "libregion/ops/context_choice.h"
#include "libregion/ops/migrate.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"

namespace libregion {

struct MigrateJob {
  ExtentId extent;
  ExtentParts parts;
  ExtentFormat found_format = ExtentFormat::raw;
  std::optional<ExtentMetadata> metadata;
  std::vector<Finding> findings;

  bool is_done = false;            // looked at; false after a stop
  bool replaces = false;           // a replacement is put in place
  bool removes_leftovers = false;  // .copy, .completed
  bool removes_stray_log = false;  // of a raw extent that nothing is wrong with
  bool migrates = false;           // the tail is written, .db can go
  bool is_left = false;            // because of damage
  bool has_io_errors = false;      // that damage is something that could not be read
  std::uint64_t context_count = 0;
  std::uint64_t written_bytes = 0;
  std::unique_ptr<SqliteExtent> sqlite;  // open and claimed until the job is done

  [[nodiscard]] bool changes() const {
    return replaces || removes_leftovers || removes_stray_log || migrates;
  }
  // What means nothing without .db.
  [[nodiscard]] bool loses_log() const { return migrates || removes_stray_log; }

  void leave(std::vector<Finding> because);
  void leave_unreadable(const Error& error);
};

// "migrated", "left" and so on; "none" where nothing is done.
std::string_view action_of(const MigrateJob& job);

// .db-wal or .db-shm without a .db.
bool has_stray_log(const ExtentParts& parts);

// Finds out of an extent what a migration must know. Changes nothing: what stands in the way is
// left in the job.
class ExtentExamination {
 public:
  ExtentExamination(const Region& region, const MigrateOptions& options)
      : region_(region), options_(options) {}

  // Whether the pending replacement can be put in place.
  bool may_be_replaced(const Directory& leaf, MigrateJob& job) const;

  // Opens a SQLite extent, its data file with `access`, and chooses its contexts; nullopt where it
  // is left as it is.
  std::optional<ContextChoice> choose_contexts_of(const Directory& directory, MigrateJob& job,
                                                  Access access) const;

  // Opens and claims a raw extent; nullopt where it cannot be read, and is left as it is.
  std::optional<OpenedExtent> open_raw(const Directory& directory, MigrateJob& job) const;

 private:
  [[nodiscard]] bool is_unusable(const MigrateJob& job) const;

  const Region& region_;
  const MigrateOptions& options_;
};

// How the job is told.
struct MigrateRecordTraits {
  std::string_view action;
  bool changes = false;
  bool dry_run = false;
};
ExtentRecord record_of(const MigrateJob& job, const MigrateRecordTraits& traits);

}  // namespace libregion
