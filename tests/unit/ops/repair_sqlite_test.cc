// What a repair makes of a SQLite extent, block by block and row by row.

#include <filesystem>
#include <functional>

#include <doctest/doctest.h>

#include "libregion/format/integrity.h"
#include "libregion/ops/repair.h"
#include "libregion/ops/undo.h"
#include "tests/unit/ops/migrated_extent.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_count = 7;

RepairOptions really() {
  RepairOptions options;
  options.dry_run = false;
  return options;
}

struct Repaired {
  RepairSummary summary;
  std::vector<Finding> findings;
  std::string steps;  // "block 3+1, bad_rows 0+0"
};

class StepCollector : public ReportCollector {
 public:
  void record(const OtherRecord& record) override {
    if (record.type != "repair") return;
    const auto number = [&](std::size_t field) {
      return std::to_string(std::get<std::uint64_t>(record.fields[field].value));
    };
    steps += (steps.empty() ? "" : ", ") +
             std::string(std::get<std::string_view>(record.fields[0].value)) + " " + number(1) +
             "+" + number(2);
  }
  std::string steps;
};

// A SQLite extent of seven blocks, the first five of which are written, and two replicas of it, a
// SQLite and a raw one.
class Replicas {
 public:
  Replicas() {
    region.put_sqlite(0, 5);
    sqlite.put_sqlite(0, 5);
    RawExtentBuilder built = raw.raw();
    for (std::uint64_t block = 0; block < 5; ++block) {
      built.set_data(block, raw.data_for(block));
      const std::uint64_t hash = libregion::on_disk_hash(raw.data_for(block));
      built.set_slot(ContextSlot::A, block, {hash, std::nullopt, hash, 0});
    }
    raw.put_raw(0, built.set_numbers(3, 5));
  }

  void damage(std::uint64_t block) const {
    Bytes content = region.file("00/000/000");
    content[block * 512 + 9] ^= std::byte{1};
    replace(content);
  }
  void cut(std::uint64_t size_bytes) const {
    Bytes content = region.file("00/000/000");
    content.resize(size_bytes);
    replace(content);
  }
  void execute(const std::string& sql) {
    const auto service = region.continue_sqlite(0);
    service->execute(sql);
    service->close_cleanly();
  }

  [[nodiscard]] Repaired repair(const std::vector<const TestRegion*>& from,
                                RepairOptions options = {}) {
    PosixFileSystem file_system;
    std::vector<OpenedRegion> sources;
    for (const TestRegion* source : from) {
      sources.push_back(open_region(file_system, source->path(), {}));
    }
    for (const OpenedRegion& source : sources) options.replicas.push_back(&*source.region);
    if (!options.dry_run) {
      options.undo_path = undo_directory.path() + "/undo";
      options.undo_file_system = &file_system;
    }
    const auto target =
        open_region(file_system, region.path(),
                    {options.dry_run ? Access::read : Access::read_write, false, 0});
    StepCollector collector;
    const RepairSummary summary = repair_region(*target.region, options, collector);
    return {summary, std::move(collector.reports.findings), std::move(collector.steps)};
  }

  // What is planned is what is done; the undo file takes it back.
  Repaired check_repair(const std::vector<const TestRegion*>& from, const std::string& steps,
                        RepairOptions options = {}) {
    const auto before = files();
    const auto snapshot = region.snapshot();
    const Repaired planned = repair(from, options);
    CHECK(planned.steps == steps);
    CHECK(region.snapshot() == snapshot);
    options.dry_run = false;
    Repaired done = repair(from, options);
    CHECK(done.steps == steps);
    if (!options.metadata) CHECK(names_of(done.findings) == names_of(planned.findings));
    const auto after = files();
    take_back();
    CHECK(files() == before);
    std::filesystem::remove(undo_directory.path() + "/undo");
    done = repair(from, options);
    CHECK(files() == after);
    return done;
  }

  [[nodiscard]] std::map<std::string, Bytes> files() const {
    std::map<std::string, Bytes> files;
    for (const auto& entry : std::filesystem::directory_iterator(region.path_of("00/000"))) {
      files[entry.path().filename()] = read_whole_file(entry.path());
    }
    return files;
  }

