#include "tests/crash/region_protocols.h"

#include <algorithm>
#include <stdexcept>

#include "libregion/base/text.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/durable.h"

namespace libregion {
namespace {

std::unique_ptr<Directory> open_leaf(MemoryFileSystem& memory) {
  const auto root = expect_opened(memory.open_directory(region_path), region_path);
  return open_directory_in(*root, "00/000");
}

void copy_over(const Directory& source, const std::string& name, Directory& leaf) {
  const auto from = open_file_in(source, name, Access::read);
  const auto to = open_file_in(leaf, name, Access::read_write);
  const Bytes content = from->read(0, from->status().size_bytes);
  to->resize(content.size());
  to->write(0, content);
  to->sync();
}

// Everything is copied and synced; only the log that the replacement lacks stays.
void replace_beside_log(MemoryFileSystem& memory) {
  const auto leaf = open_leaf(memory);
  const auto source = open_directory_in(*leaf, "000.replace");
  for (const char* name : {"000.db", "000"}) copy_over(*source, name, *leaf);
  leaf->sync();
  leaf->rename("000.replace", "000.completed");
  leaf->sync();
}

// The definition first, then the extents that it names.
void create_definition_first(const Geometry& geometry, MemoryFileSystem& memory) {
  const auto made = memory.copy();
  perform(RegionStep::create, geometry, *made);
  const auto parent = expect_opened(memory.open_directory("/"), "/");
  parent->make_directory("r", std::nullopt);
  parent->sync();
  const auto root = expect_opened(memory.open_directory(region_path), region_path);
  replace_file(*root, "region.json", "region.json.tmp", made->content_of("/r/region.json"));
  root->make_directory("00", std::nullopt);
  open_directory_in(*root, "00")->make_directory("000", std::nullopt);
  const auto leaf = open_leaf(memory);
  for (const char* name : {"000", "001"}) {
    leaf->create_file(name, std::nullopt)
        ->write(0, made->content_of(std::string("/r/00/000/") + name));
  }
  root->sync_file_system();
}

// Tails written and synced; then the log goes, and the database after it.
void remove_log_first(const Geometry& geometry, MemoryFileSystem& memory) {
  const auto migrated = memory.copy();
  perform(RegionStep::migrate, geometry, *migrated);
  const auto leaf = open_leaf(memory);
  for (const char* name : {"000", "001"}) {
    const auto file = open_file_in(*leaf, name, Access::read_write);
    const Bytes content = migrated->content_of(std::string("/r/00/000/") + name);
    const auto data_bytes = geometry.extent_data_bytes();
    file->write(data_bytes, ByteView(content).subspan(data_bytes));
    file->sync();
    for (const char* suffix : {".db-wal", ".db-shm", ".db"}) {
      leaf->remove_file(std::string(name) + suffix);
    }
  }
  leaf->sync();
}

// Migrating was killed when it had removed the last database, before that was durable.
void kill_after_last_database(const Geometry& geometry, MemoryFileSystem& memory) {
  const auto run = [&](MemoryFileSystem& running) {
    perform(RegionStep::migrate, geometry, running);
  };
  const std::vector<Call> log = log_of(memory, run);
  const auto last = std::find_if(log.rbegin(), log.rend(), [](const Call& call) {
    return call.kind == CallKind::remove_file && call.path.ends_with(".db");
  });
  memory.clear_log();
  run_with_crash(memory, run, static_cast<std::uint64_t>(log.rend() - last));
  memory.restart();
}

}  // namespace

std::vector<BrokenRegionProtocol> broken_region_protocols(const Geometry& geometry) {
  std::vector<BrokenRegionProtocol> all;
  RegionProtocol protocol{"stale-log-beside-replacement"};
  protocol.perform = replace_beside_log;
  all.push_back({protocol, RegionStart::sqlite_replace, RegionStep::migrate, CrashModel::ordered,
                 "a database is replaced, and the log of the old one stays beside it"});
  protocol = {"definition-first"};
  protocol.perform = [geometry](MemoryFileSystem& memory) {
    create_definition_first(geometry, memory);
  };
  all.push_back({protocol, RegionStart::nothing, RegionStep::create, CrashModel::ordered,
                 "region.json names extents that are not there yet: Crucible"});
  protocol = {"definition-not-synced"};
  protocol.skips = [](std::size_t /*number*/, const Call& sync) {
    return sync.kind == CallKind::sync_file && sync.path.find("region.json") != std::string::npos;
  };
  all.push_back({protocol, RegionStart::nothing, RegionStep::create, CrashModel::posix_512,
                 "a file is renamed before it is synced: the empty files of ext4 in 2009"});
  protocol = {"log-removed-first"};
  protocol.perform = [geometry](MemoryFileSystem& memory) { remove_log_first(geometry, memory); };
  all.push_back({protocol, RegionStart::sqlite_hot, RegionStep::migrate, CrashModel::ordered,
                 "a write-ahead log goes before the database that needs it"});
  protocol = {"database-gone-for-now"};
  protocol.prepare = [geometry](MemoryFileSystem& memory) {
    kill_after_last_database(geometry, memory);
  };
  protocol.skips = [](std::size_t number, const Call& /*sync*/) { return number == 0; };
  all.push_back({protocol, RegionStart::sqlite_hot, RegionStep::migrate, CrashModel::posix_512,
                 "that a .db is gone is believed without its directory being synced"});
  protocol = {"tails-not-synced"};
  protocol.skips = [](std::size_t /*number*/, const Call& sync) {
    return sync.kind == CallKind::sync_file;
  };
  all.push_back({protocol, RegionStart::sqlite_clean, RegionStep::migrate, CrashModel::posix_512,
                 "a database is removed before what was made of it is synced"});
  protocol.name = "staged-not-synced";
  all.push_back({protocol, RegionStart::raw, RegionStep::import, CrashModel::posix_512,
                 "what is to replace an extent is put in place before it is synced"});
  return all;
}

RegionProtocol region_protocol_named(const std::string& name, const Geometry& geometry) {
  if (name == RegionProtocol().name) return {};
  for (const BrokenRegionProtocol& broken : broken_region_protocols(geometry)) {
    if (broken.protocol.name == name) return broken.protocol;
  }
  throw std::runtime_error("there is no protocol " + name);
}

}  // namespace libregion
