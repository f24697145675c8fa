// Every operation, with something that comes in between at every place where it looks at a file or
// a directory: it says so, and another run finds everything as it would have been.

#include <cerrno>
#include <functional>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/ops/bundle.h"
#include "libregion/ops/compare.h"
#include "libregion/ops/defragment.h"
#include "libregion/ops/dump.h"
#include "libregion/ops/dump_inventory.h"
#include "libregion/ops/dump_layout.h"
#include "libregion/ops/dump_raw.h"
#include "libregion/ops/dump_slots.h"
#include "libregion/ops/export.h"
#include "libregion/ops/migrate_into.h"
#include "libregion/ops/repair.h"
#include "libregion/ops/salvage.h"
#include "libregion/ops/undo_log.h"
#include "libregion/ops/verify_replicas.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/ops/hooked_file_system.h"
#include "tests/unit/ops/run_region.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

// ---- the disk -----------------------------------------------------------------------------------

// A region with something for every operation to do at /r, its replicas at /d and /e, and what a
// repair of /e has saved.
MemoryFileSystem& disk() {
  static MemoryFileSystem memory;
  if (memory.exists("/r")) return memory;
  TestRegion region({512, 8, 6});
  region.put_raw_everywhere();
  memory.load(region.path(), "/d");
  memory.load(region.path(), "/e");
  region.put_raw(0, region.raw().write_all(ContextSlot::A).select(3, ContextSlot::B));
  region.put_raw(1, region.raw().write_all().corrupt_data(2));
  region.make_directory("00/000/002.replace");
  region.put_file("00/000/002.replace/002", region.raw().write_all(ContextSlot::A).bytes());
  region.make_directory("00/000/003.copy");
  region.put_file("00/000/003.copy/003", std::string_view("half a file"));
  region.remove("00/000/004");
  region.put_sqlite(4, 5);
  region.remove("00/000/005");
  const auto service = region.make_sqlite(5);
  service->write(2, region.data_for(2));
  service->die();
  memory.load(region.path(), "/r");
  memory.add_directory("/out");
  memory.settle();
  return memory;
}

// ---- the operations -----------------------------------------------------------------------------

struct Ending {
  bool is_told = false;  // something could not be read, has changed, or was not looked at
  bool is_stopped = false;
};

using Stop = std::atomic<bool>;

class NoComparison : public ComparisonReporter {
 public:
  void finding(std::size_t /*replica*/, const Finding& finding) override {
    is_told |= finding.id == FindingId::io_error;
  }
  void extent(const DumpRow& /*row*/) override {}
  void blocks(const BlockComparison& /*comparison*/) override {}
  bool is_told = false;
};

struct Named {
  std::string name;
  std::function<Ending(FileSystem&, const Stop&, Reporter&)> run;
  bool changes = false;  // the region
};

Region open_at(FileSystem& file_system, const std::string& path, Access access = Access::read) {
  auto opened = open_region(file_system, path, {access, false, 0});
  if (!opened.region) throw Error(ErrorKind::failed, opened.findings.front().found);
  return std::move(*opened.region);
}

bool any_failed(const std::vector<std::optional<Error>>& failures) {
  return std::any_of(failures.begin(), failures.end(),
                     [](const auto& failure) { return failure.has_value(); });
}

Ending ending_of(const VisitTotals& totals) {
  return {totals.has_io_errors || totals.has_changed, totals.stopped};
}

WalkOptions walk_until(const Stop& stop) {
  WalkOptions walk;
  walk.stop = &stop;
  return walk;
}