  void take_back() const {
    PosixFileSystem file_system;
    if (!std::filesystem::exists(undo_directory.path() + "/undo")) return;
    const auto target = open_region(file_system, region.path(), {Access::read_write, false, 0});
    const auto directory =
        std::get<std::unique_ptr<Directory>>(file_system.open_directory(undo_directory.path()));
    const UndoFile undo(open_file_in(*directory, "undo", Access::read));
    ReportCollector collector;
    CHECK(undo_repair(*target.region, undo, {.dry_run = false}, collector).left_count == 0);
  }

  void check_whole() const {
    CHECK(names_of(verify(region).reports.findings) == "");
    for (std::uint64_t block = 0; block < 5; ++block)
      CHECK(data_of(block) == region.data_for(block));
    CHECK(region.file("00/000/000").size() == block_count * 512);
    CHECK(files_of(region) == "000 000.db");
  }
  [[nodiscard]] Bytes data_of(std::uint64_t block) const {
    const Bytes content = region.file("00/000/000");
    const auto first = content.begin() + static_cast<std::ptrdiff_t>(block * 512);
    return {first, first + 512};
  }
  // How many rows there are, on a copy.
  [[nodiscard]] std::size_t row_count() const {
    const TemporaryDirectory copy;
    for (const char* suffix : {".db", ".db-wal"}) {
      if (!region.has(std::string("00/000/000") + suffix)) continue;
      write_whole_file(copy.path() + "/000" + suffix,
                       region.file(std::string("00/000/000") + suffix));
    }
    return rows_by_sqlite(copy.path() + "/000.db")->size();
  }

  TestRegion region{{512, block_count, 1}};
  TestRegion sqlite{{512, block_count, 1}};
  TestRegion raw{{512, block_count, 1}};
  TemporaryDirectory undo_directory;

 private:
  void replace(const Bytes& content) const {
    region.remove("00/000/000");
    region.put_file("00/000/000", content);
  }
};

TEST_CASE("repair of a SQLite extent: damaged blocks come from replicas of both formats") {
  for (const bool from_raw : {false, true}) {
    Replicas replicas;
    replicas.damage(1);
    replicas.damage(2);
    replicas.damage(6);  // never written
    const TestRegion& from = from_raw ? replicas.raw : replicas.sqlite;
    replicas.check_repair({&from}, "block 1+2, block 6+1");
    replicas.check_whole();
    CHECK(replicas.row_count() == 5);
  }
}

TEST_CASE("repair of a SQLite extent: rows in the log count, and are in the new database") {
  Replicas replicas;
  const auto service = replicas.region.continue_sqlite(0);
  service->write(4, replicas.region.data_for(4, 7));
  service->write(4, replicas.region.data_for(4, 8));
  service->die();
  replicas.damage(1);
  RepairOptions options;
  options.mix = true;  // the extent is dirty, the replicas are not
  replicas.check_repair({&replicas.raw}, "block 1+1", options);
  CHECK(names_of(verify(replicas.region).reports.findings) == "dirty_extent");
  CHECK(replicas.data_of(4) == replicas.region.data_for(4, 8));
  CHECK(replicas.row_count() == 5);  // that of the version before is gone
}

TEST_CASE("repair of a SQLite extent: a short data file is filled up whole or stays") {
  Replicas replicas;
  replicas.cut(3 * 512 + 100);
  replicas.damage(0);
  Bytes content = replicas.sqlite.file("00/000/000");
  content[4 * 512] ^= std::byte{1};
  replicas.sqlite.remove("00/000/000");
  replicas.sqlite.put_file("00/000/000", content);
  const auto before = replicas.region.snapshot();
  const Repaired left = replicas.repair({&replicas.sqlite}, really());
  CHECK(left.steps == "");
  CHECK(names_of(left.findings) == "short_data_file, sqlite_no_matching_row, no_proven_copy");
  CHECK(replicas.region.snapshot() == before);

  RepairOptions forget;
  forget.forget = BlockSelection::parse("4", std::nullopt);
  replicas.check_repair({&replicas.sqlite}, "block 0+1, block 3+1, forgotten 4+1, block 5+2",
                        forget);
  CHECK(names_of(verify(replicas.region).reports.findings) == "");
  CHECK(replicas.data_of(4) == Bytes(512));
  CHECK(replicas.row_count() == 4);
}