std::vector<Named> looking_operations() {
  return {
      {"verify",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const auto summary = verify_region(open_at(files, "/r"), {walk_until(stop)}, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, summary.stopped};
       }},
      {"verify of replicas",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const Region a = open_at(files, "/r");
         const Region b = open_at(files, "/d");
         const std::vector<DumpReplica> replicas = {{&a, &reporter}, {&b, &reporter}};
         const auto summary = verify_replicas(replicas, {walk_until(stop)});
         Ending ending{any_failed(summary.failures), summary.stopped};
         for (const VerifySummary& one : summary.replicas) {
           ending.is_told |= one.has_io_errors || one.has_changed;
         }
         return ending;
       }},
      {"comparison",
       [](FileSystem& files, const Stop& stop, Reporter& /*reporter*/) {
         const Region a = open_at(files, "/r");
         const Region b = open_at(files, "/d");
         const std::vector<const Region*> replicas = {&a, &b};
         NoComparison reporter;
         const auto summary = compare_replicas(replicas, {walk_until(stop)}, reporter);
         Ending ending = ending_of(summary.totals);
         ending.is_told |= any_failed(summary.failures) || reporter.is_told;
         return ending;
       }},
      {"dump",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const Region a = open_at(files, "/r");
         const Region b = open_at(files, "/d");
         const std::vector<DumpReplica> replicas = {{&a, &reporter}, {&b, &reporter}};
         const auto summary = dump_regions(replicas, {walk_until(stop)}, [](const DumpRow&) {});
         Ending ending{false, summary.stopped};
         for (const DumpTotals& one : summary.totals) {
           ending.is_told |= one.has_io_errors || one.has_changed || one.failure;
         }
         return ending;
       }},
      {"dump of slots",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         return ending_of(dump_slots(open_at(files, "/r"), walk_until(stop), nullptr, reporter));
       }},
      {"dump of bytes",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         return ending_of(dump_raw(open_at(files, "/r"), walk_until(stop), nullptr, reporter));
       }},
      {"inventory",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         return ending_of(
             take_inventory(open_at(files, "/r"), walk_until(stop), nullptr, reporter).totals);
       }},
      {"layout",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         return Ending{false,
                       dump_layout(open_at(files, "/r"), walk_until(stop), reporter).stopped};
       }},
  };
}

std::vector<Named> copying_operations() {
  return {
      {"export",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         ExportOptions options{walk_until(stop)};
         options.on_bad = OnBad::keep;
         const auto image = make_file_target(files, "/out/image", {});
         const auto summary = export_region(open_at(files, "/r"), *image, options, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, summary.stopped};
       }},
      {"export without a check",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         ExportOptions options{walk_until(stop)};
         options.on_bad = OnBad::keep;
         options.check = false;
         const auto image = make_file_target(files, "/out/image", {});
         const auto summary = export_region(open_at(files, "/r"), *image, options, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, summary.stopped};
       }},
      {"salvage",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const Region a = open_at(files, "/r");
         const Region b = open_at(files, "/d");
         const auto image = make_file_target(files, "/out/image", {});
         const auto summary = salvage(ReplicaSet({&a, &b}), *image, {walk_until(stop)}, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, summary.stopped};
       }},
      {"bundle",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         BundleOptions options{"test", "0"};
         options.stop = &stop;
         const auto summary = write_bundle(
             open_at(files, "/r"), options, [](ByteView) {}, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, false};
       }},
      {"dry repair",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const Region replica = open_at(files, "/d");
         RepairOptions options{walk_until(stop)};
         options.replicas = {&replica};
         const auto summary = repair_region(open_at(files, "/r"), options, reporter);
         return Ending{summary.has_io_errors || summary.left_count > 0, summary.stopped};
       }},
      {"migration into a new region",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         MigrateIntoOptions options;
         options.migrate.walk = walk_until(stop);
         options.target = "/out/n";
         const auto summary = migrate_region_into(files, open_at(files, "/r"), options, reporter);
         return Ending{summary.has_io_errors || summary.has_changed, summary.stopped};
       }},
  };
}

std::vector<Named> changing_operations() {
  return {
      {"defragmentation",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const auto summary = defragment_region(open_at(files, "/r", Access::read_write),
                                                {walk_until(stop)}, reporter);
         return Ending{summary.has_io_errors, summary.stopped};
       },
       true},
      {"migration",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const auto summary =
             migrate_region(open_at(files, "/r", Access::read_write), {walk_until(stop)}, reporter);
         return Ending{summary.has_io_errors || summary.left_count > 0, summary.stopped};
       },
       true},
      {"import",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         // Of all extents.
         InputStream image(path_of_random_file(6 * 8 * 512), &stop);
         ImportOptions options;
         options.image = &image;
         options.stop = &stop;
         const auto summary =
             import_image(open_at(files, "/d", Access::read_write), options, reporter);
         return Ending{summary.has_io_errors || summary.left_count > 0, summary.stopped};
       },
       true},
      {"repair",
       [](FileSystem& files, const Stop& stop, Reporter& reporter) {
         const Region replica = open_at(files, "/d");
         RepairOptions options{walk_until(stop)};
         options.dry_run = false;
         options.replicas = {&replica};
         const Region region = open_at(files, "/r", Access::read_write);
         options.undo_path = UndoLog::default_path(files, "/out/r", region.definition.uuid);
         options.undo_file_system = &files;
         const auto summary = repair_region(region, options, reporter);
         return Ending{summary.has_io_errors || summary.left_count + summary.put_back_count > 0,
                       summary.stopped};
       },
       true},
  };
}

std::vector<Named> all_operations() {
  std::vector<Named> all = looking_operations();
  for (Named& one : copying_operations()) all.push_back(std::move(one));
  for (Named& one : changing_operations()) all.push_back(std::move(one));
  return all;
}

// ---- what comes in between ----------------------------------------------------------------------

struct Outcome {
  Ending ending;
  std::optional<ErrorKind> threw;
  std::string message;
  bool has_error = false;  // a finding of severity error
};

Outcome run(const Named& operation, FileSystem& file_system, const Stop& stop) {
  Outcome outcome;
  ListReporter reporter(nullptr);
  try {
    outcome.ending = operation.run(file_system, stop, reporter);
  } catch (const Error& error) {
    outcome.threw = error.kind();
    outcome.message = error.what();
  }
  outcome.has_error = reporter.error_count > 0;
  return outcome;
}

// Runs the operation once for each place, and there `disturb`; `check` then sees what came of it.
// A place is a file that is opened, a part of it that is read, or a directory.
struct Disturbance {
  std::function<void(MemoryFileSystem&, Stop&, const std::string& path)> disturb;
  bool at_opens = true;
  bool at_reads = true;
  bool at_directories = true;
  bool lasts = false;             // at the same path
  std::uint64_t first_place = 0;  // and from there on, so many
  std::uint64_t places_max = ~std::uint64_t{0};
};

void at_each_place(const Named& operation, const Disturbance& what,
                   const std::function<void(MemoryFileSystem&, const Outcome&)>& check) {
  for (std::uint64_t tries = 0; tries < what.places_max; ++tries) {
    const std::uint64_t place = what.first_place + tries;
    const auto memory = disk().copy();
    HookedFileSystem hooked(*memory);
    Stop stop{false};
    std::uint64_t seen = 0;
    std::string where;
    const auto see = [&](const std::string& path) {
      const bool is_there = seen++ == place;
      if (!is_there && !(what.lasts && path == where)) return;
      where = path;
      what.disturb(*memory, stop, path);
    };
    if (what.at_opens) hooked.hooks.before_open = see;
    if (what.at_reads) {
      hooked.hooks.before_read = [&](const std::string& path, std::uint64_t) { see(path); };
    }
    if (what.at_directories) hooked.hooks.before_directory = see;
    const Outcome outcome = run(operation, hooked, stop);
    if (seen <= place) return;
    INFO(operation.name, ", disturbed at place ", place, ": ", where, ": ", outcome.message);
    check(*memory, outcome);
  }
}