TEST_CASE("repair of a SQLite extent: without its database or its data file it is built anew") {
  for (const bool loses_database : {true, false}) {
    Replicas replicas;
    if (loses_database) {
      replicas.region.remove("00/000/000.db");
      replicas.region.put_file("00/000/000.db", "not a database");
      replicas.region.put_file("00/000/000.db-wal", "nor a log");
    } else {
      replicas.region.remove("00/000/000");
    }
    replicas.check_repair({&replicas.raw}, "extent 0+7");
    replicas.check_whole();
  }
}

TEST_CASE("repair of a SQLite extent: a row that cannot be a context goes where another proves") {
  Replicas replicas;
  replicas.execute(
      "INSERT INTO block_context VALUES (2, NULL, NULL, NULL, 5), "
      "(3, 8, NULL, NULL, 8)");
  const Repaired done = replicas.check_repair({}, "bad_rows 2+1");
  CHECK(names_of(done.findings) == "");
  replicas.check_whole();
  CHECK(replicas.row_count() == 5);
}

TEST_CASE("repair of a SQLite extent: a block whose only row is bad was not never written") {
  Replicas replicas;
  replicas.execute("INSERT INTO block_context VALUES (6, NULL, NULL, NULL, 5)");
  // Its data is zero, and the replica says that it was never written.
  Repaired left = replicas.repair({&replicas.raw}, really());
  CHECK(left.steps == "");
  CHECK(names_of(left.findings) == "sqlite_bad_row, no_proven_copy");
  RepairOptions forget;
  forget.forget = BlockSelection::parse("6", std::nullopt);
  replicas.check_repair({}, "forgotten 6+1", forget);
  replicas.check_whole();
}

TEST_CASE("repair of a SQLite extent: a bad row of no block leaves unwritten ones in doubt") {
  Replicas replicas;
  replicas.execute("INSERT INTO block_context VALUES ('x', 1, NULL, NULL, 5)");
  CHECK(replicas.repair({}).steps == "");
  replicas.check_repair({&replicas.sqlite}, "block 5+2, bad_rows 0+0");
  replicas.check_whole();
}

TEST_CASE("repair of a SQLite extent: a block that stays damaged keeps all its rows") {
  Replicas replicas;
  replicas.execute("INSERT INTO block_context VALUES (1, 8, NULL, NULL, 8), (4, 8, NULL, NULL, 8)");
  replicas.damage(1);
  RepairOptions forget;
  forget.forget = BlockSelection::parse("3", std::nullopt);
  const Repaired done = replicas.check_repair({}, "forgotten 3+1", forget);
  CHECK(names_of(done.findings) == "sqlite_no_matching_row");
  CHECK(replicas.row_count() == 2 + 3);  // of blocks 1; 0, 2, 4
}

TEST_CASE("repair of a SQLite extent: lost metadata is given, or the replica's") {
  for (const bool is_given : {true, false}) {
    Replicas replicas;
    replicas.execute("DELETE FROM metadata WHERE name = 'flush_number'");
    RepairOptions options;
    if (is_given) {
      options.metadata = ExtentMetadata{.dirty = true, .gen_number = 3, .flush_number = 5};
      replicas.check_repair({}, "metadata 0+0", options);
    } else {
      replicas.check_repair({&replicas.raw}, "extent 0+7");
    }
    const Reports found = verify(replicas.region).reports;
    CHECK(names_of(found.findings) == (is_given ? "dirty_extent" : ""));
    CHECK(found.extents.at(0).metadata->flush_number == 5);
  }
}

TEST_CASE("repair of a SQLite extent: what must not be written over is left") {
  const auto check_left = [](const std::function<void(Replicas&)>& change) {
    Replicas replicas;
    change(replicas);
    const auto before = replicas.region.snapshot();
    const Repaired left = replicas.repair({&replicas.raw}, really());
    CHECK(left.steps == "");
    CHECK(left.summary.left_count == 1);
    CHECK(replicas.region.snapshot() == before);
  };
  check_left([](Replicas& replicas) { replicas.region.put_file("00/000/000.db-journal", "hot"); });
  check_left([](Replicas& replicas) {
    replicas.region.remove("00/000/000.db");
    replicas.region.put_symbolic_link("00/000/000.db", "elsewhere");
  });
  check_left([](Replicas& replicas) {
    replicas.damage(2);
    replicas.region.put_file("00/000/other", "a log");
    replicas.region.put_hard_link("00/000/000.db-shm", replicas.region.path_of("00/000/other"));
  });
}

}  // namespace
}  // namespace libregion