// Whatever was done by then, nothing is in the way of the next run.
void check_next_run(MemoryFileSystem& memory, const Named& operation) {
  memory.restart();
  const Stop stop{false};
  const Outcome outcome = run(operation, memory, stop);
  INFO("the next run: ", outcome.message);
  CHECK_FALSE(outcome.threw.has_value());
  CHECK_FALSE(outcome.ending.is_told);
}

TEST_CASE("undisturbed, every operation comes to its end") {
  for (const Named& operation : all_operations()) {
    CAPTURE(operation.name);
    const auto memory = disk().copy();
    const Stop stop{false};
    const Outcome outcome = run(operation, *memory, stop);
    CAPTURE(outcome.message);
    CHECK_FALSE(outcome.threw.has_value());
    CHECK_FALSE(outcome.ending.is_told);
    CHECK_FALSE(outcome.ending.is_stopped);
    if (!operation.changes) {
      CHECK(difference(disk().tree("/r"), memory->tree("/r")) == "");
    }
  }
}

TEST_CASE("a file that somebody has a lease on is in use, wherever it is opened") {
  Disturbance lease;
  lease.disturb = [](MemoryFileSystem&, Stop&, const std::string& path) {
    throw Error(ErrorKind::in_use, "'" + path + "' is in use");
  };
  lease.at_reads = lease.at_directories = false;
  for (const Named& operation : all_operations()) {
    at_each_place(operation, lease, [&](MemoryFileSystem& memory, const Outcome& outcome) {
      if (outcome.threw) {
        CHECK(outcome.threw == ErrorKind::in_use);
      } else {
        CHECK(outcome.ending.is_told);
      }
      if (operation.changes) check_next_run(memory, operation);
    });
  }
}

TEST_CASE("what cannot be opened or read is told, wherever it is") {
  Disturbance failure;
  failure.disturb = [](MemoryFileSystem&, Stop&, const std::string& path) {
    throw_system_error(EIO, {"openat", path});
  };
  failure.lasts = true;
  for (const Named& operation : all_operations()) {
    at_each_place(operation, failure, [&](MemoryFileSystem& memory, const Outcome& outcome) {
      if (outcome.threw) {
        CHECK(outcome.threw == ErrorKind::failed);
      } else if (operation.name != "dry repair") {
        // That one may find all it needs in the replica.
        CHECK(outcome.ending.is_told);
      }
      if (operation.changes) check_next_run(memory, operation);
    });
  }
}

TEST_CASE("a stop ends every operation, and the next run goes on") {
  Disturbance stop_at;
  stop_at.disturb = [](MemoryFileSystem&, Stop& stop, const std::string&) { stop = true; };
  for (const Named& operation : all_operations()) {
    at_each_place(operation, stop_at, [&](MemoryFileSystem& memory, const Outcome& outcome) {
      if (outcome.threw) CHECK(outcome.threw == ErrorKind::stopped);
      CHECK_FALSE(outcome.ending.is_told);
      if (operation.changes) check_next_run(memory, operation);
    });
  }
}

TEST_CASE("a file that somebody opens meanwhile is told, or given up and then done") {
  Disturbance opening;
  opening.disturb = [](MemoryFileSystem& memory, Stop&, const std::string& path) {
    memory.open_elsewhere(path, Access::read_write);
    memory.close_elsewhere(path);
  };
  opening.at_opens = opening.at_directories = false;
  for (const Named& operation : all_operations()) {
    if (operation.changes) {
      // They wait for a second until the other is done. The first read is of region.json.
      opening.first_place = 1;
      opening.places_max = 1;
    }
    at_each_place(operation, opening, [&](MemoryFileSystem& memory, const Outcome& outcome) {
      if (outcome.threw) CHECK(outcome.threw == ErrorKind::in_use);
      if (operation.changes) check_next_run(memory, operation);
    });
  }
}

}  // namespace
}  // namespace libregion
